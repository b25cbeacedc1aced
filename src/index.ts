export { Public, Role } from './auth/role.decorator.js';
export { cron, date, interval } from './core/triggers/helpers.js';
export { Jobs } from './jobs/api/jobs-in-code.js';
export { startCronzimus } from './start.js';
export type { RunContext, RunLog } from './tasks/run-context.js';
export { Task, type TaskHandler } from './tasks/task.decorator.js';
