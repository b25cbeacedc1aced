const SILENCE_MS = 10_000;
/** Looks further apart are an interruption: of the database, of the network, or of this process. */
const LONGEST_GAP_MS = 2_000;

export interface Sighting {
  number: number;
  /** Its sign of life, by the database's clock. */
  seenAt: Date;
  /** Whether its lock is free. */
  free: boolean;
}

/** Judges from repeated looks who is gone. After an outage everybody looks dead to the first one back, so only what was seen
 *  in looks without interruption counts. */
export class Watch {
  private signs = new Map<number, { seenAt: number; since: number }>();
  /** Whose lock was free at the last look, with their sign of life: a look may fall into a reconnect, which gives a new sign. */
  private suspects = new Map<number, number>();
  private lastLookAt: number | null = null;
  private interruptedAt: number | null = null;

  /** The numbers of those who are gone. `now` is monotonic, milliseconds. */
  observe(seen: Sighting[], now: number): number[] {
    if (this.lastLookAt !== null && now - this.lastLookAt > LONGEST_GAP_MS) this.interrupt(now);
    this.lastLookAt = now;
    const settled = this.interruptedAt === null || now - this.interruptedAt > SILENCE_MS;
    this.signs = new Map(seen.map((sighting) => [sighting.number, this.signOf(sighting, now)]));
    const lost = seen.filter(
      ({ number, seenAt, free }) =>
        now - this.signs.get(number)!.since > SILENCE_MS ||
        (settled && free && this.suspects.get(number) === seenAt.getTime()),
    );
    this.suspects = new Map(seen.filter(({ free }) => free).map(({ number, seenAt }) => [number, seenAt.getTime()]));
    return lost.map(({ number }) => number);
  }

  /** What was seen before does not count any more. */
  interrupt(now: number): void {
    this.signs.clear();
    this.suspects.clear();
    this.interruptedAt = now;
  }

  private signOf({ number, seenAt }: Sighting, now: number) {
    const before = this.signs.get(number);
    return before?.seenAt === seenAt.getTime() ? before : { seenAt: seenAt.getTime(), since: now };
  }
}
