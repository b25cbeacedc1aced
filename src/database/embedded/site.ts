import { realpath, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { accountFor, give, type Account } from './account.js';

/** Where an embedded server keeps what, and as whom it runs. */
export interface EmbeddedSite {
  readonly folder: string;
  readonly cluster: string;
  readonly password: string;
  readonly port: string;
  readonly log: string;
  readonly account: Account;
}

/** Makes the data folder where it is absent, and names the places in it. */
export async function openSite(dataDir: string): Promise<EmbeddedSite> {
  const account = await accountFor(resolve(dataDir));
  const folder = await realpath(dataDir); // One name for one folder: a running server is known by it.
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

/** Writes a file that only the folder's owner may read. Durable when it returns. */
export async function writePrivately(site: EmbeddedSite, path: string, text: string, flag = 'w'): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag, flush: true });
  await give(path, site.account);
}
