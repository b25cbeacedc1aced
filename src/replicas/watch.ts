const SILENCE_MS = 10_000;
/** A longer gap between two polls is an interruption, caused by the database, the network, or this process. */
const MAX_GAP_MS = 2_000;

export interface Sighting {
  number: number;
  /** Its latest heartbeat, by the database's clock. */
  seenAt: Date;
  /** Whether it has neither its advisory lock nor a connection, although it could open one. */
  gone: boolean;
}

/** Decides from successive polls which replicas are gone. After an outage of the database all locks are free and all
 *  heartbeats are old, so the first replica that is back would declare all others dead. Therefore only polls without an
 *  interruption between them count (see docs/adr/0010 and 0027). */
export class Watch {
  /** The latest heartbeat of each replica, and when this process first saw it, in monotonic milliseconds. */
  private heartbeats = new Map<number, { seenAt: number; since: number }>();
  /** The replicas that were gone in the last poll, with their heartbeat. A reconnect of all connections also looks like
   *  this for a moment, but then writes a new heartbeat. */
  private suspects = new Map<number, number>();
  private lastPollAt: number | null = null;
  private interruptedAt: number | null = null;

  /** Takes the result of a poll and returns the numbers of the replicas that are gone. `now` is in monotonic
   *  milliseconds. */
  observe(seen: Sighting[], now: number): number[] {
    if (this.lastPollAt !== null && now - this.lastPollAt > MAX_GAP_MS) this.interrupt(now);
    this.lastPollAt = now;
    // A watch that was never interrupted is settled, so a replica that has just started takes over at once.
    const settled = this.interruptedAt === null || now - this.interruptedAt > SILENCE_MS;
    this.heartbeats = new Map(seen.map((sighting) => [sighting.number, this.heartbeatOf(sighting, now)]));
    const lost = seen.filter(
      ({ number, seenAt, gone }) =>
        now - this.heartbeats.get(number)!.since > SILENCE_MS ||
        (settled && gone && this.suspects.get(number) === seenAt.getTime()),
    );
    this.suspects = new Map(seen.filter(({ gone }) => gone).map(({ number, seenAt }) => [number, seenAt.getTime()]));
    return lost.map(({ number }) => number);
  }

  /** Forgets all earlier polls. What is gone counts again after 10 s without an interruption. */
  interrupt(now: number): void {
    this.heartbeats.clear();
    this.suspects.clear();
    this.interruptedAt = now;
  }

  private heartbeatOf({ number, seenAt }: Sighting, now: number) {
    const before = this.heartbeats.get(number);
    return before?.seenAt === seenAt.getTime() ? before : { seenAt: seenAt.getTime(), since: now };
  }
}
