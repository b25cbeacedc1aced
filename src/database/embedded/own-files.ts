import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import type { Account } from './account.js';
import { DataDirUnsafe } from './errors.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Opens a file for writing at its end, and creates it when it is absent. Only its owner may read it, and that is the account. This
 *  process may be root in a folder of another user. So it never follows a link, and writes only to files of the account and its own.
 *  Throws DATA_DIR_UNSAFE. */
export async function openPrivately(path: string, account: Account): Promise<FileHandle> {
  const handle = await openOwn(path, O_WRONLY | O_APPEND | O_CREAT, account);
  try {
    await checkOnlyName(path, handle);
    if (account.uid !== undefined) await handle.chown(account.uid, account.gid!);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Replaces the content of such a file. The file is flushed to disk when this resolves. */
export async function writePrivately(path: string, text: string, account: Account): Promise<void> {
  const handle = await openPrivately(path, account);
  try {
    await handle.truncate();
    await handle.appendFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The content of such a file. Empty when it cannot be read. `linked` allows a second name of the file. Throws DATA_DIR_UNSAFE. */
export async function readPrivately(path: string, account: Account, linked = false): Promise<string> {
  try {
    const handle = await openOwn(path, O_RDONLY, account);
    try {
      if (!linked) await checkOnlyName(path, handle);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof DataDirUnsafe) throw error;
    return '';
  }
}

/** Throws DATA_DIR_UNSAFE when the path exists and is not a folder of the account or of this process. */
export async function checkFolder(path: string, account: Account): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory()) throw new DataDirUnsafe(path, 'is not a folder');
  checkOwner(path, found, account);
}

async function openOwn(path: string, flags: number, account: Account): Promise<FileHandle> {
  // Without O_NONBLOCK, opening a pipe would wait.
  const handle = await open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600).catch((error: NodeJS.ErrnoException) => {
    // Some systems use EMLINK for a link, and ENXIO for a pipe or socket.
    if (/^(ELOOP|EMLINK|ENXIO)$/.test(error.code ?? '')) throw notRegular(path);
    throw error;
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw notRegular(path);
    checkOwner(path, found, account);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function checkOnlyName(path: string, handle: FileHandle): Promise<void> {
  if ((await handle.stat()).nlink > 1) throw new DataDirUnsafe(path, 'has a second name (hard link)', `rm ${path}`);
}

const notRegular = (path: string) => new DataDirUnsafe(path, 'is a symbolic link, or no regular file', `rm ${path}`);

function checkOwner(path: string, { uid }: Stats, account: Account): void {
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own && uid !== account.uid)
    throw new DataDirUnsafe(path, `belongs to user ${uid}, and the database to user ${account.uid ?? own}`);
}
