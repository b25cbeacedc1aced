import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip } from 'node:zlib';
import { jsonOrText } from './json-or-text.js';

const MOST_BYTES = 16_384;

export interface HttpAnswer {
  status: number;
  headers: { 'content-type'?: string };
  /** JSON, text, a sentence about what is neither, or null for nothing. */
  body: unknown;
  /** Present when only the first 16 KiB of the body were read. */
  truncated?: true;
}

/** Reads an answer as a run keeps it, its body up to 16 KiB, and lets go of the connection. */
export async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const type = response.headers['content-type'];
  const { bytes, truncated } = await firstBytes(unpacked(response));
  return {
    status: response.statusCode!,
    headers: type === undefined ? {} : { 'content-type': type },
    body: bodyOf(bytes, truncated, type ?? ''),
    ...(truncated && { truncated }),
  };
}

/** Of the encodings that were asked for. */
function unpacked(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.toLowerCase();
  // A part of an answer is unpacked as far as it goes: an empty one, as to HEAD, is no error.
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = constants;
  if (encoding === 'gzip' || encoding === 'x-gzip')
    return pipeline(response, createGunzip({ finishFlush: Z_SYNC_FLUSH }), () => {});
  if (encoding === 'br')
    return pipeline(response, createBrotliDecompress({ finishFlush: BROTLI_OPERATION_FLUSH }), () => {});
  return response;
}

async function firstBytes(body: Readable): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop hangs up.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MOST_BYTES), truncated: length > MOST_BYTES };
}

function bodyOf(bytes: Buffer, truncated: boolean, type: string): unknown {
  if (bytes.length === 0) return null;
  const text = textOf(bytes, truncated, type);
  if (text === undefined)
    return `${truncated ? 'more than ' : ''}${bytes.length} bytes of ${type || 'an unknown type'}, which are no text`;
  return !truncated && /^[^;]+[/+]json\b/i.test(type) ? jsonOrText(text) : text;
}

/** Undefined for what is no text in its charset, UTF-8 unless told. */
function textOf(bytes: Buffer, truncated: boolean, type: string): string | undefined {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8';
  try {
    // Streaming lets a character that was cut in two at the end pass.
    const text = new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: truncated });
    // oxlint-disable-next-line no-control-regex -- that is what tells binary data
    return /[\0-\x08\x0b\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
