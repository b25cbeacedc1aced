import { Queue, Worker } from 'bullmq';

/** On Redis, unless told how to make another backend. */
export async function openBullMq(connection, backend) {
  const queue = new Queue('bench', { connection }, backend);
  await queue.waitUntilReady();
  return {
    add: (data) => queue.add('bench', data),
    addAll: (all, due) =>
      queue.addBulk(
        all.map((data) => ({ name: 'bench', data, ...(due !== null && { opts: { delay: due - Date.now() } }) })),
      ),
    async work(started) {
      const worker = new Worker('bench', async ({ data }) => started(data), { connection, concurrency: 50 }, backend);
      worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
      await worker.waitUntilReady();
    },
  };
}
