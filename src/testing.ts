export { FakeClock } from './testing/fake-clock.js';
export { runTask } from './testing/run-task.js';
