interface LoopOptions {
  /** Milliseconds from the end of one turn to the start of the next, unless `wake` is called earlier. */
  everyMs: number;
  /** One turn. Resolve with true when there is more to do: the next turn then starts at once.
   *  `woken` is true when `wake` or the previous turn asked for this turn, and false when the time was up. */
  turn: (woken: boolean) => Promise<boolean | void>;
  /** Called with the error when a turn throws. The loop continues after a pause, which grows with each failure in a row. */
  failed: (error: unknown) => void;
}

const MAX_PAUSE_MS = 5_000;
const MAX_TURN_MS = 120_000;

/** Repeats a turn until it is stopped, one turn at a time. A `wake` during a turn causes one more turn, so none is lost. */
export class Loop {
  /** When a turn last ended without an error, by the local clock in milliseconds. Null before the first, and while stopped. */
  lastTurnAt: number | null = null;
  /** When the current turn began, by the local clock in milliseconds. Null between turns. */
  private turnSince: number | null = null;
  private running: Promise<void> | null = null;
  private stopping = false;
  private woken = false;
  private endPause: () => void = () => {};

  constructor(private readonly options: LoopOptions) {}

  /** Starts the loop with a turn. Does nothing while the loop runs. */
  start(): void {
    this.stopping = false;
    this.running ??= this.run();
  }

  /** Starts the next turn now, or right after the current one. While the loop pauses after a failure, the turn waits for that pause. */
  wake(): void {
    this.woken = true;
    this.endPause();
  }

  /** Resolves when the current turn has ended. No other turn starts. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.endPause();
    await this.running;
    this.running = null;
    this.lastTurnAt = null;
  }

  /** True when the current turn has taken over 120 s, which is longer than any timeout inside a turn. Failing turns are not stuck. */
  isStuck(): boolean {
    return this.turnSince !== null && Date.now() - this.turnSince > MAX_TURN_MS;
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      const { woken } = this;
      this.woken = false;
      this.turnSince = Date.now();
      try {
        if (await this.options.turn(woken)) this.woken = true;
        failures = 0;
        this.lastTurnAt = Date.now();
      } catch (error) {
        this.options.failed(error);
        failures += 1;
      }
      this.turnSince = null;
      await this.pause(failures);
    }
  }

  private async pause(failures: number): Promise<void> {
    if (this.stopping || (this.woken && failures === 0)) return;
    // Jitter keeps replicas that failed together from retrying together. A wake does not shorten this pause: the next turn
    // would only fail again.
    const backoff = Math.min(MAX_PAUSE_MS, 100 * 2 ** failures) * (0.5 + Math.random() / 2);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, failures > 0 ? backoff : this.options.everyMs);
      this.endPause = () => {
        if (failures > 0 && !this.stopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = () => {};
  }
}
