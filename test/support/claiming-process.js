// A replica that claims a run and never starts it.
import { createApplication } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { SchedulerDatabase } from '../../dist/database/scheduler-database.js';
import { Replicas } from '../../dist/replicas/replicas.js';
import { RunQueue } from '../../dist/runs/lifecycle/run-queue.js';
import { claimRuns } from '../../dist/runs/lifecycle/claim-runs.js';

const app = await createApplication(readEnvironment(process.env), []);
await app.init();
const [database, replicas, queue] = [SchedulerDatabase, Replicas, RunQueue].map((type) =>
  app.get(type, { strict: false }),
);
await queue.start();
await replicas.join();
const claimed = await database.transaction((tx) =>
  claimRuns(
    tx,
    queue,
    {
      slots: 1,
      transactional: 1,
      background: { slots: 0, transactional: 0 },
      transactionalTasks: [],
      unknownTasks: [],
      knows: () => true,
    },
    replicas,
  ),
);
process.send(claimed.runs.map(({ id }) => id));
