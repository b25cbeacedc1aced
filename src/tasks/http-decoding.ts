import type { IncomingMessage } from 'node:http';
import { pipeline, type Transform } from 'node:stream';
import zlib from 'node:zlib';

const MAX_PACKED_BYTES = 1_048_576;
/** Encodings of one body. Each costs memory. */
const MAX_ENCODINGS = 3;
/** The base-2 logarithm of the bytes that zstd may keep: 8 MiB, which RFC 8878 asks every decoder to support. */
const ZSTD_WINDOW_LOG = 23;

/** Makes the decoder for a body that begins with the given bytes. */
const decoders: Record<string, (first: Buffer) => Transform & zlib.Zlib> = {
  gzip: () => zlib.createGunzip(),
  // The standard means zlib's format, and some servers send the raw one. A zlib header begins with 8 in its lower half.
  deflate: (first) => ((first[0]! & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
  br: () => zlib.createBrotliDecompress(),
};
// Node 22 has zstd from 22.15 on.
if ('createZstdDecompress' in zlib)
  decoders['zstd'] = () =>
    zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });

/** What is sent as Accept-Encoding. */
export const acceptEncoding = 'gzip, br';

/** The body of a response without the encodings of its Content-Encoding. A body in an unknown encoding, or in more than three,
 *  is left as it is.
 *  Reading it throws when the encoded data is invalid, or ends before it is complete: HTTP itself does not notice that
 *  when the server closes the connection of a response without a length. */
export function decodedBody(response: IncomingMessage): AsyncIterable<Buffer> {
  const encodings = encodingsOf(response);
  if (encodings.length === 0 || encodings.length > MAX_ENCODINGS) return response;
  if (!encodings.every((encoding) => Object.hasOwn(decoders, encoding))) return response;
  const isEmptyComplete = mayBeEmpty(response);
  // The last encoding of the list was applied last.
  return encodings.reduceRight<AsyncIterable<Buffer>>(
    (body, encoding) => unpacked(limited(body, encoding), encoding, isEmptyComplete),
    response,
  );
}

function encodingsOf({ headers }: IncomingMessage): string[] {
  const names = (headers['content-encoding'] ?? '').toLowerCase().split(',');
  return names
    .map((name) => name.trim().replace(/^x-gzip$/, 'gzip'))
    .filter((name) => name !== '' && name !== 'identity');
}

/** Whether an empty body is a complete one, as in a response to HEAD, or with `Content-Length: 0`. */
function mayBeEmpty({ headers, statusCode, req }: IncomingMessage & { req?: { method?: string } }): boolean {
  const isFramed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return isFramed || req?.method === 'HEAD' || statusCode === 204 || statusCode === 304;
}

/** Packed data of any length can unpack to nothing, so the limit for the unpacked body is not enough. */
async function* limited(packed: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of packed) {
    length += chunk.length;
    if (length > MAX_PACKED_BYTES)
      throw new Error(`1 MiB of ${encoding} unpacks to less than 16 KiB, which no ordinary response does`);
    yield chunk;
  }
}

async function* unpacked(
  packed: AsyncGenerator<Buffer>,
  encoding: string,
  isEmptyComplete: boolean,
): AsyncGenerator<Buffer> {
  const { value: first, done } = await packed.next();
  if (done) {
    if (isEmptyComplete) return;
    throw new CutShortError(encoding);
  }
  const decoder = decoders[encoding]!(first);
  let received = first.length;
  const all = async function* () {
    yield first;
    for await (const chunk of packed) {
      received += chunk.length;
      yield chunk;
    }
  };
  try {
    yield* pipeline(all, decoder, () => {}) as AsyncIterable<Buffer>;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' ? new CutShortError(encoding, error) : error;
  }
  // Node ends the data after a frame when the next one begins in the same chunk.
  if (encoding === 'zstd' && decoder.bytesWritten < received)
    throw new Error('the response has more data after its first zstd frame, which Node cannot unpack');
}

class CutShortError extends Error {
  constructor(encoding: string, cause?: unknown) {
    super(`the response was cut short: its ${encoding} data is not complete`, { cause });
  }
}
