/** One thing that is wrong with a request: a JSON pointer into it, and what would have worked. */
export interface Fault {
  path: string;
  message: string;
  /** Where the request is a file: from 1. */
  line?: number;
}

/** An error that its reader can act on: `code` is stable, the message says what would have worked. */
export class Problem extends Error {
  constructor(
    /** The HTTP status this becomes when a request caused it. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors?: Fault[],
  ) {
    super(message);
    this.name = new.target.name;
  }
}
