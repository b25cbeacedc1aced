import { randomBytes } from 'node:crypto';
import { access, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram, type Binaries } from './binaries.js';
import { EmbeddedPostgresFailed } from './errors.js';
import { writePrivately, type EmbeddedSite } from './site.js';

/** Name of the service's role and of its database. */
export const SERVICE = 'cronzimus';

/** Makes the database cluster where it is absent, and returns the password of the service's role. */
export async function ensureCluster(site: EmbeddedSite, binaries: Binaries): Promise<string> {
  const exists = await present(site.cluster);
  if (exists && !(await present(site.password))) {
    throw new EmbeddedPostgresFailed(`${site.password} is missing`, `The database is in ${site.cluster}.`);
  }
  const password = await readFile(site.password, 'utf8').catch(() => '');
  if (password) {
    if (!exists) await makeCluster(site, binaries, password);
    return password;
  }
  // The password comes first: a process killed in between leaves no database that nobody can enter.
  const fresh = randomBytes(24).toString('hex');
  await writePrivately(site, site.password, fresh);
  await makeCluster(site, binaries, fresh);
  return fresh;
}

/** Works under another name and renames at the end: what was killed half way is not taken for a database. */
async function makeCluster(site: EmbeddedSite, { initdb, postgres }: Binaries, password: string): Promise<void> {
  await removeUnfinished(site);
  const fresh = `${site.cluster}.new-${randomBytes(4).toString('hex')}`;
  const run = (program: string, args: string[], input?: string) =>
    runProgram(program, args, site.account, site.folder, input);

  // The built-in locale orders by bytes like C, and knows the letters of all languages.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await run(initdb, ['-D', fresh, '-U', 'postgres', ...locale, '--auth=reject', '--no-instructions']);
  const said = await run(postgres, ['--single', '-D', fresh, 'postgres'], serviceSql(password));
  // A single-user server ends with 0 whatever failed in it.
  if (/^\S.*(ERROR|FATAL|PANIC): /m.test(said)) {
    throw new EmbeddedPostgresFailed('The service role could not be made', said.replaceAll(password, '…'));
  }
  await writePrivately(site, join(fresh, 'pg_hba.conf'), `host all ${SERVICE} 127.0.0.1/32 scram-sha-256\n`);
  await rename(fresh, site.cluster);
  await sync(site.folder);
}

/** One statement a line, as the single-user server reads them. */
const serviceSql = (password: string) =>
  `CREATE ROLE ${SERVICE} LOGIN NOSUPERUSER CREATEDB PASSWORD '${password}'\nCREATE DATABASE ${SERVICE} OWNER ${SERVICE}\n`;

async function removeUnfinished(site: EmbeddedSite): Promise<void> {
  const unfinished = (await readdir(site.folder)).filter((name) => name.startsWith(`${basename(site.cluster)}.new-`));
  // An initdb that outlived its parent may still write there: what resists goes another time.
  await Promise.all(
    unfinished.map((name) => rm(join(site.folder, name), { recursive: true, force: true }).catch(() => undefined)),
  );
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
