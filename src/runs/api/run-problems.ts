import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { CodedError } from '../../core/coded-error.js';
import { Problem } from '../../core/problem.js';
import {
  RunFinishedError,
  RunNeverStartedError,
  RunNotFinishedError,
  RunNotFoundError,
} from '../lifecycle/run-errors.js';

/** The HTTP status of each error of `runs/lifecycle`, which does not depend on HTTP. */
const STATUSES = new Map<unknown, number>([
  [RunNotFoundError, 404],
  [RunFinishedError, 409],
  [RunNotFinishedError, 409],
  [RunNeverStartedError, 409],
]);

/** Turns the errors of runs into problems for the client. All other errors pass through. */
export class RunProblems implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        throw error instanceof CodedError ? runProblem(error) : error;
      }),
    );
  }
}

export function runProblem(error: CodedError): CodedError {
  const status = STATUSES.get(error.constructor);
  return status === undefined ? error : new Problem(status, error.code, error.message);
}

const ID = '01990000-0000-7000-8000-000000000000';
const example = (error: CodedError) => runProblem(error) as Problem;

/** The problems that clients may get, as examples in the OpenAPI document. */
export const unknownRun = example(new RunNotFoundError(ID));
export const finishedRun = example(new RunFinishedError(ID, 'succeeded'));
export const unfinishedRun = example(new RunNotFinishedError(ID, 'running'));
export const neverStartedRun = example(new RunNeverStartedError(ID, 'missed'));
