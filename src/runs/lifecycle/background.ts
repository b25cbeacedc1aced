/** Below all that a job may have. */
const DISTANCE = 65_536;
export const LOWEST_LIVE_PRIORITY = -32_768;

/** The priority of what waits for all live runs, and among its like has the same rank. */
export const inBackground = (priority: number): number => (isBackground(priority) ? priority : priority - DISTANCE);

/** Undoes `inBackground`. */
export const live = (priority: number): number => (isBackground(priority) ? priority + DISTANCE : priority);

export const isBackground = (priority: number): boolean => priority < LOWEST_LIVE_PRIORITY;
