import { join, resolve } from 'node:path';
import { accountFor, type Account } from './account.js';
import { checkFolder } from './own-files.js';

/** The paths of an embedded server's files, and the user that it runs as. */
export interface EmbeddedSite {
  readonly folder: string;
  readonly cluster: string;
  readonly password: string;
  readonly port: string;
  readonly log: string;
  readonly account: Account;
}

/** Creates the data folder when it is absent, and returns the paths in it. Throws DATA_DIR_UNSAFE. */
export async function openSite(dataDir: string): Promise<EmbeddedSite> {
  const { folder, account } = await accountFor(resolve(dataDir));
  const at = (name: string) => join(folder, name);
  await checkFolder(at('postgres'), account);
  return {
    folder,
    cluster: at('postgres'),
    password: at('password'),
    port: at('port'),
    log: at('postgres.log'),
    account,
  };
}
