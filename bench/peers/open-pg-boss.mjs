import { PgBoss } from 'pg-boss';

export async function openPgBoss(connectionString, options, work) {
  const boss = new PgBoss({ connectionString, schedule: false, useListenNotify: true, ...options });
  boss.on('error', (error) => process.stderr.write(`${error.stack}\n`));
  await boss.start();
  await boss.createQueue('bench', { notify: true });
  return {
    add: (data) => boss.send('bench', data),
    addAll: (all, due) =>
      boss.insert(
        'bench',
        all.map((data) => ({ data, ...(due !== null && { startAfter: new Date(due) }) })),
      ),
    work: (started) =>
      boss.work('bench', { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, ...work }, async (jobs) => {
        for (const { data } of jobs) started(data);
        return jobs.map(({ id }) => ({ id, status: 'completed' }));
      }),
  };
}
