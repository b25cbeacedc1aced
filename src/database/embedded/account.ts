import { spawnSync } from 'node:child_process';
import { lchown, lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { describePathError, pathFault } from '../../core/path-fault.js';
import { Problem } from '../../core/problem.js';
import { DataDirUnsafe, DataDirUnusable } from './errors.js';

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
/** What the service and PostgreSQL create in the folder, and what a file system has by itself. */
const OURS = /^(password|port|postgres(\.log(\.1)?|\.new-\w+)?|owner(\.\d+|-draft-[\w-]+)|lost\+found)$/;
const OTHERS_MAY_WRITE = 0o002;

/** Creates `path` when it is absent. Returns its real path, and the user that its server runs as. When this process is root, that is
 *  the owner of the folder. Throws DATA_DIR_UNSAFE, and BAD_ENVIRONMENT when the path is no folder that this process may write to. */
export async function accountFor(path: string): Promise<{ folder: string; account: Account }> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) await checkLinks(path);
  await create(path, isRoot).catch((error: NodeJS.ErrnoException) => {
    throw error instanceof Problem ? error : new DataDirUnusable(describePathError(path, error, 'writable folder'));
  });
  const fault = pathFault(path, 'writable folder');
  if (fault !== null) throw new DataDirUnusable(fault);
  // A running server is recognised by this path, so a folder must have only one.
  const folder = await realpath(path);
  const { uid, gid, mode } = await stat(folder);
  if (mode & OTHERS_MAY_WRITE) throw new DataDirUnsafe(folder, 'is writable for everybody', `chmod o-w ${folder}`);
  if (!isRoot) return { folder, account: { prefix: hasName() ? [] : asNobody } };

  if (mayUnshare(uid, gid)) return { folder, account: { uid, gid, prefix: asNobody } };
  if (uid !== 0) return { folder, account: { uid, gid, prefix: [] } };
  await giveToNobody(folder);
  return { folder, account: { uid: NOBODY, gid: NOBODY, prefix: [] } };
}

/** Root follows a link of another user, also in the folders above, only to something of the same user. */
async function checkLinks(path: string): Promise<void> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const link = await lstat(at).catch(() => undefined);
    if (!link?.isSymbolicLink() || link.uid === 0) continue;
    const target = await stat(at).catch(() => undefined);
    if (target && target.uid !== link.uid)
      throw new DataDirUnsafe(at, `is a symbolic link of user ${link.uid} to a folder of user ${target.uid}`);
  }
}

/** As root, the owner of the folder above creates it. Root would have to change the owner afterwards, and the owner of the folder
 *  above could replace it before that. */
async function create(path: string, isRoot: boolean): Promise<void> {
  let above = path;
  while (!(await exists(above))) above = dirname(above);
  if (above === path) return;
  const { uid, gid } = await stat(above);
  if (!isRoot || uid === 0) await mkdir(path, { recursive: true, mode: 0o700 });
  else {
    const { status, stderr } = spawnSync('sh', ['-c', 'umask 077; exec mkdir -p -- "$0"', path], {
      uid,
      gid,
      cwd: '/',
    });
    if (status !== 0) throw new DataDirUnsafe(path, `cannot be created by the owner of ${above}: ${String(stderr)}`);
  }
}

/** Changes the owner of a folder of root, with what the service has created in it. Throws if there is anything else. */
async function giveToNobody(folder: string): Promise<void> {
  const foreign = (await readdir(folder)).find((name) => !OURS.test(name));
  if (foreign !== undefined)
    throw new DataDirUnsafe(folder, `belongs to root and also contains ${foreign}, which is not of Cronzimus`);
  // Only the owner, which is root, can replace anything in it until the folder itself changes its owner.
  const inside = (await readdir(folder, { recursive: true })).filter((name) => name !== 'lost+found');
  await Promise.all(inside.map((name) => lchown(join(folder, name), NOBODY, NOBODY)));
  await lchown(folder, NOBODY, NOBODY);
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

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
