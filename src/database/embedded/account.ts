import { spawnSync } from 'node:child_process';
import { chown, lchown, mkdir, readdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** As whom PostgreSQL runs: it refuses root, and a user without a name. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
  /** What stands before each command. */
  readonly prefix: readonly string[];
}

const NOBODY = 65534;
// Inside, the user is nobody, a name that every machine has; outside, files keep the owner they had.
const asNobody = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] as const;

/** Makes `folder` where it is absent, and says as whom the server of that folder runs: for root, as the folder's owner. */
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

/** Gives a file, or a folder with all that is in it, to another owner. */
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
