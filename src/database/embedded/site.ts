import { realpath, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { accountFor, give, type Account } from './account.js';

/** The paths of an embedded server's files, and the user that it runs as. */
export interface EmbeddedSite {
  readonly folder: string;
  readonly cluster: string;
  readonly password: string;
  readonly port: string;
  readonly log: string;
  readonly account: Account;
}

/** Creates the data folder when it is absent, and returns the paths in it. */
export async function openSite(dataDir: string): Promise<EmbeddedSite> {
  const account = await accountFor(resolve(dataDir));
  const folder = await realpath(dataDir); // A running server is recognised by this path, so a folder must have only one.
  const at = (name: string) => join(folder, name);
  return {
    folder,
    cluster: at('postgres'),
    password: at('password'),
    port: at('port'),
    log: at('postgres.log'),
    account,
  };
}

/** Writes a file that only the folder's owner may read. The file is flushed to disk when this resolves. */
export async function writePrivately(site: EmbeddedSite, path: string, text: string, flag = 'w'): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag, flush: true });
  await give(path, site.account);
}
