// A replica that claims SLOTS runs (1 by default) for its slots and AHEAD runs (none) ahead, and never starts them.
import { createApplication } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { SchedulerDatabase } from '../../dist/database/scheduler-database.js';
import { Replicas } from '../../dist/replicas/replicas.js';
import { claimRuns } from '../../dist/runs/lifecycle/claim-runs.js';

const app = await createApplication(readEnvironment(process.env), []);
await app.init();
const [database, replicas] = [SchedulerDatabase, Replicas].map((type) => app.get(type, { strict: false }));
await replicas.join();
const claimed = await database.transaction((tx) =>
  claimRuns(
    tx,
    {
      slots: Number(process.env.SLOTS ?? 1),
      ahead: Number(process.env.AHEAD ?? 0),
      transactional: 1,
      background: { slots: 0, transactional: 0 },
      tasks: ['hold'],
      transactionalTasks: [],
      readySince: null,
    },
    replicas,
  ),
);
process.send(claimed.runs.map(({ id }) => id));
