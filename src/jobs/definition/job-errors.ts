import { jsonPointer } from '../../core/json-pointer.js';
import { Problem } from '../../core/problem.js';

export class JobNotFoundError extends Problem {
  constructor(readonly job: string) {
    super(404, 'JOB_NOT_FOUND', `There is no job "${job}"; GET /api/v1/jobs lists the jobs`);
  }
}

export class JobExistsError extends Problem {
  constructor(readonly job: string) {
    super(409, 'JOB_EXISTS', `A job "${job}" exists already; change it with PUT or PATCH, or use another name`);
  }
}

export class JobRenamedError extends Problem {
  constructor(name: string) {
    const message = `Must be the name in the path, "${name}", or left out: a job cannot be renamed`;
    super(422, 'INVALID_BODY', `The body is not valid. /name: ${message}`, [{ path: '/name', message }]);
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

/** The API was asked to change a job of code or of a jobs file. */
export class JobManagedElsewhereError extends Problem {
  constructor(
    readonly job: string,
    source: string,
    owner: string | null,
  ) {
    super(
      409,
      'JOB_MANAGED_ELSEWHERE',
      `Job "${job}" belongs to source "${source}" of the app "${owner}": change or delete it there. \
The API can pause, resume and run it`,
    );
  }
}

/** An import over the API names jobs of code or of a jobs file, and differs from them. */
export class JobsManagedElsewhereError extends Problem {
  constructor(jobs: { name: string; source: string; owner: string | null }[]) {
    const faults = jobs.map(({ name, source, owner }) => ({
      path: jsonPointer(['jobs', name]),
      message: `"${name}" belongs to source "${source}" of the app "${owner}"`,
    }));
    const list = faults.map(({ message }) => message).join(', ');
    super(409, 'JOB_MANAGED_ELSEWHERE', `${list}; change it there, or leave it out of the file`, faults);
  }
}

/** Code or a jobs file declares a job whose name belongs to the API or to another app. */
export class JobNameTakenError extends Problem {
  constructor(
    readonly job: string,
    source: string,
    owningSource: string,
    owner: string | null,
  ) {
    const app = owner === null ? '' : ` of the app "${owner}"`;
    super(
      409,
      'JOB_MANAGED_ELSEWHERE',
      `Job "${job}" is declared by source "${source}", but it belongs to source "${owningSource}"${app}; \
rename one of the two`,
    );
  }
}

export class JobDeclaredTwiceError extends Problem {
  constructor(readonly jobs: string[]) {
    const names = jobs.map((job) => `"${job}"`).join(', ');
    super(409, 'JOB_DECLARED_TWICE', `Declared in code and in JOBS_FILE: ${names}; rename one of the two`);
  }
}

export class TriggerInPastError extends Problem {
  constructor(at: string) {
    const message = `${at} has passed by the database's clock, so the job would never run; give a time in the future`;
    super(422, 'TRIGGER_IN_PAST', message, [{ path: '/trigger/at', message }]);
  }
}

export class BackfillTooLargeError extends Problem {
  constructor(most: number) {
    const message = `There are more than ${most} occurrences in this range; split it into several requests`;
    super(422, 'BACKFILL_TOO_LARGE', message, [{ path: '/to', message }]);
  }
}

export class BackfillInFutureError extends Problem {
  constructor(next: Date) {
    const message = `From the next occurrence on, ${next.toISOString()}, the job runs by itself; give a from before it`;
    super(422, 'BACKFILL_IN_FUTURE', message, [{ path: '/from', message }]);
  }
}
