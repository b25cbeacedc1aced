import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { fillIn } from '../core/template.js';
import { type HttpAnswer, readAnswer } from './http-answer.js';
import { Destinations } from './http-destinations.js';
import { AddressRefusedError, HttpFailedError, HttpStatusError } from './http-errors.js';
import { exchange } from './http-exchange.js';
import { httpInput, type HttpInput } from './http-input.js';
import { requestOf } from './http-request.js';
import type { RunContext } from './run-context.js';
import { runWords } from './run-words.js';
import { Task, type TaskHandler } from './task.decorator.js';
import { TaskMetrics } from './task-metrics.js';

/** Sends an HTTP request, and fails where the answer is not the one that was expected. */
@Injectable()
@Task({
  name: 'http',
  description: 'Sends an HTTP request, with an Idempotency-Key; its status decides whether the run succeeds.',
  input: httpInput,
})
export class HttpTask implements TaskHandler<typeof httpInput> {
  private readonly destinations: Destinations;

  constructor(
    @Inject(ENVIRONMENT) environment: Pick<Environment, 'HOST' | 'HTTP_TASK_ALLOWED_HOSTS'>,
    private readonly metrics: TaskMetrics,
  ) {
    this.destinations = new Destinations(environment);
  }

  /** Throws a Problem: HTTP_STATUS, HTTP_FAILED or ADDRESS_REFUSED; the signal's reason once that has aborted. */
  async run(input: HttpInput, context: RunContext): Promise<HttpAnswer> {
    const request = fillIn(input, runWords(context));
    const answer = await this.send(request, context);
    if (!isExpected(answer.status, request.expectStatus)) throw new HttpStatusError(request, answer);
    return answer;
  }

  private async send(request: HttpInput, context: RunContext): Promise<HttpAnswer> {
    try {
      return await readAnswer(await exchange(requestOf(request, context), this.destinations, context.signal));
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof AddressRefusedError)) throw new HttpFailedError(request, error);
      this.metrics.addressRefused();
      throw error;
    }
  }
}

const isExpected = (status: number, expected: HttpInput['expectStatus']): boolean =>
  expected === undefined ? status >= 200 && status <= 299 : [expected].flat().includes(status);
