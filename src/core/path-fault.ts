import { accessSync, constants, lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What the path of a setting has to be. */
export type Wanted = 'file' | 'folder' | 'file or folder' | 'writable folder';

const ADVICE: Record<Wanted, string> = {
  file: 'set it to a file that this process may read',
  folder: 'set it to a folder that this process may read',
  'file or folder': 'set it to a file that this process may read, or to a folder of such files',
  'writable folder': 'set it to a folder that this process may write to',
};

const READ_FOLDER = constants.R_OK | constants.X_OK;

/** Why the path cannot be used, and what would work. Null if it can be used now. */
export function pathFault(path: string, wanted: Wanted): string | null {
  try {
    const stats = statSync(path);
    const wrong = kindFault(path, stats, wanted);
    if (wrong !== null) return wrong;
    const write = wanted === 'writable folder' ? constants.W_OK : 0;
    accessSync(path, stats.isDirectory() ? READ_FOLDER | write : constants.R_OK);
    return null;
  } catch (error) {
    return describePathError(path, error as NodeJS.ErrnoException, wanted);
  }
}

/** Like `pathFault`, for what the path leads to. A pipe is not a file here, because reading it might never end. */
export const kindFault = (path: string, stats: Stats, wanted: Wanted): string | null =>
  wanted.includes(kindOf(stats)) ? null : `${path} is ${nounOf(stats)}; ${ADVICE[wanted]}`;

/** Like `pathFault`, for the error of an operation on the path. */
export const describePathError = (path: string, error: NodeJS.ErrnoException, wanted: Wanted): string =>
  `${reasonOf(path, error, wanted)}; ${ADVICE[wanted]}`;

function reasonOf(path: string, { code, message }: NodeJS.ErrnoException, wanted: Wanted): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return whyMissing(path);
    case 'EISDIR':
      return `${path} is a folder`;
    case 'ELOOP':
      return `${path} is a symbolic link that leads to itself`;
    case 'EACCES':
    case 'EPERM': {
      const user = process.geteuid ? `user ${process.geteuid()}` : 'the user of this process';
      return `${user} may not ${wanted === 'writable folder' ? 'write to' : 'read'} ${path}`;
    }
    case 'EROFS':
      return `${path} is on a read-only file system`;
    default:
      return `${path} cannot be used: ${message}`;
  }
}

/** Names the part of the path at which it ends: a link to nothing, or a file where a folder should be. */
function whyMissing(path: string): string {
  let at = path;
  while (!exists(at) && at !== dirname(at)) at = dirname(at);
  const stats = lstatSync(at);
  const missing = at === path ? path : `${path} does not exist: ${at}`;
  if (stats.isSymbolicLink()) return `${missing} is a symbolic link to ${readlinkSync(at)}, which does not exist`;
  return stats.isDirectory() ? `${path} does not exist` : `${missing} is ${nounOf(stats)}`;
}

/** Also true for a link to nothing. */
function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

const kindOf = (stats: Stats) => (stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'device');

const nounOf = (stats: Stats) => (kindOf(stats) === 'device' ? 'a pipe, a socket or a device' : `a ${kindOf(stats)}`);
