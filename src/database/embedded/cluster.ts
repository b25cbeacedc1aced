import { randomBytes } from 'node:crypto';
import { access, open, readdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram, type Binaries } from './binaries.js';
import { EmbeddedPostgresFailed } from './errors.js';
import { readPrivately, writePrivately } from './own-files.js';
import type { EmbeddedSite } from './site.js';

/** The name of the service's role, and of its database. */
export const SERVICE = 'cronzimus';

/** Creates the database cluster when it is absent, and returns the password of the service's role. */
export async function ensureCluster(site: EmbeddedSite, binaries: Binaries): Promise<string> {
  const exists = await present(site.cluster);
  if (exists && !(await present(site.password))) {
    throw new EmbeddedPostgresFailed(`${site.password} is missing`, `The database is in ${site.cluster}.`);
  }
  const password = await readPrivately(site.password, site.account);
  if (password) {
    if (!exists) await makeCluster(site, binaries, password);
    return password;
  }
  // The password is written first. A process that is killed in between then never leaves a database with an unknown password.
  const fresh = randomBytes(24).toString('hex');
  await writePrivately(site.password, fresh, site.account);
  await makeCluster(site, binaries, fresh);
  return fresh;
}

/** Creates the cluster under another name and renames it at the end, so that an unfinished cluster is never used. */
async function makeCluster(site: EmbeddedSite, { initdb, postgres }: Binaries, password: string): Promise<void> {
  await removeUnfinished(site);
  const fresh = `${site.cluster}.new-${randomBytes(4).toString('hex')}`;
  const run = (program: string, args: string[], input?: string) =>
    runProgram(program, args, site.account, site.folder, input);

  // The built-in locale sorts by bytes like C, and knows the letters of all languages.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await run(initdb, ['-D', fresh, '-U', 'postgres', ...locale, '--auth=reject', '--no-instructions']);
  const output = await run(postgres, ['--single', '-D', fresh, 'postgres'], serviceSql(password));
  // A single-user server exits with 0 even when a statement failed.
  if (/^\S.*(ERROR|FATAL|PANIC): /m.test(output)) {
    throw new EmbeddedPostgresFailed('The role of the service could not be created', output.replaceAll(password, '…'));
  }
  await writePrivately(join(fresh, 'pg_hba.conf'), `host all ${SERVICE} 127.0.0.1/32 scram-sha-256\n`, site.account);
  await rename(fresh, site.cluster);
  await sync(site.folder);
}

/** One statement per line, which is the input of a single-user server. */
const serviceSql = (password: string) =>
  `CREATE ROLE ${SERVICE} LOGIN NOSUPERUSER CREATEDB PASSWORD '${password}'\nCREATE DATABASE ${SERVICE} OWNER ${SERVICE}\n`;

async function removeUnfinished(site: EmbeddedSite): Promise<void> {
  const unfinished = (await readdir(site.folder)).filter((name) => name.startsWith(`${basename(site.cluster)}.new-`));
  if (unfinished.length === 0) return;
  const paths = unfinished.map((name) => join(site.folder, name));
  // The account removes them, since root could be led elsewhere by a link. An initdb that outlived its parent may still write there.
  // What cannot be removed now is removed at a later start.
  await runProgram('rm', ['-rf', '--', ...paths], site.account, site.folder).catch(() => undefined);
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const present = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
