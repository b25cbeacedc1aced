/** Milliseconds of the wall clock, in fractions; the processes of a machine share it. */
export const now = () => performance.timeOrigin + performance.now();

const lateness = [];

/** To be called by a handler: it starts now what was due then. */
export const started = (due) => lateness.push(now() - due);

/** How many have started, and how late each did. */
export const starts = { count: () => lateness.length, lateness: () => lateness };
