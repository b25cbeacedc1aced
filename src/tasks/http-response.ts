import type { IncomingMessage } from 'node:http';
import { decodedBody } from './http-decoding.js';
import { jsonOrText } from './json-or-text.js';

const MAX_BYTES = 16_384;

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
  const { bytes, truncated } = await firstBytes(decodedBody(response));
  return {
    status: response.statusCode!,
    headers: type === undefined ? {} : { 'content-type': type },
    body: bodyOf(bytes, truncated, type ?? ''),
    ...(truncated && { truncated }),
  };
}

async function firstBytes(body: AsyncIterable<Buffer>): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of body) {
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
