import { randomUUID } from 'node:crypto';
import { link, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresInUse } from './errors.js';
import { readPrivately, writePrivately } from './own-files.js';
import type { EmbeddedSite } from './site.js';
import { startOf } from './process-facts.js';

const FILE = /^owner\.(\d+)$/;

/**
 * Makes this process the only owner of the folder's server. Returns a function that gives the ownership up.
 * The owner is the process named in the highest `owner.<n>`, if that process still runs. The number only increases, and `link`
 * creates a complete file, so when two processes replace the same dead owner, one of them wins.
 * Throws EMBEDDED_POSTGRES_IN_USE.
 */
export async function takeOwnership(site: EmbeddedSite): Promise<() => Promise<void>> {
  const draft = join(site.folder, `owner-draft-${randomUUID()}`);
  const self = JSON.stringify({ pid: process.pid, start: await startOf(process.pid) });
  await writePrivately(draft, self, site.account);
  try {
    for (;;) {
      const last = Math.max(0, ...(await numbers(site.folder)));
      const owner = last ? await livingOwner(site, file(site, last)) : undefined;
      if (owner) throw new EmbeddedPostgresInUse(site.folder, owner);

      const mine = file(site, last + 1);
      if (!(await linked(draft, mine))) continue;
      // Between reading the numbers and creating the link, other processes may have taken and given up higher numbers.
      if (Math.max(...(await numbers(site.folder))) !== last + 1) {
        await rm(mine, { force: true });
        continue;
      }
      await removeOlder(site, last + 1);
      return () => writePrivately(mine, '', site.account).catch(() => undefined); // When this process ends, it gives up the ownership too.
    }
  } finally {
    await rm(draft, { force: true });
  }
}

const file = (site: EmbeddedSite, n: number) => join(site.folder, `owner.${n}`);

async function numbers(folder: string): Promise<number[]> {
  return (await readdir(folder)).flatMap((name) => Number(FILE.exec(name)?.[1] ?? []));
}

async function livingOwner({ account }: EmbeddedSite, path: string): Promise<number | undefined> {
  const text = await readPrivately(path, account, true);
  if (!text) return undefined; // The owner has given it up.
  const { pid, start }: { pid: number; start: string } = JSON.parse(text);
  return start && (await startOf(pid)) === start ? pid : undefined;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeOlder(site: EmbeddedSite, mine: number): Promise<void> {
  const older = (await numbers(site.folder)).filter((n) => n < mine);
  await Promise.all(older.map((n) => rm(file(site, n), { force: true })));
}
