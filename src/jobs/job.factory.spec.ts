import { DatabaseClock } from './database-clock.js';
import { JobFactory } from './job.factory.js';

describe('JobFactory', () => {
  it('makes alarms that all ring, none before its instant, and none throws, also where the instant is just past', async () => {
    const factory = new JobFactory(new DatabaseClock());
    const due = Array.from({ length: 20_000 }, (_, index) => new Date(Date.now() - 20 + (index % 400)));
    const early = await Promise.all(
      due.map(
        (nextRunAt, index) =>
          new Promise<number>((resolve) => {
            const alarm = factory.create({ name: `job-${index}`, nextRunAt }, () =>
              resolve(nextRunAt.getTime() - Date.now()),
            );
            alarm.start();
          }),
      ),
    );
    // Node's timers may ring a millisecond early.
    expect(Math.max(...early)).toBeLessThanOrEqual(1);
    expect(early).toHaveLength(20_000);
  });
});
