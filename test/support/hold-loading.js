// Preloaded into the service: tells the parent when the first module behind main.js is asked for, which then never comes.
import { register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const hooks = `
  let port;
  export const initialize = (given) => { port = given; };
  export const load = (url, context, next) => {
    if (!url.endsWith('/dist/start.js')) return next(url, context);
    port.postMessage('held');
    return new Promise(() => {});
  };`;
const { port1, port2 } = new MessageChannel();
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: port2, transferList: [port2] });
port1.once('message', (said) => process.send(said));
setInterval(() => {}, 1_000); // Waiting for a module keeps no process alive.
