import { Injectable } from '@nestjs/common';
import { fillIn } from '../core/template.js';
import { type HttpAnswer, readAnswer } from './http-answer.js';
import { HttpFailedError, HttpStatusError } from './http-errors.js';
import { httpInput, type HttpInput } from './http-input.js';
import { requestOf } from './http-request.js';
import type { RunContext } from './run-context.js';
import { runWords } from './run-words.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Sends an HTTP request, and fails where the answer is not the one that was expected. */
@Injectable()
@Task({
  name: 'http',
  description: 'Sends an HTTP request, with an Idempotency-Key; its status decides whether the run succeeds.',
  input: httpInput,
})
export class HttpTask implements TaskHandler<typeof httpInput> {
  /** Throws a Problem: HTTP_STATUS or HTTP_FAILED; the signal's reason once that has aborted. */
  async run(input: HttpInput, context: RunContext): Promise<HttpAnswer> {
    const request = fillIn(input, runWords(context));
    const answer = await this.send(request, context);
    if (!isExpected(answer.status, request.expectStatus)) throw new HttpStatusError(request, answer);
    return answer;
  }

  private async send(request: HttpInput, context: RunContext): Promise<HttpAnswer> {
    try {
      return await readAnswer(await fetch(request.url, requestOf(request, context)));
    } catch (error) {
      context.signal.throwIfAborted();
      throw new HttpFailedError(request, error);
    }
  }
}

const isExpected = (status: number, expected: HttpInput['expectStatus']): boolean =>
  expected === undefined ? status >= 200 && status <= 299 : [expected].flat().includes(status);
