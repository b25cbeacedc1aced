import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import { withoutBrackets } from '../core/ip.js';
import { checkedLookup } from '../tasks/http-client.js';
import { type AlertMessage, linesOf, titleOf } from './alert-message.js';
import type { Channel } from './channel.schema.js';
import type { Egress } from './send-http.js';

const PORTS = { 'smtp:': 587, 'smtps:': 465 };

/** Sends an email. Its Message-ID is the same in all attempts, so that receivers can recognise a repetition. */
export async function sendEmail(
  { smtp, from, to }: Extract<Channel, { type: 'email' }>,
  message: AlertMessage,
  egress: Egress,
  signal: AbortSignal,
): Promise<void> {
  const title = titleOf(message);
  const connection = await open(new URL(smtp), egress, signal);
  const destroy = () => connection.destroy();
  signal.addEventListener('abort', destroy);
  const transport = createTransport({
    url: smtp,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options: unknown, done: (error: Error | null, socket: object) => void) => done(null, { connection }),
  } as Parameters<typeof createTransport>[0]);
  try {
    await transport.sendMail({
      from,
      to,
      subject: `[Cronzimus] ${title}`,
      text: `${[title, ...linesOf(message).filter((line) => line !== title)].join('\n')}\n`,
      messageId: `<${message.id}@cronzimus>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
    transport.close();
    connection.destroy();
  }
}

/** Connects to an address that the checks for HTTP requests allow too. nodemailer starts TLS on the connection. */
async function open(
  { protocol, hostname, port }: URL,
  { destinations, names }: Egress,
  signal: AbortSignal,
): Promise<Socket> {
  const host = withoutBrackets(hostname);
  if (isIP(host)) destinations.check(host, host);
  const socket = connect({
    host,
    port: Number(port || PORTS[protocol as keyof typeof PORTS]),
    lookup: checkedLookup(destinations, names),
    signal,
  });
  await once(socket, 'connect');
  return socket;
}
