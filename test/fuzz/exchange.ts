import { Agent, request } from 'node:http';
import type { FuzzRequest } from './requests.js';

export interface FuzzAnswer {
  status: number;
  type: string;
  text: string;
  etag: string | undefined;
}

const NOWHERE = '01990000-0000-7000-8000-000000000000';

/** Sends requests to a service, and remembers the ids, ETags and cursors of its responses for later requests. */
export class Exchange {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly runs = [NOWHERE];
  private etag = '"none"';
  private cursor = '';

  constructor(private readonly url: string) {}

  /** The request with its placeholders filled in. */
  filledIn({ path, headers, ...rest }: FuzzRequest, turn: number): FuzzRequest {
    const fill = (text: string) =>
      text
        .replaceAll('{run}', this.runs[turn % this.runs.length]!)
        .replaceAll('{etag}', this.etag)
        .replaceAll('{cursor}', this.cursor);
    const filled = Object.entries(headers).map(([name, value]) => [name, fill(value)]);
    return { ...rest, path: fill(path), headers: Object.fromEntries(filled) as Record<string, string> };
  }

  /** Rejects when the connection ends before the response, or after 30 s. */
  async send({ method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
    const answer = await new Promise<FuzzAnswer>((resolve, reject) => {
      const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
      const options = { method, agent: this.agent, headers: { ...headers, ...length }, timeout: 30_000 };
      const sent = request(this.url, { ...options, path }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text: Buffer.concat(chunks).toString(),
            etag: response.headers.etag,
          }),
        );
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')));
      sent.on('error', reject).end(body);
    });
    this.remember(answer);
    return answer;
  }

  close(): void {
    this.agent.destroy();
  }

  private remember({ text, etag }: FuzzAnswer): void {
    if (etag !== undefined) this.etag = etag;
    for (const [, id] of text.slice(0, 10_000).matchAll(/"id":"([0-9a-f-]{36})"/g)) {
      if (this.runs.length < 200 && !this.runs.includes(id!)) this.runs.push(id!);
    }
    this.cursor = /"nextCursor":"([\w-]+)"/.exec(text.slice(-3_000))?.[1] ?? this.cursor;
  }
}
