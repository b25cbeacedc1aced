import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { PinoLogger } from 'nestjs-pino';
import type { DataSource } from 'typeorm';
import { outputAsJson } from '../../core/json.js';
import { unmasked, type Mask, maskOf } from '../../core/mask.js';
import { taskSettings } from '../../database/transaction-settings.js';
import { NoConnectionError, waitingUntil } from '../../database/task-pool.js';
import { withMask } from '../../logging/masked-lines.js';
import { withRunFields } from '../../logging/run-fields.js';
import { AddressRefusedError, HttpStatusError } from '../../tasks/http-errors.js';
import { InvalidTaskInputError, UnknownTaskError } from '../../tasks/task-errors.js';
import type { RunContext } from '../../tasks/run-context.js';
import { Secrets } from '../../tasks/secrets.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { AttemptResult } from '../lifecycle/outcome.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { runError, TaskTimeoutError } from '../lifecycle/run-errors.js';
import { idempotencyKeyOf } from '../lifecycle/run.entity.js';
import { runLog } from './run-log.js';
import { RunLogs } from './run-logs.js';
import { TransactionalAttempt } from './transactional-attempt.js';

/** Errors with which another attempt would fail again. They are not retried. */
const FINAL = [InvalidTaskInputError, UnknownTaskError, AddressRefusedError];

/** A task that ignores its abort signal for this long is abandoned: its run ends, and its slot stays taken. */
const ABORT_GRACE_MS = 10_000;

/** Runs one attempt: fills in secrets, validates the input, and calls the task with its context and a timeout. */
@Injectable()
export class TaskRunner {
  constructor(
    private readonly tasks: TaskRegistry,
    private readonly secrets: Secrets,
    private readonly logs: RunLogs,
    private readonly logger: PinoLogger,
    private readonly transactional: TransactionalAttempt,
    @InjectDataSource() private readonly database: DataSource,
  ) {}

  /** Starts the attempt. `result` resolves when the task ends, and at most 10 s after its signal aborts. `ended`
   *  resolves when the task itself has returned, which may be never. Neither rejects. */
  startAttempt(run: ClaimedRun, stop: AbortController): { result: Promise<AttemptResult>; ended: Promise<unknown> } {
    const fields = { runId: run.id, job: run.job, attempt: run.attempt };
    // A context of its own: a run may start during a request, whose logger adds the fields of the request.
    const task = this.logger.runInContext(() =>
      withRunFields(fields, () => waitingUntil(stop.signal, () => this.execute(run, stop.signal))),
    );
    const timer = setTimeout(() => stop.abort(new TaskTimeoutError(run.timeoutSeconds)), run.timeoutSeconds * 1000);
    const endLog = () => this.logs.end(run);
    const ended = task.finally(() => {
      clearTimeout(timer);
      endLog();
    });
    // The last lines of a task that ignores its signal belong to the log of its run too.
    const result = Promise.race([ended, this.abandoned(stop.signal, ended).finally(endLog)]);
    return { result, ended };
  }

  private async execute(run: ClaimedRun, signal: AbortSignal): Promise<AttemptResult> {
    const started = performance.now();
    let mask = unmasked;
    try {
      const { input: filled, secrets } = await this.secrets.fillIn(run.input);
      mask = maskOf(secrets);
      const input = await withMask(mask, () => this.tasks.parse(run.task, filled));
      const { options, handler } = this.tasks.get(run.task);
      const work = async (transaction: RunContext['transaction']) =>
        outputAsJson(
          await withMask(mask, () => handler.run(input as never, this.context(run, signal, mask, transaction))),
          mask,
        );
      if (options.transactional) {
        await this.transactional.run(run, signal, (tx) => work((inner) => inner(tx)));
        return { state: 'committed' };
      }
      const output = await work(this.ownTransaction(run));
      if (signal.reason instanceof TaskTimeoutError) return timedOut(signal.reason);
      // If the task has blocked the event loop, the timer has not fired yet.
      if (performance.now() - started > run.timeoutSeconds * 1000)
        return timedOut(new TaskTimeoutError(run.timeoutSeconds));
      return { state: 'succeeded', output };
    } catch (error) {
      if (signal.reason instanceof TaskTimeoutError) return timedOut(whileWaiting(signal.reason, error));
      return {
        state: 'failed',
        error: runError(error, mask),
        final: FINAL.some((type) => error instanceof type),
        ...(error instanceof HttpStatusError && { retryAfterSeconds: error.retryAfterSeconds }),
      };
    }
  }

  private context(
    run: ClaimedRun,
    signal: AbortSignal,
    mask: Mask,
    transaction: RunContext['transaction'],
  ): RunContext {
    return {
      run: { id: run.id, kind: run.kind, idempotencyKey: idempotencyKeyOf(run) },
      job: { name: run.job },
      scheduledAt: run.scheduledAt,
      attempt: run.attempt,
      signal,
      log: runLog(this.logger.logger, this.logs.begin(run), mask),
      transaction,
    };
  }

  /** `context.transaction` of a task that is not transactional: each call is a transaction of its own. The server ends
   *  its statements after the timeout of the attempt, and notices within a second if this process dies. */
  private ownTransaction(run: ClaimedRun): RunContext['transaction'] {
    const timeoutMs = String(Math.ceil(run.timeoutSeconds * 1000));
    return (work) =>
      this.database.transaction(async (tx) => {
        await tx.query(
          `SELECT set_config('statement_timeout', $1, true), set_config('client_connection_check_interval', '1000', true),
             ${taskSettings}`,
          [timeoutMs],
        );
        return work(tx);
      });
  }

  /** Resolves 10 s after the signal aborts, with the result of an attempt whose task ignores it. */
  private async abandoned(signal: AbortSignal, ended: Promise<unknown>): Promise<AttemptResult> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      ended,
      new Promise((resolve) => {
        timer = setTimeout(resolve, ABORT_GRACE_MS);
      }),
    ]);
    clearTimeout(timer);
    return signal.reason instanceof TaskTimeoutError
      ? timedOut(signal.reason)
      : { state: 'failed', error: runError(signal.reason), final: false };
  }
}

/** Adds to the error that the attempt was still waiting for a connection, if it was. */
const whileWaiting = (timeout: TaskTimeoutError, thrown: unknown) =>
  thrown instanceof NoConnectionError ? new TaskTimeoutError(timeout.timeoutSeconds, thrown.message) : timeout;

const timedOut = (error: TaskTimeoutError): AttemptResult => ({
  state: 'timed_out',
  error: runError(error),
  final: false,
});
