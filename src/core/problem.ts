import { CodedError } from './coded-error.js';

/** One fault of a request: a JSON pointer to the faulty value, and a message that says what would be valid. */
export interface Fault {
  path: string;
  message: string;
  /** The line of the fault, counted from 1. Set only when the request is a file. */
  line?: number;
}

/** An error that an HTTP response can report as problem details (RFC 9457). */
export class Problem extends CodedError {
  constructor(
    /** The HTTP status of the response, when a request caused this error. */
    readonly status: number,
    code: string,
    message: string,
    /** All faults of the input, when the input is what is wrong. */
    readonly errors?: Fault[],
  ) {
    super(code, message);
  }
}
