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
export async function readAnswer(response: Response): Promise<HttpAnswer> {
  const type = response.headers.get('content-type');
  const { bytes, truncated } = await firstBytes(response);
  return {
    status: response.status,
    headers: type === null ? {} : { 'content-type': type },
    body: bodyOf(bytes, truncated, type ?? ''),
    ...(truncated && { truncated }),
  };
}

async function firstBytes({ body }: Response): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of body ?? []) {
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
