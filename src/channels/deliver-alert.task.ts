import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { NameResolver } from '../core/dns/name-resolver.js';
import { maskOf } from '../core/mask.js';
import { LOG_CHANNEL } from '../jobs/definition/alert.schema.js';
import { withMask } from '../logging/masked-lines.js';
import { Metrics } from '../metrics/metrics.js';
import { Destinations } from '../tasks/http-destinations.js';
import { messageOf } from '../tasks/http-errors.js';
import type { RunContext } from '../tasks/run-context.js';
import { Task, type TaskHandler } from '../tasks/task.decorator.js';
import { type AlertMessage, alertMessage, linesOf, titleOf } from './alert-message.js';
import { DeliveryFailedError } from './channel-errors.js';
import type { Channel } from './channel.schema.js';
import { Channels } from './channels.js';
import { sendEmail } from './send-email.js';
import { type Egress, sendPagerDuty, sendSlack, sendWebhook } from './send-http.js';

export const DELIVER_ALERT = 'deliver-alert';

/** Sends one message to one channel. The evaluator of alerts creates its runs, and a failed one is retried for hours. */
@Injectable()
@Task({
  name: DELIVER_ALERT,
  description: 'Sends a message about alerts to a channel. The service creates these runs itself.',
  input: alertMessage,
})
export class DeliverAlert implements TaskHandler<typeof alertMessage> {
  private readonly egress: Egress;
  private readonly deliveries;

  constructor(
    @Inject(ENVIRONMENT) { HOST }: Pick<Environment, 'HOST'>,
    private readonly channels: Channels,
    names: NameResolver,
    metrics: Metrics,
  ) {
    // HTTP_TASK_ALLOWED_HOSTS limits what authors of jobs can reach, and they do not write the channels file.
    this.egress = { names, destinations: new Destinations({ HOST, HTTP_TASK_ALLOWED_HOSTS: undefined }, 'A channel') };
    this.deliveries = metrics.counter(
      'alert_deliveries_total',
      'Attempts to send a message about alerts, by type of channel: delivered or failed',
      ['type', 'outcome'],
    );
  }

  /** Throws DELIVERY_FAILED, CHANNEL_NOT_FOUND and the errors of secrets. No error has a value of the channel. */
  async run(message: AlertMessage, context: RunContext): Promise<{ channel: string; title: string }> {
    const type = this.channels.typeOf(message.channel) ?? 'unknown';
    try {
      await this.deliver(message, context);
    } catch (error) {
      this.deliveries.inc({ type, outcome: 'failed' });
      throw error;
    }
    this.deliveries.inc({ type, outcome: 'delivered' });
    return { channel: message.channel, title: titleOf(message) };
  }

  private async deliver(message: AlertMessage, { log, signal }: RunContext): Promise<void> {
    if (message.channel === LOG_CHANNEL) {
      const { opened, closed } = message;
      log.warn({ opened: opened.count, closed: closed.count, lines: linesOf(message) }, titleOf(message));
      return;
    }
    const { channel, secrets } = await this.channels.open(message.channel);
    const mask = maskOf(secrets);
    try {
      await withMask(mask, () => send(channel, message, this.egress, signal));
    } catch (error) {
      signal.throwIfAborted();
      // Not as its cause: the run would store that without the mask.
      throw new DeliveryFailedError(message.channel, mask(messageOf(error)));
    }
  }
}

function send(channel: Channel, message: AlertMessage, egress: Egress, signal: AbortSignal): Promise<void> {
  if (channel.type === 'webhook') return sendWebhook(channel, message, egress, signal);
  if (channel.type === 'slack') return sendSlack(channel, message, egress, signal);
  if (channel.type === 'email') return sendEmail(channel, message, egress, signal);
  return sendPagerDuty(channel, message, egress, signal);
}
