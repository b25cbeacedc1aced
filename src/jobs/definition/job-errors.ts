import { Problem } from '../../core/problem.js';
import { jsonPointer } from '../../core/json-pointer.js';

export class JobNotFoundError extends Problem {
  constructor(readonly job: string) {
    super(404, 'JOB_NOT_FOUND', `There is no job "${job}"; GET /api/v1/jobs lists those there are`);
  }
}

export class JobExistsError extends Problem {
  constructor(readonly job: string) {
    super(409, 'JOB_EXISTS', `There is a job "${job}" already; change it with PUT or PATCH, or take another name`);
  }
}

export class JobBusyError extends Problem {
  constructor(
    readonly job: string,
    overlap: string,
  ) {
    super(
      409,
      'JOB_BUSY',
      `Runs of "${job}" are not finished yet, and its overlap is "${overlap}"; wait for them to end`,
    );
  }
}

export class JobManagedElsewhereError extends Problem {
  constructor(
    readonly job: string,
    source: string,
    owningSource: string,
    owner: string | null,
  ) {
    const whose = owner === null ? '' : ` of the app "${owner}"`;
    super(
      409,
      'JOB_MANAGED_ELSEWHERE',
      `Job "${job}" is declared by source "${source}", but it belongs to source "${owningSource}"${whose}; \
give one of the two another name`,
    );
  }
}

/** The same, seen from the API. */
export class JobOfSourceError extends Problem {
  constructor(
    readonly job: string,
    source: string,
    owner: string | null,
  ) {
    super(
      409,
      'JOB_MANAGED_ELSEWHERE',
      `Job "${job}" belongs to source "${source}" of the app "${owner}": change or delete it there. \
Over the API it can be paused, resumed and run`,
    );
  }
}

export class TriggerInPastError extends Problem {
  constructor(at: string) {
    const message = `${at} is over by the database's clock, so the job would never run; give an instant to come`;
    super(422, 'TRIGGER_IN_PAST', message, [{ path: '/trigger/at', message }]);
  }
}

export class BackfillTooLargeError extends Problem {
  constructor(most: number) {
    const message = `There are more than ${most} occurrences in this range; ask for a shorter one, several times`;
    super(422, 'BACKFILL_TOO_LARGE', message, [{ path: '/to', message }]);
  }
}

export class BackfillInFutureError extends Problem {
  constructor(next: Date) {
    const message = `The next occurrence is ${next.toISOString()}, and the job runs from there on by itself; begin before it`;
    super(422, 'BACKFILL_IN_FUTURE', message, [{ path: '/from', message }]);
  }
}

/** All that a jobs file names, seen from the API. */
export class JobsOfSourceError extends Problem {
  constructor(jobs: { name: string; source: string; owner: string | null }[]) {
    const faults = jobs.map(({ name, source, owner }) => ({
      path: jsonPointer(['jobs', name]),
      message: `"${name}" belongs to source "${source}" of the app "${owner}"`,
    }));
    const list = faults.map(({ message }) => message).join(', ');
    super(409, 'JOB_MANAGED_ELSEWHERE', `${list}; change it there, or leave it out of the file`, faults);
  }
}

export class JobDeclaredTwiceError extends Problem {
  constructor(readonly jobs: string[]) {
    const names = jobs.map((job) => `"${job}"`).join(', ');
    super(409, 'JOB_DECLARED_TWICE', `Declared in code and in JOBS_FILE: ${names}; give one of the two another name`);
  }
}
