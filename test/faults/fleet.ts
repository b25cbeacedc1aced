import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runSql } from '../support/run-sql.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { kill } from '../support/kill.js';
import { check, type Findings, medianAndMax } from './checker/check.js';
import { EFFECTS } from './checker/facts.js';
import type { Plan } from './checker/plan.js';
import type { Loss } from './checker/loss.js';
import type { Step } from './checker/steps.js';
import { type Load, planLoad } from './load.js';
import { randomOf, SEED } from './random.js';
import { type Replica, startReplica } from './replica.js';
import { keepResult } from './results.js';

const iso = (ms: number) => new Date(ms).toISOString();

/** The built-in jobs prune-runs and ledger.check. */
const CODE_JOBS = 2;

interface Death {
  pid: number;
  at: number;
}

/** Replicas of the built service on one database, with planned jobs, and a record of what happened to the replicas. */
export class Fleet {
  readonly random: () => number;
  readonly replicas: Replica[] = [];
  plans: Plan[] = [];
  /** The changes of the database's clock. */
  readonly steps: Step[] = [];
  readonly folder = mkdtempSync(join(process.env['TEST_SCRATCH']!, 'jobs-'));
  private readonly deaths: Death[] = [];
  /** Replicas that ended by themselves. */
  private readonly crashes: (Death & { how: string })[] = [];

  private constructor(
    private readonly scenario: string,
    readonly url: string,
    /** The database to which tasks write. */
    private readonly effectsUrl: string,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.random = randomOf(scenario);
  }

  /** A fleet for the current test, on a new database, or on the server of the scenario. Its tasks write to the same database, or to
   *  `effectsUrl`. */
  static async open(serverUrl?: string, effectsUrl?: string): Promise<Fleet> {
    const database = serverUrl ? { url: serverUrl, drop: async () => {} } : await createTestDatabase();
    const effects = effectsUrl ?? database.url;
    await runSql(effects, `DROP TABLE IF EXISTS public.effects; ${EFFECTS}`);
    return new Fleet(expect.getState().currentTestName!, database.url, effects, () => database.drop());
  }

  /** Starts the replicas. The one that declares the jobs comes last: how long the others took to start decides when the jobs begin.
   *  Resolves when all jobs are stored. There is one record of variables for each replica. */
  async start(load: Load, [first = {}, ...others]: Record<string, string>[] = [{}, {}, {}]): Promise<void> {
    const began = Date.now();
    await Promise.all(others.map((own) => this.startReplica(own, { JOBS_FILE: '' })));
    const startMs = Date.now() - began;
    const planned = planLoad(load, this.random, Date.now() + (load.leadMs ?? 2_000) + 2 * startMs, startMs);
    this.plans = planned.map(({ plan }) => plan);
    this.writeJobs('jobs.json', Object.fromEntries(planned.map(({ plan, definition }) => [plan.name, definition])));
    await this.startReplica(first);
    await eventually(
      async () => expect(await this.query('SELECT FROM cronzimus.jobs')).toHaveLength(this.plans.length + CODE_JOBS),
      { within: 30_000 },
    );
    const [late] = await this.query(`SELECT clock_timestamp() > '${new Date(this.from).toISOString()}' AS late`);
    if (late!['late']) throw new Error(`${this.scenario}: the jobs were not stored before the first one was due`);
  }

  /** Writes a jobs file, and returns its path. */
  writeJobs(name: string, jobs: Record<string, object>): string {
    const file = join(this.folder, name);
    writeFileSync(file, JSON.stringify({ jobs }));
    return file;
  }

  get from(): number {
    return Math.min(...this.plans.flatMap(({ grids }) => grids.map(({ fromMs }) => fromMs)));
  }

  get until(): number {
    return Math.max(...this.plans.flatMap(({ grids }) => grids.map(({ untilMs }) => untilMs)));
  }

  /** `atFirst`: variables that a replacement of the replica does not get. */
  startReplica(variables: Record<string, string> = {}, atFirst: Record<string, string> = {}): Promise<Replica> {
    const elsewhere: Record<string, string> = this.effectsUrl === this.url ? {} : { EFFECTS_URL: this.effectsUrl };
    const environment = {
      DATABASE_URL: this.url,
      ...elsewhere,
      JOBS_FILE: join(this.folder, 'jobs.json'),
      ...variables,
      ...atFirst,
    };
    return startReplica(this.scenario, variables, environment, (replica) => {
      this.replicas.push(replica);
      replica.child.once('exit', (code, signal) => {
        if (!this.replicas.includes(replica)) return;
        this.replicas.splice(this.replicas.indexOf(replica), 1);
        this.crashes.push({ pid: replica.pid, at: Date.now(), how: String(code ?? signal) });
      });
    });
  }

  /** A random running replica. */
  anyReplica(): Replica {
    return this.replicas[Math.floor(this.random() * this.replicas.length)]!;
  }

  /** Ends a replica with SIGKILL, and starts another in its place after `awayMs`. */
  async killAndReplace(replica: Replica, awayMs = 0): Promise<void> {
    await this.kill(replica);
    await pause(awayMs);
    await this.startReplica(replica.variables);
  }

  async kill(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    this.deaths.push({ pid: replica.pid, at: Date.now() });
    await kill(replica.child, 'SIGKILL');
  }

  async killAll(): Promise<void> {
    await Promise.all(this.replicas.slice().map((replica) => this.kill(replica)));
  }

  /** Ends a replica with SIGTERM. Its exit code has to be 0. */
  async endInOrder(replica: Replica): Promise<void> {
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    await kill(replica.child, 'SIGTERM');
    expect(replica.child.exitCode).toBe(0);
  }

  /** Waits until a replica has ended by itself, as the scenario expects, and returns when. */
  async untilOneEnds(within: number): Promise<number> {
    const [death] = await eventually(() => (expect(this.crashes).not.toEqual([]), this.crashes.splice(0, 1)), {
      within,
    });
    return death!.at;
  }

  pause(ms: number): Promise<void> {
    return pause(ms);
  }

  /** Waits until `afterMs` after the first occurrences. */
  untilBegun(afterMs = 0): Promise<void> {
    return pause(Math.max(0, this.from + afterMs - Date.now()));
  }

  query(statement: string): Promise<Record<string, unknown>[]> {
    return runSql(this.url, statement);
  }

  /** The number of runs that match an SQL condition. */
  async count(condition: string): Promise<number> {
    const [row] = await this.query(`SELECT count(*)::int AS found FROM cronzimus.runs WHERE ${condition}`);
    return row!['found'] as number;
  }

  /** Waits until no run is unfinished that was already unfinished at `healedAt`, for at most a minute after it. */
  async nothingStuckAfterAMinute(healedAt: number): Promise<void> {
    const stuck = `finished_at IS NULL AND queued_at < '${new Date(healedAt).toISOString()}'`;
    while (Date.now() < healedAt + 60_000 && (await this.count(stuck)) > 0) await pause(500);
    expect(await this.query(`SELECT job, state, reason, attempt FROM cronzimus.runs WHERE ${stuck} LIMIT 5`)).toEqual(
      [],
    );
  }

  /** Waits until nothing is due or unfinished, prints the findings of the checker, and expects no violations. `loss`: what the service
   *  has announced. */
  async judge(extra: Record<string, unknown> = {}, loss?: Loss): Promise<Findings> {
    await this.quiet();
    const findings = await check(this.url, this.plans, this.steps, this.effectsUrl, loss);
    const reasons = await this.query(
      `SELECT state || coalesce(' ' || reason, '') AS state, count(*)::int FROM cronzimus.runs GROUP BY 1 ORDER BY 1`,
    );
    const recoveryMs = this.deaths.length > 0 ? await this.recovery() : null;
    const { figures } = findings;
    const crashes = this.crashes.map(({ pid, how }) => `pid ${pid} ended with ${how}`);
    const violations = [...crashes, ...findings.violations, ...(await this.ledgerDifferences(findings))];
    const ends = Object.fromEntries(reasons.map(({ state, count }) => [state, count]));
    const summary = { ...figures, ends, ...(recoveryMs && { killed: this.deaths.length, recoveryMs }), ...extra };
    process.stdout.write(`\n${this.scenario} (seed ${SEED}): ${JSON.stringify(summary)}\n`);
    keepResult({ scenario: this.scenario, ...figures, recoveryMs, violations: violations.length });
    expect(violations).toEqual([]);
    return findings;
  }

  /** Compares the findings of the checker with `GET /ledger/check` of the service, which computes every instant by itself. Both have to
   *  say that nothing is lost or doubled, or both that something is. Only where the clock of the database was changed are they not
   *  compared: what is past is then another question. */
  private async ledgerDifferences({ figures }: Findings): Promise<string[]> {
    if (this.replicas.length === 0 || this.steps.length > 0) return [];
    const query = `from=${iso(this.from)}&to=${iso(this.until)}`;
    // A replica may be cut off from the database.
    const ask = (replica: Replica) => fetch(`${replica.address}/api/v1/ledger/check?${query}`);
    const responses = await Promise.all(this.replicas.map(ask));
    const response = responses.find(({ ok }) => ok);
    if (!response) return [`no replica checks the ledger: ${responses.map(({ status }) => status).join(', ')}`];
    const ledger = (await response.json()) as Record<string, number> & { complete: boolean };
    const gaps = ledger['unexplained']! + ledger['lost']! + ledger['waiting']!;
    const agrees =
      ledger.complete &&
      ledger['expected']! >= figures.occurrences &&
      gaps > 0 === figures.lost > 0 &&
      (ledger['doubled'] === 0 || figures.doubled > 0);
    return agrees ? [] : [`the ledger says otherwise: ${JSON.stringify(ledger)}`];
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.splice(0).map(({ child }) => (child.kill('SIGCONT'), kill(child, 'SIGKILL'))));
    await this.dropDatabase();
  }

  /** Waits until nothing is due or unfinished, but not for ever: the checker reports what is left. */
  private async quiet(): Promise<void> {
    const ahead = this.steps.at(-1)?.aheadMs ?? 0;
    await pause(Math.max(0, this.until - ahead - Date.now()));
    await eventually(
      async () =>
        expect(
          await this.query(`SELECT 1 FROM cronzimus.runs WHERE state IN ('pending', 'running', 'retrying')
            UNION ALL SELECT 1 FROM cronzimus.jobs WHERE source = 'file' AND next_run_at IS NOT NULL LIMIT 1`),
        ).toEqual([]),
      { within: 120_000, every: 250 },
    ).catch(() => {});
  }

  /** From each death to the next attempt of the runs that it interrupted, in milliseconds. */
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
    return { runs: taken.length, ...medianAndMax(taken) };
  }
}
