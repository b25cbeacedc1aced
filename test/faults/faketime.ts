import { globSync } from 'node:fs';
import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Variables that shift the clock of a process and its children by `seconds`. Monotonic clocks are not shifted. Throws when libfaketime
 *  is not installed. */
export function clockOff(seconds: number): Record<string, string> {
  return { ...preload(), FAKETIME: offset(seconds) };
}

/** A clock that can be set while processes use it. */
export class SteppedClock {
  private constructor(private readonly file: string) {}

  static async make(): Promise<SteppedClock> {
    const clock = new SteppedClock(join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'clock-')), 'offset'));
    await clock.set(0);
    return clock;
  }

  get variables(): Record<string, string> {
    return { ...preload(), FAKETIME_TIMESTAMP_FILE: this.file, FAKETIME_NO_CACHE: '1' };
  }

  /** Sets the clock of all processes at the same instant. */
  async set(aheadSeconds: number): Promise<void> {
    await writeFile(`${this.file}.new`, `${offset(aheadSeconds)}\n`);
    await rename(`${this.file}.new`, this.file);
  }
}

const offset = (seconds: number) => `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`;

function preload() {
  const [library] = globSync('/usr/lib{,64}{,/*}/faketime/libfaketimeMT.so.1');
  if (!library)
    throw new Error('libfaketime is not here, and without it no clock can be set: apt-get install faketime');
  return { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
}
