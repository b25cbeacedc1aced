import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  lchown,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';
import { runSql } from './support/run-sql.js';

const NOBODY = 65534;
const WORKS = [{ one: 1 }];
const KEPT = 'of somebody else\n';
const asRoot = process.geteuid?.() === 0 ? describe : describe.skip;

let scratch: string;
let folder: string;
let foreign: string;
const owners: ChildProcess[] = [];

beforeEach(async () => {
  // Not in TEST_SCRATCH, which only root can reach when root runs the tests.
  scratch = await mkdtemp(join(tmpdir(), 'cronzimus-data-dir-'));
  // The account of the server must be able to reach the folder.
  await chmod(scratch, 0o755);
  folder = join(scratch, 'data');
  foreign = join(scratch, 'foreign');
  await writeFile(foreign, KEPT, { mode: 0o640 });
});

afterEach(async () => {
  await Promise.all(owners.splice(0).map((owner) => kill(owner, 'SIGTERM')));
  await eventually(() => rm(scratch, { recursive: true, force: true }));
});

interface Answer {
  url?: string;
  code?: string;
  message?: string;
}

async function start(path = folder): Promise<Answer> {
  const owner = fork('test/support/embedded-postgres-process.js', [path], { execArgv: [] });
  owners.push(owner);
  const [answer]: Answer[] = await once(owner, 'message', { signal: AbortSignal.timeout(60_000) });
  return answer ?? {};
}

const stop = () => Promise.all(owners.splice(0).map((owner) => kill(owner, 'SIGTERM')));

/** Starts, and says whether the foreign file is as it was. */
async function refused() {
  const before = await stat(foreign);
  const { code, message } = await start();
  const { uid, gid, mode, size } = await stat(foreign);
  const unchanged = [uid, gid, mode, size].join() === [before.uid, before.gid, before.mode, before.size].join();
  return { code, message, unchanged: unchanged && (await readFile(foreign, 'utf8')) === KEPT };
}

const refusal = (text: string) => ({
  code: 'DATA_DIR_UNSAFE',
  message: expect.stringContaining(text) as string,
  unchanged: true,
});

/** What the started database returns. */
async function result(path = folder): Promise<unknown> {
  const { url, message } = await start(path);
  return url ? runSql(url, 'SELECT 1 AS one') : message;
}

/** The users that the files in the folder belong to. */
const usersOf = async (path: string) =>
  new Set(await Promise.all((await readdir(path)).map(async (name) => (await stat(join(path, name))).uid)));

const ENTRIES = ['postgres.log', 'password', 'port', 'owner.1'];

describe('a DATA_DIR is refused, and no foreign file is read or changed', () => {
  it.each([...ENTRIES, 'postgres'])('that has a symbolic link at %s', async (name) => {
    await mkdir(folder, { mode: 0o700 });
    await symlink(foreign, join(folder, name));
    expect(await refused()).toEqual(refusal(name));
  });

  it.each(ENTRIES.slice(0, 3))('that has a hard link at %s', async (name) => {
    await mkdir(folder, { mode: 0o700 });
    await link(foreign, join(folder, name));
    expect(await refused()).toEqual(refusal(name));
  });

  it('that everybody may write to', async () => {
    await mkdir(folder);
    await chmod(folder, 0o777);
    expect(await refused()).toEqual(refusal('chmod o-w'));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a DATA_DIR is used', () => {
  it('that is absent, that the last start made, and that a link of its owner leads to', async () => {
    expect(await result()).toEqual(WORKS);
    await stop();
    expect(await result()).toEqual(WORKS);
    await stop();
    await symlink(folder, join(scratch, 'link'));
    expect(await result(join(scratch, 'link'))).toEqual(WORKS);
  });
});

asRoot('a DATA_DIR of another user is refused by root', () => {
  it.each([...ENTRIES, 'postgres'])('that has a symbolic link at %s', async (name) => {
    await mkdir(folder, { mode: 0o700 });
    await symlink(foreign, join(folder, name));
    await chown(folder, NOBODY, NOBODY);
    expect(await refused()).toEqual(refusal(name));
  });

  it('whose database folder leads to that of a third one', async () => {
    await mkdir(folder, { mode: 0o700 });
    await mkdir(join(scratch, 'other'));
    await writeFile(join(scratch, 'other', 'postmaster.pid'), KEPT);
    await symlink(join(scratch, 'other'), join(folder, 'postgres'));
    await chown(folder, NOBODY, NOBODY);
    expect(await refused()).toEqual(refusal('postgres'));
    expect(await readdir(join(scratch, 'other'))).toEqual(['postmaster.pid']);
  });

  it('that is a link of that user to a folder of root', async () => {
    await mkdir(join(scratch, 'of-root'));
    await symlink(join(scratch, 'of-root'), folder);
    await lchown(folder, NOBODY, NOBODY);
    expect(await refused()).toEqual(refusal('symbolic link of user'));
    expect(await readdir(join(scratch, 'of-root'))).toEqual([]);
  });

  it.each(['data', 'deep/data'])(
    'that a link of that user above it leads to, into a folder of root: %s',
    async (below) => {
      const home = join(scratch, 'home');
      await mkdir(home);
      await chown(home, NOBODY, NOBODY);
      await mkdir(join(scratch, 'of-root'));
      await symlink(join(scratch, 'of-root'), join(home, 'link'));
      await lchown(join(home, 'link'), NOBODY, NOBODY);
      folder = join(home, 'link', below);
      expect(await refused()).toEqual(refusal('symbolic link of user'));
      expect(await readdir(join(scratch, 'of-root'))).toEqual([]);
    },
  );
});

asRoot('a DATA_DIR of another user is used by root', () => {
  it('that exists, such as a volume, and its files belong to that user', async () => {
    await mkdir(folder, { mode: 0o700 });
    await chown(folder, NOBODY, NOBODY);
    expect(await result()).toEqual(WORKS);
    expect(await usersOf(folder)).toEqual(new Set([NOBODY]));
    await stop();
    expect(await result()).toEqual(WORKS);
  });

  it('that is absent in a folder of that user', async () => {
    const home = join(scratch, 'home');
    await mkdir(home, { mode: 0o755 });
    await chown(home, NOBODY, NOBODY);
    expect(await result(join(home, 'deep', 'data'))).toEqual(WORKS);
    expect((await stat(join(home, 'deep'))).uid).toBe(NOBODY);
    expect((await stat(join(home, 'deep', 'data'))).mode & 0o777).toBe(0o700);
    expect(await usersOf(join(home, 'deep', 'data'))).toEqual(new Set([NOBODY]));
  });
});
