import { randomUUID } from 'node:crypto';
import { link, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresInUse } from './errors.js';
import { writePrivately, type EmbeddedSite } from './site.js';
import { startOf } from './process-facts.js';

const FILE = /^owner\.(\d+)$/;

/**
 * Makes this process the only owner of the folder's server, and returns what gives that up.
 * The owner is who the highest `owner.<n>` names, if that process still lives. The number only rises, and a file is
 * made whole by `link`, so of two that take over from the same dead owner one wins.
 * Throws EmbeddedPostgresInUse.
 */
export async function takeOwnership(site: EmbeddedSite): Promise<() => Promise<void>> {
  const draft = join(site.folder, `owner-draft-${randomUUID()}`);
  await writePrivately(site, draft, JSON.stringify({ pid: process.pid, start: await startOf(process.pid) }));
  try {
    for (;;) {
      const last = Math.max(0, ...(await numbers(site.folder)));
      const owner = last ? await livingOwner(file(site, last)) : undefined;
      if (owner) throw new EmbeddedPostgresInUse(site.folder, owner);

      const mine = file(site, last + 1);
      if (!(await linked(draft, mine))) continue;
      // Between the look and the link, another may have come and left several numbers behind.
      if (Math.max(...(await numbers(site.folder))) !== last + 1) {
        await rm(mine, { force: true });
        continue;
      }
      await removeOlder(site, last + 1);
      return () => writeFile(mine, '').catch(() => undefined); // The end of this process gives it up as well.
    }
  } finally {
    await rm(draft, { force: true });
  }
}

const file = (site: EmbeddedSite, n: number) => join(site.folder, `owner.${n}`);

async function numbers(folder: string): Promise<number[]> {
  return (await readdir(folder)).flatMap((name) => Number(FILE.exec(name)?.[1] ?? []));
}

async function livingOwner(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!text) return undefined; // Given up.
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
