import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The unfinished requests of each connection. One listener for each connection, because a client may send any number of requests
 *  before the first response. */
const unfinished = new WeakMap<Socket, Set<() => void>>();

/** Calls `done` once: when the response has been sent, or when the connection is closed. A response that waits behind another one on
 *  its connection emits no `close` itself when the connection closes. */
export function onDone({ socket }: IncomingMessage, response: ServerResponse, done: () => void): void {
  if (socket.destroyed || response.closed) return done();
  const requests = requestsOf(socket);
  const end = () => {
    if (requests.delete(end)) done();
  };
  requests.add(end);
  response.once('close', end);
}

function requestsOf(socket: Socket): Set<() => void> {
  const known = unfinished.get(socket);
  if (known) return known;
  const requests = new Set<() => void>();
  unfinished.set(socket, requests);
  socket.once('close', () => {
    for (const end of requests) end();
  });
  return requests;
}
