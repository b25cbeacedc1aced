import { Logger, makeWorkerUtils, run } from 'graphile-worker';

const logger = new Logger(() => () => {});

export async function openGraphileWorker(connectionString, worker) {
  const preset = { worker: { connectionString, logger, ...worker } };
  const utils = await makeWorkerUtils({ preset });
  await utils.migrate();
  return {
    add: (data) => utils.addJob('bench', data),
    addAll: (all, due) =>
      utils.addJobs(
        all.map((payload) => ({ identifier: 'bench', payload, ...(due !== null && { runAt: new Date(due) }) })),
      ),
    work: (started) => run({ preset, noHandleSignals: true, taskList: { bench: (data) => started(data) } }),
  };
}
