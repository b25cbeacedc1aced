import type { Facts } from './facts.js';

/** The time in which, by what the service has announced, committed data were lost. Milliseconds since 1970. */
export interface Loss {
  fromMs: number;
  untilMs: number;
}

/** The runs that have effects in this time. What the service knew about them may be lost, so they may be started again. */
export const touchedBy = ({ effects }: Facts, loss: Loss | undefined): Set<string> =>
  new Set(loss ? effects.filter(({ at }) => loss.fromMs <= at && at <= loss.untilMs).map(({ run }) => run) : []);
