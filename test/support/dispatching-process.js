// At the first message, dispatches until nothing is due. Then it sends the number of occurrences that it has dispatched.
import { createApplication } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { Dispatcher } from '../../dist/jobs/dispatch/dispatcher.js';

const app = await createApplication(readEnvironment(process.env), []);
await app.init();
const dispatcher = app.get(Dispatcher, { strict: false });
process.send('ready');

process.once('message', () => void dispatchAll());

async function dispatchAll() {
  let taken = 0;
  for (let idle = 0; idle < 3;) {
    const { decisions } = await dispatcher.dispatchDue();
    taken += decisions.length;
    idle = decisions.length === 0 ? idle + 1 : 0;
  }
  process.send(taken, () => process.exit(0));
}
