import { Agent, get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { quantile } from './numbers.mjs';

const REQUESTS = 200;
/** Until V8 has compiled what answers them; of each path. */
const WARM_UP = 50;

/** Of requests for these paths of the API in turn, one after the other on one connection: the p99, in milliseconds. */
export async function listP99({ url }, paths) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took = [];
  try {
    for (let n = -paths.length * WARM_UP; n < REQUESTS; n++) {
      const path = paths.at(n % paths.length);
      const begun = performance.now();
      await request(new URL(`/api/v1${path}`, url), agent);
      if (n >= 0) took.push(performance.now() - begun);
    }
  } finally {
    agent.destroy();
  }
  return quantile(took, 0.99);
}

const request = (url, agent) =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (answered) => {
      buffer(answered).then((body) => {
        if (answered.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${answered.statusCode}: ${body}`));
      }, reject);
    }).on('error', reject);
  });
