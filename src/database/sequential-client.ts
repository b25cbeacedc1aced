import { type ClientConfig } from 'pg';
import { PooledClient } from './pooled-client.js';

type Send = (...values: unknown[]) => unknown;
type Callback = (...values: unknown[]) => void;

/** The client of connections that users may use: those of tasks and of their migrations. It does not pipeline, because cursors
 *  cannot. Statements that are sent without waiting for the previous ones, as `Promise.all` and parts of TypeORM do, are executed in
 *  the order of the calls. pg does the same, but reports it as deprecated, and will refuse it in version 9. */
export class SequentialClient extends PooledClient {
  /** How many statements have not ended. A cursor counts until it is sent: pg itself keeps back what follows it. */
  private unfinished = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(config?: ClientConfig) {
    super(config);
    const send = this.query.bind(this) as Send;
    this.query = ((...values: unknown[]) => this.sendInTurn(send, values)) as SequentialClient['query'];
  }

  private sendInTurn(send: Send, values: unknown[]): unknown {
    // Like pg, returns the cursor itself at once, and nothing if the result goes to a callback.
    if (isCursor(values[0])) {
      this.track(this.inTurn(() => send(...values)));
      return values[0];
    }
    const at = values.findIndex((value) => typeof value === 'function');
    if (at < 0) return this.track(this.inTurn(() => send(...values)));
    const callback = values[at] as Callback;
    this.track(
      this.inTurn(
        () =>
          new Promise<void>((resolve) => {
            const done: Callback = (...results) => {
              resolve();
              callback(...results);
            };
            send(...values.with(at, done));
          }),
      ),
    );
    return undefined;
  }

  /** Calls `start` when the statements before have ended: now, if there are none. */
  private inTurn(start: () => unknown): unknown {
    return this.unfinished === 0 ? start() : this.last.then(start);
  }

  private track(result: unknown): unknown {
    const ended = () => {
      this.unfinished -= 1;
    };
    this.unfinished += 1;
    this.last = Promise.resolve(result).then(ended, ended);
    return result;
  }
}

/** What pg sends by calling it: a cursor, a stream of rows, a COPY. */
const isCursor = (query: unknown): boolean => typeof (query as { submit?: unknown } | null)?.submit === 'function';
