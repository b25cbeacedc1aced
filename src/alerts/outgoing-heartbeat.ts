import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { NameResolver } from '../core/dns/name-resolver.js';
import { Loop } from '../core/loop.js';
import { maskOf } from '../core/mask.js';
import { packageVersion } from '../core/package-version.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DispatchLoop } from '../jobs/dispatch/dispatch-loop.js';
import { hasOverdue } from '../jobs/dispatch/due.js';
import { Metrics } from '../metrics/metrics.js';
import { sendRequest } from '../tasks/http-client.js';
import { Destinations } from '../tasks/http-destinations.js';
import { messageOf } from '../tasks/http-errors.js';
import { hasStuckDelivery } from './deliveries.js';

const EVERY_MS = 60_000;
/** How long to wait at the start for the first turn of the dispatch loop. */
const FIRST_MS = 1_000;
const MAX_REQUEST_MS = 10_000;
/** A dispatch loop that completed no turn for this long does not work. It polls each second. */
const MAX_SILENCE_MS = 15_000;

/**
 * A dead man's switch: requests HEARTBEAT_URL each minute while dispatching works and nothing is overdue, messages included. A service that watches for
 * silence then reports a standstill that this service cannot report itself.
 *
 * Every scheduler does this on its own. The watching service sees silence only when none of them works, and no scheduler depends on
 * another one for it.
 */
@Injectable()
export class OutgoingHeartbeat {
  private readonly destinations: Destinations;
  private readonly failures;
  private stopped = new AbortController();
  private first: NodeJS.Timeout | undefined;
  readonly loop = new Loop({
    everyMs: EVERY_MS,
    turn: () => this.turn(),
    failed: (error) => this.logger.warn({ err: error }, 'heartbeat not sent'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'HEARTBEAT_URL' | 'HOST'>,
    private readonly database: SchedulerDatabase,
    private readonly dispatch: DispatchLoop,
    private readonly names: NameResolver,
    private readonly logger: PinoLogger,
    metrics: Metrics,
  ) {
    const { HOST } = environment;
    this.destinations = new Destinations({ HOST, HTTP_TASK_ALLOWED_HOSTS: undefined }, 'The heartbeat');
    this.failures = metrics.counter('heartbeat_failures_total', 'Requests to HEARTBEAT_URL without a 2xx response');
  }

  /** Does nothing without HEARTBEAT_URL. */
  startBeating(): void {
    if (this.environment.HEARTBEAT_URL === undefined) return;
    this.stopped = new AbortController();
    this.loop.start();
  }

  /** Aborts a request that is under way. None follows. */
  async stop(): Promise<void> {
    clearTimeout(this.first);
    this.stopped.abort();
    await this.loop.stop();
  }

  private async turn(): Promise<void> {
    const { lastTurnAt } = this.dispatch.loop;
    if (lastTurnAt === null) {
      this.first = setTimeout(() => this.loop.wake(), FIRST_MS).unref();
      return;
    }
    const fault = await this.faultSince(lastTurnAt);
    if (fault !== null) {
      this.logger.warn({ why: fault }, 'heartbeat held back');
      return;
    }
    const { signal } = this.stopped;
    if (signal.aborted) return;
    try {
      await this.send(AbortSignal.any([signal, AbortSignal.timeout(MAX_REQUEST_MS)]));
    } catch (error) {
      if (signal.aborted) return;
      this.failures.inc();
      // The path of the URL is a credential.
      const why = maskOf([this.environment.HEARTBEAT_URL!])(messageOf(error));
      this.logger.warn({ why }, 'heartbeat not sent');
    }
  }

  /** Why the heartbeat is held back. Null: nothing is wrong. */
  private async faultSince(lastTurnAt: number): Promise<string | null> {
    if (Date.now() - lastTurnAt > MAX_SILENCE_MS) return 'dispatching stands still';
    if (await hasOverdue(this.database)) return 'jobs are overdue';
    return (await hasStuckDelivery(this.database)) ? 'no worker has started a message about an alert' : null;
  }

  private async send(signal: AbortSignal): Promise<void> {
    const request = {
      method: 'GET',
      url: new URL(this.environment.HEARTBEAT_URL!),
      headers: new Headers({ 'User-Agent': `Cronzimus/${packageVersion}` }),
      body: undefined,
    };
    const { destinations, names } = this;
    const response = await sendRequest(request, { destinations, names }, () => true, signal);
    response.socket.destroy();
    const status = response.statusCode!;
    if (status < 200 || status > 299) throw new Error(`the status was ${status}`);
  }
}
