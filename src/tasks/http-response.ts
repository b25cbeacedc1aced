import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip } from 'node:zlib';
import { jsonOrText } from './json-or-text.js';

const MAX_BYTES = 16_384;
const MAX_PACKED_BYTES = 1_048_576;

/** What a run keeps of a response. */
export interface HttpOutput {
  status: number;
  headers: { 'content-type'?: string };
  /** A JSON value, text, or null for an empty body. For binary data: a sentence that gives size and type. */
  body: unknown;
  /** Present when only the first 16 KiB of the body were read. */
  truncated?: true;
}

/** Reads at most 16 KiB of the body, and closes the connection in any case. */
export async function readResponse(response: IncomingMessage): Promise<HttpOutput> {
  const { socket } = response;
  try {
    return await read(response);
  } finally {
    // Node would wait until the server has read all of the request.
    socket.destroy();
  }
}

async function read(response: IncomingMessage): Promise<HttpOutput> {
  const type = response.headers['content-type'];
  const { bytes, truncated } = await firstBytes(decoded(response));
  return {
    status: response.statusCode!,
    headers: type === undefined ? {} : { 'content-type': type },
    body: bodyOf(bytes, truncated, type ?? ''),
    ...(truncated && { truncated }),
  };
}

/** Handles the encodings of our Accept-Encoding. */
function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.toLowerCase();
  // An incomplete body is decoded as far as possible. An empty one, as in the response to HEAD, is not an error.
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = constants;
  if (encoding === 'gzip' || encoding === 'x-gzip')
    return pipeline(response, limited, createGunzip({ finishFlush: Z_SYNC_FLUSH }), () => {});
  if (encoding === 'br')
    return pipeline(response, limited, createBrotliDecompress({ finishFlush: BROTLI_OPERATION_FLUSH }), () => {});
  return response;
}

/** Packed data of any length can unpack to nothing, so the limit for the unpacked body is not enough. */
async function* limited(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of packed) {
    length += chunk.length;
    if (length > MAX_PACKED_BYTES)
      throw new Error('1 MiB of gzip or br unpacks to less than 16 KiB, which no ordinary response does');
    yield chunk;
  }
}

async function firstBytes(body: Readable): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BYTES) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MAX_BYTES), truncated: length > MAX_BYTES };
}

function bodyOf(bytes: Buffer, truncated: boolean, type: string): unknown {
  if (bytes.length === 0) return null;
  const text = textOf(bytes, truncated, type);
  if (text === undefined)
    return `${truncated ? 'more than ' : ''}${bytes.length} bytes of ${type || 'an unknown type'}, which are not text`;
  return !truncated && /^[^;]+[/+]json\b/i.test(type) ? jsonOrText(text) : text;
}

/** Undefined when the bytes are not text in their charset, by default UTF-8. */
function textOf(bytes: Buffer, truncated: boolean, type: string): string | undefined {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8';
  try {
    // `stream` accepts a character that is cut off at the end.
    const text = new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: truncated });
    // oxlint-disable-next-line no-control-regex -- control characters show binary data
    return /[\0-\x08\x0b\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
