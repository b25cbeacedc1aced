import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const OLD_NODE = join(import.meta.dirname, `../../tools/old-node/node_modules/node-linux-${process.arch}/bin/node`);

/** Variables that start a replica with a Node whose time zone data are older than those of this process. */
export const onOldNode = () => ({ NODE_BINARY: OLD_NODE });

/** A time zone that the two data see differently now. */
export interface MovedZone {
  timeZone: string;
  /** Offsets from UTC by the old and by the new data, in milliseconds. */
  oldOffset: number;
  newOffset: number;
}

// Prints the minutes by which local time in each zone is ahead of UTC.
const OFFSETS = `
  const now = Math.floor(Date.now() / 60000) * 60000;
  const minutes = (timeZone) => {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric' }).formatToParts(now);
    const of = (type) => Number(parts.find((part) => part.type === type).value);
    return (Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute')) - now) / 60000;
  };
  console.log(JSON.stringify(Object.fromEntries(Intl.supportedValuesOf('timeZone').map((zone) => [zone, minutes(zone)]))));`;

const offsetsOf = (node: string) =>
  JSON.parse(execFileSync(node, ['-e', OFFSETS], { encoding: 'utf8' })) as Record<string, number>;

/** The zones whose offsets differ now. Throws when the old Node is not installed, and when there is no such zone. */
export function movedZones(): MovedZone[] {
  if (!existsSync(OLD_NODE)) throw new Error('The old Node is not here: run make faults');
  const [before, after] = [offsetsOf(OLD_NODE), offsetsOf(process.execPath)];
  const moved = Object.entries(after).flatMap(([timeZone, minutes]) => {
    const old = before[timeZone];
    if (old === undefined || old === minutes) return [];
    return [{ timeZone, oldOffset: old * 60_000, newOffset: minutes * 60_000 }];
  });
  if (moved.length === 0)
    throw new Error(
      `No zone differs now between the old Node and the data ${process.versions.tz} of this one; use a newer Node`,
    );
  return moved;
}
