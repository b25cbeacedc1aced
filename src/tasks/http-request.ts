import { packageVersion } from '../http/package-version.js';
import type { HttpInput } from './http-input.js';
import type { RunContext } from './run-context.js';

/** The same for each start of an occurrence, also from a restored database, so that the receiver can tell a repetition. */
export const idempotencyKey = ({ run, job, scheduledAt }: RunContext): string =>
  run.kind === 'schedule' || run.kind === 'catch_up' ? `${job.name}/${scheduledAt.toISOString()}` : run.id;

/** What is handed to fetch for an input whose words are filled in. */
export function requestOf({ method, headers: given, body }: HttpInput, context: RunContext): RequestInit {
  const headers = new Headers({
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
  return {
    method,
    headers,
    signal: context.signal,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}
