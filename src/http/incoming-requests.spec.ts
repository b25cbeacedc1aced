import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isIdle, limitRequests } from './incoming-requests.js';

const socketOf = () => ({ destroyed: false }) as Socket;
const responseOf = () => Object.assign(new EventEmitter(), { writableEnded: false }) as unknown as ServerResponse;

let server: EventEmitter;
let handled: string[];

beforeEach(() => {
  handled = [];
  server = new EventEmitter().on('request', ({ url }: IncomingMessage) => handled.push(url!));
  limitRequests(server as Server);
});

const send = (url: string, socket = socketOf(), response = responseOf()) =>
  server.emit('request', { url, socket }, response);

describe('requests that arrive together', () => {
  it('begin two at a time in each turn of the event loop, in their order', async () => {
    const all = Array.from({ length: 5 }, (_, index) => `/${index}`);
    for (const url of all.slice(0, 4)) send(url);
    expect(handled).toEqual(all.slice(0, 2));
    await nextTurn();
    // One that comes later does not overtake those that wait.
    for (const url of all.slice(4)) send(url);
    expect(handled).toEqual(all.slice(0, 4));
    await nextTurn();
    expect(handled).toEqual(all);
    await nextTurn();
    send('/later');
    expect(handled.at(-1)).toBe('/later');
  });

  it('do not begin when their connection has been closed meanwhile', async () => {
    const gone = socketOf();
    for (let index = 0; index < 2; index += 1) send(`/${index}`);
    send('/gone', gone);
    Object.assign(gone, { destroyed: true });
    await nextTurn();
    expect(handled).not.toContain('/gone');
  });
});

describe('a connection', () => {
  it('is idle without a request, and again once all its responses are written', () => {
    const socket = socketOf();
    expect(isIdle(socket)).toBe(true);
    const response = responseOf();
    send('/', socket, response);
    expect(isIdle(socket)).toBe(false);
    Object.assign(response, { writableEnded: true });
    expect(isIdle(socket)).toBe(true);
  });
});
