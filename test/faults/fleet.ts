import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { ask } from '../support/ask.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { message } from '../support/fork.js';
import { kill } from '../support/kill.js';
import { check, EFFECTS, type Findings, middle, type Plan } from './checker.js';
import { randomOf, SEED } from './random.js';

export interface Load {
  jobs: number;
  everyMs: number;
  /** How long there are occurrences. */
  seconds: number;
  /** A task takes between these. */
  holdMs: [number, number];
  onInterruption?: 'rerun' | 'fail';
  /** What else the jobs' definitions and inputs have. */
  definition?: object;
  inputOf?: (index: number, plan: Plan) => object;
  /** Time for the replicas to come up and the jobs to be stored before the first occurrence. */
  leadMs?: number;
}

export interface Replica {
  child: ChildProcess;
  pid: number;
  address: string;
  variables: Record<string, string>;
}

/** The advisory lock of the placed hold. */
const HOLD = 424_242;

interface Death {
  pid: number;
  at: number;
}

/** Replicas of the built service on one database, jobs that it is known when they are due of, and what became of them. */
export class Fleet {
  readonly random: () => number;
  readonly replicas: Replica[] = [];
  plans: Plan[] = [];
  private readonly deaths: Death[] = [];
  /** Replicas that ended without being told to. */
  private readonly crashes: string[] = [];
  private readonly jobsFile: string;

  private constructor(
    private readonly scenario: string,
    readonly url: string,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.random = randomOf(scenario);
    this.jobsFile = join(mkdtempSync(join(process.env['TEST_SCRATCH']!, 'jobs-')), 'jobs.json');
  }

  /** On a database of its own, or on that of a server of the scenario's. */
  static async open(scenario: string, serverUrl?: string): Promise<Fleet> {
    const database = serverUrl ? { url: serverUrl, drop: async () => {} } : await createTestDatabase();
    await ask(database.url, `DROP TABLE IF EXISTS public.effects; ${EFFECTS}`);
    return new Fleet(scenario, database.url, () => database.drop());
  }

  /** Writes the jobs down, starts the replicas and waits until all jobs are stored. */
  async start(load: Load, replicas = 3, variables: Record<string, string>[] = []): Promise<void> {
    await this.plan(load);
    await Promise.all(Array.from({ length: replicas }, (_, index) => this.startReplica(variables[index])));
    await eventually(
      async () => expect(await ask(this.url, 'SELECT FROM cronzimus.jobs')).toHaveLength(this.plans.length + 1),
      { within: 30_000 },
    );
    const [late] = await ask(this.url, `SELECT clock_timestamp() > '${new Date(this.from).toISOString()}' AS late`);
    if (late!['late']) throw new Error(`${this.scenario}: the jobs were not stored before the first one was due`);
  }

  get from(): number {
    return Math.min(...this.plans.map(({ fromMs }) => fromMs));
  }

  get until(): number {
    return Math.max(...this.plans.map(({ untilMs }) => untilMs));
  }

  async startReplica(variables: Record<string, string> = {}): Promise<Replica> {
    const { PATH, HOME, FAULTS_LOGS } = process.env;
    const log = FAULTS_LOGS
      ? openSync(join(FAULTS_LOGS, `${this.scenario.replaceAll(/\W+/g, '-')}.log`), 'a')
      : 'ignore';
    const env = {
      PATH,
      HOME,
      LOG_LEVEL: FAULTS_LOGS ? 'info' : 'fatal',
      LOG_FORMAT: 'json',
      PORT: '0',
      DATABASE_URL: this.url,
      JOBS_FILE: this.jobsFile,
      SHUTDOWN_GRACE_SECONDS: '0.2',
      ...variables,
    };
    const child = fork(join(import.meta.dirname, 'effect-process.js'), {
      execArgv: [],
      stdio: ['ignore', log, 'inherit', 'ipc'],
      env,
    });
    const replica: Replica = { child, pid: child.pid!, address: '', variables };
    this.replicas.push(replica);
    child.once('exit', (code, signal) => {
      if (this.replicas.includes(replica)) this.crashes.push(`pid ${child.pid} ended with ${code ?? signal}`);
    });
    replica.address = await message<string>(child);
    return replica;
  }

  /** One of those that run. */
  anyReplica(): Replica {
    return this.replicas[Math.floor(this.random() * this.replicas.length)]!;
  }

  /** Ends a replica with SIGKILL, and starts another in its place after `awayMs`. */
  async killAndReplace(replica: Replica, awayMs = 0): Promise<void> {
    await this.kill(replica);
    await this.pause(awayMs);
    await this.startReplica(replica.variables);
  }

  async kill(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    this.deaths.push({ pid: replica.pid, at: Date.now() });
    await kill(replica.child, 'SIGKILL');
  }

  /** Ends a replica in good order; it must answer 0. */
  async endInOrder(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await kill(replica.child, 'SIGTERM');
    expect(replica.child.exitCode).toBe(0);
  }

  /** Lets a session be held in the middle of its transaction, at each row of a table that it is about to write. */
  async placeHold(table: string, event: string, condition: string): Promise<void> {
    await this.query(`
      CREATE FUNCTION public.held() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${HOLD}); RETURN NEW; END $$;
      CREATE TRIGGER held BEFORE ${event} ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION public.held()`);
  }

  /** Whoever comes to the placed hold waits there until `work` is done. */
  async whileHeld(work: () => Promise<void>): Promise<void> {
    const holder = new Client({ connectionString: this.url });
    await holder.connect();
    try {
      await holder.query(`SELECT pg_advisory_lock(${HOLD})`);
      await work();
    } finally {
      await holder.end();
    }
  }

  /** How many sessions wait at the placed hold. */
  async heldSessions(): Promise<number> {
    const [row] = await this.query(
      `SELECT count(*)::int AS held FROM pg_locks WHERE locktype = 'advisory' AND objid = ${HOLD} AND NOT granted`,
    );
    return row!['held'] as number;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Waits until the first occurrences, plus so long. */
  untilBegun(afterMs = 0): Promise<void> {
    return this.pause(this.from + afterMs - Date.now());
  }

  query(statement: string): Promise<Record<string, unknown>[]> {
    return ask(this.url, statement);
  }

  /** Waits until nothing is due or under way any more, says what the checker found, and demands that it is nothing. */
  async judge(extra: Record<string, unknown> = {}): Promise<Findings> {
    await this.pause(this.until - Date.now());
    await this.quiet();
    const findings = await check(this.url, this.plans);
    const reasons = await this.query(
      `SELECT state || coalesce(' ' || reason, '') AS state, count(*)::int FROM cronzimus.runs GROUP BY 1 ORDER BY 1`,
    );
    const figures = {
      ...findings.figures,
      ends: Object.fromEntries(reasons.map(({ state, count }) => [state, count])),
      ...(this.deaths.length > 0 && { killed: this.deaths.length, beganAgainAfterMs: await this.recovery() }),
      ...extra,
    };
    process.stdout.write(`\n${this.scenario} (seed ${SEED}): ${JSON.stringify(figures)}\n`);
    expect([...this.crashes, ...findings.violations]).toEqual([]);
    return findings;
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.splice(0).map(({ child }) => (child.kill('SIGCONT'), kill(child, 'SIGKILL'))));
    await this.dropDatabase();
  }

  /** Whatever this waits for in vain, the checker names. */
  private async quiet(): Promise<void> {
    await eventually(
      async () =>
        expect(
          await this.query(`SELECT 1 FROM cronzimus.runs WHERE state IN ('pending', 'running', 'retrying')
            UNION ALL SELECT 1 FROM cronzimus.jobs WHERE task = 'effect' AND next_run_at IS NOT NULL LIMIT 1`),
        ).toEqual([]),
      { within: 30_000, every: 250 },
    ).catch(() => {});
  }

  /** From each kill to the start of the next attempt of the runs that it interrupted, milliseconds. */
  private async recovery(): Promise<{ runs: number; median: number; max: number }> {
    const times = await Promise.all(
      this.deaths.map(({ pid, at }) =>
        this.query(
          `SELECT (extract(epoch FROM min(next.at)) * 1000 - ${at})::float8 AS took
           FROM public.effects cut JOIN public.effects next ON next.run = cut.run AND next.phase = 'start' AND next.attempt > cut.attempt
           WHERE cut.phase = 'start' AND cut.pid = ${pid}
             AND NOT EXISTS (SELECT FROM public.effects ended WHERE ended.execution = cut.execution AND ended.phase = 'end')
           GROUP BY cut.execution`,
        ),
      ),
    );
    const taken = times.flat().map(({ took }) => took as number);
    return { runs: taken.length, ...middle(taken) };
  }

  /** Each job with a grid of its own, so that each instant of the test has its share. */
  private async plan(load: Load): Promise<void> {
    const { jobs, everyMs, seconds, holdMs, onInterruption, definition, inputOf, leadMs = 8_000 } = load;
    const fromMs = Math.ceil((Date.now() + leadMs) / 1000) * 1000;
    const untilMs = fromMs + seconds * 1000;
    const added = Array.from({ length: jobs }, (_, index): [Plan, object] => {
      const plan: Plan = {
        name: `job-${this.plans.length + index}`,
        everyMs,
        anchorMs: fromMs - 86_400_000 + Math.floor((this.random() * Math.min(everyMs, seconds * 1_000)) / 100) * 100,
        fromMs,
        untilMs,
        onInterruption: onInterruption ?? (this.random() < 0.5 ? 'rerun' : 'fail'),
      };
      const held = Math.round(holdMs[0] + this.random() * (holdMs[1] - holdMs[0]));
      const trigger = {
        type: 'interval',
        everySeconds: everyMs / 1000,
        anchor: new Date(plan.anchorMs).toISOString(),
        startAt: new Date(fromMs).toISOString(),
        endAt: new Date(untilMs).toISOString(),
      };
      const job = { task: 'effect', overlap: 'allow', ...definition, onInterruption: plan.onInterruption };
      return [plan, { ...job, trigger, input: { holdMs: held, ...inputOf?.(index, plan) } }];
    });
    this.plans.push(...added.map(([plan]) => plan));
    await writeFile(
      this.jobsFile,
      JSON.stringify({ jobs: Object.fromEntries(added.map(([plan, job]) => [plan.name, job])) }),
    );
  }
}
