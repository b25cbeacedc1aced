import { spawnSync } from 'node:child_process';
import { chown, lchown, mkdir, readdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** The user that PostgreSQL runs as. It refuses to run as root, and as a user without a name. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
  /** The words to put before each command. */
  readonly prefix: readonly string[];
}

const NOBODY = 65534;
// In the new namespace the user is nobody, who exists on every machine. Outside it, files keep their owner.
const asNobody = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] as const;

/** Creates `folder` when it is absent, and returns the user that its server runs as. When this process is root, that is the owner of
 *  the folder. */
export async function accountFor(folder: string): Promise<Account> {
  const isRoot = process.geteuid?.() === 0;
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!isRoot) return { prefix: hasName() ? [] : asNobody };

  if (made) await give(made, await stat(dirname(made)));
  const { uid, gid } = await stat(folder);
  if (mayUnshare(uid, gid)) return { uid, gid, prefix: asNobody };
  if (uid !== 0) return { uid, gid, prefix: [] };
  await give(folder, { uid: NOBODY, gid: NOBODY });
  return { uid: NOBODY, gid: NOBODY, prefix: [] };
}

/** Changes the owner of a file, or of a folder with everything in it. */
export async function give(path: string, to: { uid?: number; gid?: number }): Promise<void> {
  const { uid, gid } = to;
  if (uid === undefined || gid === undefined) return;
  const inside = (await stat(path)).isDirectory() ? await readdir(path, { recursive: true }) : [];
  await Promise.all(inside.map((name) => lchown(join(path, name), uid, gid)));
  await chown(path, uid, gid);
}

function mayUnshare(uid: number, gid: number): boolean {
  const [command, ...rest] = [...asNobody, 'true'];
  return spawnSync(command, rest, { uid, gid, stdio: 'ignore', cwd: '/' }).status === 0;
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}
