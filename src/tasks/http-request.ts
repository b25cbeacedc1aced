import { packageVersion } from '../core/package-version.js';
import type { HttpInput } from './http-input.js';
import type { RunContext } from './run-context.js';

/** What goes over the wire. */
export interface OutgoingRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: string | undefined;
}

/** The same for each start of an occurrence, also from a restored database, so that the receiver can tell a repetition. */
export const idempotencyKey = ({ run, job, scheduledAt }: RunContext): string =>
  run.kind === 'schedule' || run.kind === 'catch_up' ? `${job.name}/${scheduledAt.toISOString()}` : run.id;

/** What is sent for an input whose words are filled in. */
export function requestOf({ method, url, headers: given, body }: HttpInput, context: RunContext): OutgoingRequest {
  const headers = new Headers({
    Accept: '*/*',
    'Accept-Encoding': 'gzip, br',
    'Idempotency-Key': idempotencyKey(context),
    'User-Agent': `Cronzimus/${packageVersion}`,
    'Cronzimus-Job': context.job.name,
    'Cronzimus-Run': context.run.id,
    'Cronzimus-Scheduled-At': context.scheduledAt.toISOString(),
    'Cronzimus-Attempt': String(context.attempt),
  });
  if (body !== undefined)
    headers.set('Content-Type', typeof body === 'string' ? 'text/plain;charset=UTF-8' : 'application/json');
  for (const [name, value] of Object.entries(given)) headers.set(name, value);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  // Node sends the body of a DELETE without its length, and what follows would be another request.
  if (text !== undefined) headers.set('Content-Length', String(Buffer.byteLength(text)));
  return { method, url: new URL(url), headers, body: text };
}
