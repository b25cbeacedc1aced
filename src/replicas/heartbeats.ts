/** What the database says about the row of this process after a heartbeat. Times are by the database's clock. */
export interface Heartbeat {
  /** How many heartbeats were written to the row, with this one. */
  beats: number;
  seenAt: Date;
  /** The heartbeat before this one. */
  before: Date;
}

/** A reason to believe that the database has lost data that it had committed. */
export interface Suspicion {
  /** A heartbeat that was confirmed and is gone, which proves a loss. Null: there is no proof, and the data have to be compared with what
   *  this process knows. */
  lostBeat: Date | null;
  /** What was committed until then is there. Null if unknown. */
  from: Date | null;
  /** What is committed from now on does not belong to the loss. */
  until: Date;
}

/** A heartbeat that was sent, and what was known then. */
export interface Sent {
  row: number;
  beats: number;
}

/**
 * The heartbeats that the database has confirmed. Each raises the count in the row of this process, so a count that is
 * not higher than one that was confirmed earlier proves that committed data are gone.
 *
 * The clock of the database may be set back, and several heartbeats may be on their way at the same time, so a heartbeat
 * is compared with what was confirmed when it was sent. A heartbeat whose confirmation got lost only raises the count.
 */
export class Heartbeats {
  /** Changes when the row is a new one, or an older state of it. Heartbeats that were sent before prove nothing then. */
  private row = 0;
  private last = { beats: 0, seenAt: new Date(0) };

  /** Call this when a new row was created. */
  begin(seenAt: Date): void {
    this.row += 1;
    this.last = { beats: 0, seenAt };
  }

  /** Call this before a heartbeat is sent. */
  send(): Sent {
    return { row: this.row, beats: this.last.beats };
  }

  /** Takes the response to a heartbeat. Returns a suspicion if earlier ones are gone. */
  confirm(sent: Sent, { beats, seenAt, before }: Heartbeat): Suspicion | null {
    if (sent.row !== this.row) return null;
    const { beats: confirmed, seenAt: lostBeat } = this.last;
    if (beats > sent.beats) {
      if (beats > confirmed) this.last = { beats, seenAt };
      return null;
    }
    this.row += 1;
    this.last = { beats, seenAt };
    // A later one was written after the loss, and its response got lost.
    return { lostBeat, from: before <= lostBeat ? before : null, until: seenAt };
  }
}
