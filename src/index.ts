export { Public, Role } from './auth/role.decorator.js';
export { cron, date, interval } from './core/triggers/helpers.js';
export { Jobs } from './jobs/api/jobs.js';
export { startCronzimus, type StartOptions } from './start.js';
export type { RunContext, RunKind, RunLog } from './tasks/run-context.js';
export { Task, type TaskHandler, type TaskOptions } from './tasks/task.decorator.js';
