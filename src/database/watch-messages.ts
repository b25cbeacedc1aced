import type { ClientBase } from 'pg';
import { streamOf } from './database-socket.js';

/** A message starts with one byte for its type and four for its length, which counts itself but not the type. */
const HEADER_BYTES = 5;

/** Returns the error with which to end the connection, or undefined. `type` is the letter of the protocol's message, and `bytes`
 *  its length, of which most may still be to come. `totalBytes` counts everything that has been read. */
export type Refuse = (type: string, bytes: number, totalBytes: number) => Error | undefined;

/** Runs `work`, which queries `client`, and calls `refuse` for each message that the server sends meanwhile: when it begins to
 *  arrive, and before pg collects it. An error of `refuse` destroys the connection, and this throws it, even if `work` succeeds.
 *  No other query may run. */
export async function watchMessages<T>(client: ClientBase, refuse: Refuse, work: () => Promise<T>): Promise<T> {
  const stream = streamOf(client);
  const headers = new MessageHeaders();
  let total = 0;
  let refusal: Error | undefined;
  const watch = (chunk: Buffer) => {
    total += chunk.length;
    refusal ??= headers.find(chunk, (type, bytes) => refuse(type, bytes, total));
    if (refusal) stream.destroy(refusal);
  };
  // Before pg's own listener, which collects a message until it is complete.
  stream.prependListener('data', watch);
  try {
    const result = await work();
    if (refusal) throw refusal;
    return result;
  } catch (error) {
    throw refusal ?? error;
  } finally {
    stream.off('data', watch);
  }
}

/** Finds the headers in a stream that starts with a message. */
class MessageHeaders {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  /** How many bytes of the current message are still to come after its header. */
  private rest = 0;

  /** Calls `visit` for each header that is complete with this chunk. Returns the first error of `visit`. */
  find(chunk: Buffer, visit: (type: string, bytes: number) => Error | undefined): Error | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.rest > 0) {
        const skipped = Math.min(this.rest, chunk.length - at);
        this.rest -= skipped;
        at += skipped;
        continue;
      }
      const copied = chunk.copy(this.header, this.headerBytes, at);
      this.headerBytes += copied;
      at += copied;
      if (this.headerBytes < HEADER_BYTES) break;
      this.headerBytes = 0;
      const length = this.header.readUInt32BE(1);
      this.rest = Math.max(0, length - 4);
      const error = visit(String.fromCharCode(this.header[0]!), length + 1);
      if (error) return error;
    }
    return undefined;
  }
}
