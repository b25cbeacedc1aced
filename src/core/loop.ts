interface LoopOptions {
  /** Milliseconds between the end of a turn and the next, unless woken before. */
  everyMs: number;
  /** One turn; true means that there is more to do at once. `woken`: somebody said that there is something to do. */
  turn: (woken: boolean) => Promise<boolean | void>;
  /** A turn has thrown; the loop goes on, with growing pauses. */
  failed: (error: unknown) => void;
}

const LONGEST_PAUSE_MS = 5_000;
const LONGEST_TURN_MS = 120_000;

/** Repeats a turn for ever, one at a time. A wake during a turn is remembered, so that none is lost. */
export class Loop {
  /** When a turn last ended without failing, local milliseconds; null before the first, and once it is stopped. */
  lastTurnAt: number | null = null;
  /** When the present turn began, local milliseconds; null between turns. */
  private turnSince: number | null = null;
  private running: Promise<void> | null = null;
  private stopping = false;
  private woken = false;
  private rouse: () => void = () => {};

  constructor(private readonly options: LoopOptions) {}

  start(): void {
    this.stopping = false;
    this.running ??= this.run();
  }

  /** Begins the next turn now, or right after the present one. */
  wake(): void {
    this.woken = true;
    this.rouse();
  }

  /** Resolves when the present turn has ended; no other one begins. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.rouse();
    await this.running;
    this.running = null;
    this.lastTurnAt = null;
  }

  /** Whether the present turn takes longer than every timeout in it. A turn that fails is alive. */
  isStuck(): boolean {
    return this.turnSince !== null && Date.now() - this.turnSince > LONGEST_TURN_MS;
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
    // After a failure the jitter keeps replicas apart, and wakes are not heard: they would only repeat it.
    const backoff = Math.min(LONGEST_PAUSE_MS, 100 * 2 ** failures) * (0.5 + Math.random() / 2);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, failures > 0 ? backoff : this.options.everyMs);
      this.rouse = () => {
        if (failures > 0 && !this.stopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = () => {};
  }
}
