export type Overlap = 'allow' | 'skip' | 'queue' | 'replace';

/** The instants anchorMs + n × everyMs from fromMs to untilMs, both included. Milliseconds since 1970. */
export interface Grid {
  everyMs: number;
  anchorMs: number;
  fromMs: number;
  untilMs: number;
  /** The edition of the definition that has this grid, where there are several. */
  edition?: number;
}

/** What a job of the suite has to do. The checker derives from this alone what has to have happened. */
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

/** Every instant of a grid, by arithmetic that shares nothing with the code under test. */
export function instantsOf({ everyMs, anchorMs, fromMs, untilMs }: Grid): number[] {
  const instants: number[] = [];
  const behind = (((fromMs - anchorMs) % everyMs) + everyMs) % everyMs;
  for (let at = behind === 0 ? fromMs : fromMs - behind + everyMs; at <= untilMs; at += everyMs) instants.push(at);
  return instants;
}
