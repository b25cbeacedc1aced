export type Overlap = 'allow' | 'skip' | 'queue' | 'replace';

/** A rule of when: anchorMs + n × everyMs, from fromMs to untilMs, both included. Milliseconds since 1970. */
export interface Grid {
  everyMs: number;
  anchorMs: number;
  fromMs: number;
  untilMs: number;
  /** Which edition of the definition has this grid, where there are several. */
  edition?: number;
}

/** What a job of the suite was told to do. The checker works out from this alone what has to have happened. */
export interface Plan {
  name: string;
  /** One after the other, where the definition was edited. */
  grids: Grid[];
  onInterruption: 'rerun' | 'fail';
  overlap: Overlap;
  misfire: { policy: 'skip' | 'once' | 'all'; graceSeconds: number; maxCatchUp: number };
  /** Whether its task writes its end in the transaction of its run. */
  transactional: boolean;
}

/** Every instant of a grid; arithmetic of its own, shared with nothing that is under test. */
export function instantsOf({ everyMs, anchorMs, fromMs, untilMs }: Grid): number[] {
  const instants: number[] = [];
  const behind = (((fromMs - anchorMs) % everyMs) + everyMs) % everyMs;
  for (let at = behind === 0 ? fromMs : fromMs - behind + everyMs; at <= untilMs; at += everyMs) instants.push(at);
  return instants;
}
