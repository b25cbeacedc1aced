export type { TriggerInput } from './core/triggers/trigger.js';
export { FakeClock } from './testing/fake-clock.js';
export { runTask, type TaskTest, type TestedRun } from './testing/run-task.js';
export type { LoggedLine } from './testing/test-context.js';
