import type { IncomingMessage } from 'node:http';

const WITH_RETRY_AFTER = [429, 503];
/** The three forms of a date that RFC 9110 requires a recipient to accept. */
const DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/** The seconds that a response with 429 or 503 asks to wait, at least 0. A date counts from the `Date` of the same response,
 *  so that a wrong clock of the server does no harm, and without one from `now`. Undefined when the response does not say, or
 *  says it in another form than RFC 9110's. */
export function retryAfterSeconds(
  { statusCode = 0, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
  now: number,
): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || !WITH_RETRY_AFTER.includes(statusCode)) return undefined;
  // A very long number is Infinity, which the caller limits.
  if (/^\d+$/.test(text)) return Number(text);
  const at = timeOf(text);
  return at === undefined ? undefined : Math.max(0, (at - (timeOf(headers.date ?? '') ?? now)) / 1000);
}

/** Milliseconds since 1970. Undefined when the text is not a date of HTTP. */
function timeOf(text: string): number | undefined {
  if (!DATES.some((form) => form.test(text))) return undefined;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
