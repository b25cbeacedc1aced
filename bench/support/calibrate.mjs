import pg from 'pg';
import { median } from './numbers.mjs';

const TIMES = 200;

/** How fast the machine is just now, so that figures of different times can be compared: medians, in milliseconds. */
export async function calibrate({ withDatabase }) {
  return withDatabase(async (connectionString) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query('CREATE TABLE calibration (n int)');
      return {
        roundTripMs: await medianOf(() => client.query('SELECT 1')),
        commitMs: await medianOf(() => client.query('INSERT INTO calibration VALUES (1)')),
        millionStepsMs: await medianOf(millionSteps),
      };
    } finally {
      await client.end();
    }
  });
}

async function medianOf(work) {
  const took = [];
  while (took.length < TIMES) {
    const begun = performance.now();
    await work();
    took.push(performance.now() - begun);
  }
  return Number(median(took).toFixed(3));
}

function millionSteps() {
  let sum = 0;
  for (let n = 0; n < 1_000_000; n++) sum = (sum * 31 + n) % 1_000_003;
  return sum;
}
