import { Webhook } from 'standardwebhooks';
import type { NameResolver } from '../core/dns/name-resolver.js';
import { packageVersion } from '../core/package-version.js';
import { sendRequest } from '../tasks/http-client.js';
import type { Destinations } from '../tasks/http-destinations.js';
import { readResponse } from '../tasks/http-response.js';
import { type AlertMessage, linesOf, titleOf } from './alert-message.js';
import type { Channel } from './channel.schema.js';

type ChannelOf<T extends Channel['type']> = Extract<Channel, { type: T }>;

export interface Egress {
  destinations: Destinations;
  names: NameResolver;
}

const MAX_EXCERPT = 300;
/** PagerDuty refuses longer texts. */
const MAX_SUMMARY = 1024;

/** Sends the message, signed as https://www.standardwebhooks.com describes. */
export async function sendWebhook(
  { url, secret }: ChannelOf<'webhook'>,
  message: AlertMessage,
  egress: Egress,
  signal: AbortSignal,
): Promise<void> {
  const { id, test, opened, closed } = message;
  const now = new Date();
  const body = JSON.stringify({
    type: test ? 'alerts.test' : 'alerts',
    timestamp: now.toISOString(),
    data: { title: titleOf(message), opened, closed },
  });
  await post(url, body, egress, signal, {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, now, body),
  });
}

export async function sendSlack(
  { url }: ChannelOf<'slack'>,
  message: AlertMessage,
  egress: Egress,
  signal: AbortSignal,
): Promise<void> {
  const lines = linesOf(message);
  const text =
    lines.length > 1
      ? [`*${titleOf(message)}*`, ...lines.map((line) => `• ${escape(line)}`)].join('\n')
      : escape(titleOf(message));
  await post(url, JSON.stringify({ text }), egress, signal);
}

/** Slack reads these three as the beginning of a link or an entity. */
const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Triggers one alert for all incidents that opened, and resolves the alerts whose incidents have all closed. PagerDuty merges events with
 *  the same dedup_key, so an attempt that is repeated changes nothing. */
export async function sendPagerDuty(
  { url, routingKey }: ChannelOf<'pagerduty'>,
  message: AlertMessage,
  egress: Egress,
  signal: AbortSignal,
): Promise<void> {
  const { trigger, resolve, opened, test, id } = message;
  const event = (event_action: string, dedup_key: string, payload?: object) =>
    post(
      url,
      JSON.stringify({ routing_key: routingKey, event_action, dedup_key, ...(payload && { payload }) }),
      egress,
      signal,
    );
  const payloadOf = (severity: string) => ({
    summary: titleOf(message).slice(0, MAX_SUMMARY),
    source: 'cronzimus',
    severity,
    custom_details: { incidents: opened.incidents, count: opened.count },
  });
  if (trigger !== null) await event('trigger', trigger, payloadOf('error'));
  if (test) {
    await event('trigger', id, payloadOf('info'));
    await event('resolve', id);
  }
  for (const key of resolve) await event('resolve', key);
}

async function post(
  url: string,
  body: string,
  { destinations, names }: Egress,
  signal: AbortSignal,
  more: Record<string, string> = {},
): Promise<void> {
  const headers = new Headers({
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'User-Agent': `Cronzimus/${packageVersion}`,
    ...more,
  });
  const request = { method: 'POST', url: new URL(url), headers, body };
  const response = await sendRequest(request, { destinations, names }, keepsBody, signal);
  const { status, body: answer } = await readResponse(response);
  signal.throwIfAborted();
  if (status < 200 || status > 299) throw new Error(`the status was ${status}${excerpt(answer)}`);
}

/** After any other redirect, the request would be a GET without the message, and its success would mean nothing. */
const keepsBody = (status: number) => status === 307 || status === 308;

function excerpt(body: unknown): string {
  if (body === null) return '';
  return `: ${(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, MAX_EXCERPT)}`;
}
