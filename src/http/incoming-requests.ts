import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How many requests a client may send on one connection before it has the response to the first. Browsers and most clients send one.
 *  Node parses all requests of a read, which are up to 2,400, without a turn of the event loop between them. */
const MAX_PIPELINED = 10;
/** How many requests begin in one turn of the event loop. Each takes up to a millisecond until it first waits for something. */
const MAX_PER_TURN = 2;

/** The unfinished responses of a connection. */
const unfinished = new WeakMap<Socket, Set<ServerResponse>>();

/** Whether the service handles no request of the connection: it has written all responses, even if the client has not read them. */
export const isIdle = (socket: Socket): boolean =>
  [...(unfinished.get(socket) ?? [])].every((response) => response.writableEnded);

/**
 * Closes connections with more than ten unfinished requests, and begins at most two requests in one turn of the event loop, in the
 * order in which they came. When hundreds of clients send a request at the same moment, the scheduler gets its turns in between.
 *
 * Takes the place of the server's handlers and is no middleware, because even the first middleware costs more than the rest. Call it
 * after the server has got its handlers.
 */
export function limitRequests(server: Server): void {
  const handlers = server.listeners('request') as RequestListener[];
  const waiting: (() => void)[] = [];
  let begun = 0;
  const nextTurn = () => {
    begun = 0;
    for (const begin of waiting.splice(0, MAX_PER_TURN)) begin();
  };
  const inTurn = (begin: () => void) => {
    if (waiting.length > 0 || begun >= MAX_PER_TURN) waiting.push(begin);
    else begin();
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // The other requests of the read in which the connection was closed.
    if (socket.destroyed) return;
    const responses = unfinished.get(socket) ?? new Set();
    if (responses.size >= MAX_PIPELINED) {
      socket.destroy();
      return;
    }
    unfinished.set(socket, responses.add(response));
    response.once('close', () => responses.delete(response));
    inTurn(() => {
      if (begun === 0) setImmediate(nextTurn);
      begun += 1;
      if (!socket.destroyed) for (const handle of handlers) handle.call(server, request, response);
    });
  });
}
