import type { IncomingMessage } from 'node:http';
import { TextDecoder } from 'node:util';
import { parseWrittenJson } from '../core/exact-numbers.js';
import { Problem } from '../core/problem.js';
import { lineNotUtf8 } from '../core/utf8.js';

/** The decoder for the charset of a body, which is UTF-8 by default. It throws for bytes that are no text. Throws 415 for a charset
 *  that is unknown, and for one in which JSON is not written. */
export function decoderOf({ headers }: IncomingMessage, isJson: boolean): TextDecoder {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  try {
    if (!isJson || /^utf(?:-|8$)/i.test(charset)) return new TextDecoder(charset, { fatal: true });
  } catch {
    // Unknown.
  }
  throw new Problem(
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    `Send the body as UTF-8; the charset "${charset}" is not supported.`,
  );
}

/** The value of a JSON body. Numbers that would change are found by the validation. Throws MALFORMED_JSON. */
export function jsonOf(bytes: Buffer, decoder: TextDecoder): unknown {
  // An empty body counts as one without fields.
  if (bytes.length === 0) return {};
  const text = decodedText(bytes, decoder);
  if (text === undefined) throw malformed(`it is not ${decoder.encoding.toUpperCase()} text`);
  try {
    return parseWrittenJson(text);
  } catch (error) {
    throw malformed((error as Error).message);
  }
}

/** The text of a body. Throws what `undecodable` returns for the line, from 1, that is not text. */
export function textOf(bytes: Buffer, decoder: TextDecoder, undecodable: (line: number) => Problem): string {
  const text = decodedText(bytes, decoder);
  if (text === undefined) throw undecodable((decoder.encoding === 'utf-8' && lineNotUtf8(bytes)) || 1);
  return text;
}

function decodedText(bytes: Buffer, decoder: TextDecoder): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

const malformed = (why: string) => new Problem(400, 'MALFORMED_JSON', `The body is not JSON: ${why}.`);
