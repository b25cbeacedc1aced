// Preloaded into the service. Sends a message when main.js imports dist/start.js, and never lets that import finish.
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
port1.once('message', (message) => process.send(message));
setInterval(() => {}, 1_000); // A pending import does not keep a process alive.
