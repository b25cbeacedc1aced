import type { NestExpressApplication } from '@nestjs/platform-express';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { ApiDatabase } from '../src/database/api-database.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { Replicas } from '../src/replicas/replicas.js';
import { cancelRuns, cancelRunsOfJobs } from '../src/runs/lifecycle/cancel-runs.js';
import { type ClaimedRun, claimRuns } from '../src/runs/lifecycle/claim-runs.js';
import { createRuns, type RunDraft } from '../src/runs/lifecycle/create-runs.js';
import { givenBack, outcomeOf, quarantined, type UnwrittenResult } from '../src/runs/lifecycle/outcome.js';
import { failUnknownTasks, reclaimOrphans, repairQueue } from '../src/runs/lifecycle/reclaim-runs.js';
import { releaseHeld } from '../src/runs/lifecycle/release-held.js';
import { copyOfRun, findRepeatable } from '../src/runs/lifecycle/repeat-run.js';
import { runStates, unfinishedStates } from '../src/runs/lifecycle/run.entity.js';
import { settleRuns } from '../src/runs/lifecycle/settle-runs.js';
import { runSql } from './support/run-sql.js';
import { createTestApplication } from './support/application.js';
import { parse, textsOf } from './support/code-texts.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { readText, sourceFiles } from './support/sources.js';

const LIFECYCLE = 'src/runs/lifecycle/';

let database: TestDatabase;
let app: NestExpressApplication;
let replicas: Replicas;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  replicas = app.get(Replicas, { strict: false });
  await replicas.join();
  await runSql(
    database.url,
    `CREATE TABLE public.changes (before text, after text, statement text);
     CREATE FUNCTION public.note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO public.changes VALUES (CASE TG_OP WHEN 'INSERT' THEN '(new)' ELSE OLD.state END, NEW.state, current_query());
       RETURN NULL; END $$;
     CREATE TRIGGER note_new AFTER INSERT ON cronzimus.runs FOR EACH ROW EXECUTE FUNCTION public.note_change();
     CREATE TRIGGER note_change AFTER UPDATE ON cronzimus.runs FOR EACH ROW
       WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION public.note_change()`,
  );
});

afterAll(async () => {
  await replicas.leave();
  await app.close();
  await database.drop();
});

const transaction = <T>(work: (tx: EntityManager) => Promise<T>) =>
  app.get(SchedulerDatabase, { strict: false }).transaction(work);

/** What all runs of this test have of their job. */
const COPIED = {
  job: 'job',
  task: 'known',
  priority: 0,
  timeoutSeconds: 300,
  retry: { limit: 1, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 0 },
  onInterruption: 'rerun',
  input: {},
} as const;

const draft = (written: Partial<RunDraft> = {}): RunDraft => ({
  ...COPIED,
  jobId: v7(),
  kind: 'manual',
  state: 'pending',
  held: false,
  reason: null,
  scheduledAt: new Date(),
  dueAt: new Date(),
  ...written,
});

const create = (...drafts: RunDraft[]) => transaction((tx) => createRuns(tx, new Date(), drafts, COPIED));

const UNFINISHED = unfinishedStates.map((state) => `'${state}'`).join();

/** A run in each state. Each was queued by the service, so that it has an entry in the queue, and was then set to its state. */
async function givenRunInEachState(columns = ''): Promise<ClaimedRun[]> {
  const created = await create(...runStates.map(() => draft()));
  for (const [index, { id }] of created.entries())
    await runSql(
      database.url,
      `UPDATE cronzimus.runs SET state = '${runStates[index]}', attempt = 1, started_at = now() - interval '1 minute',
         replica_number = ${replicas.number}, replica = 'x',
         finished_at = CASE WHEN '${runStates[index]}' NOT IN (${UNFINISHED}) THEN now() END WHERE id = '${id}';
       ${columns && `UPDATE cronzimus.runs SET ${columns} WHERE id = '${id}'`}`,
    );
  return created.map(({ id, jobId }) => ({
    ...COPIED,
    id,
    jobId,
    kind: 'manual',
    scheduledAt: new Date(),
    dueAt: new Date(),
    startedAt: new Date(),
    latenessMs: 0,
    attempt: 1,
    claimedAhead: false,
    suspect: false,
    idempotencyKey: null,
    replicaNumber: replicas.number,
    replica: replicas.name,
    retriesUsed: 0,
  }));
}

const claim = (task: string) =>
  transaction((tx) => {
    const all = { slots: 1_000, transactional: 1_000 };
    const capacity = {
      ...all,
      ahead: 0,
      background: all,
      suspects: 1,
      tasks: [task],
      transactionalTasks: [],
      readySince: null,
    };
    return claimRuns(tx, capacity, { number: replicas.number, name: replicas.name });
  });

const reclaim = () => transaction((tx) => reclaimOrphans(tx, { number: replicas.number, unstarted: [] }));

const error = { name: 'Error', message: 'x' };
/** All that an attempt can come to, with the policy of its run. */
const ends: { result: UnwrittenResult; interruption?: 'shutdown'; run?: Partial<ClaimedRun> }[] = [
  { result: { state: 'succeeded', output: null } },
  { result: { state: 'failed', error, final: true } },
  { result: { state: 'failed', error, final: false } },
  { result: { state: 'timed_out', error, final: true } },
  { result: { state: 'timed_out', error, final: false } },
  { result: { state: 'failed', error, final: false }, interruption: 'shutdown' },
  { result: { state: 'failed', error, final: false }, interruption: 'shutdown', run: { onInterruption: 'fail' } },
];

/** Settles a run in each state with each end, after its columns were set. */
async function settleAll(columns = ''): Promise<void> {
  for (const { result, interruption = null, run: policy } of ends) {
    const runs = await givenRunInEachState(columns);
    const outcomes = runs.map((run) => outcomeOf({ ...run, ...policy }, result, interruption, 0));
    await transaction((tx) => settleRuns(tx, outcomes));
  }
  const runs = await givenRunInEachState(columns);
  const refused = runs.map((run) => quarantined(outcomeOf(run, ends[0]!.result, null, 0), 'x'));
  await transaction((tx) => settleRuns(tx, refused));
  const ahead = await givenRunInEachState(columns);
  await transaction((tx) => settleRuns(tx, ahead.map(givenBack)));
}

const ids = (runs: ClaimedRun[]) => runs.map(({ id }) => id);
const OF_ANOTHER = 'replica_number = 0';
const CANCEL_REQUESTED = `cancel_requested_at = now(), cancel_reason = 'user'`;
const JOB_DELETED = `cancel_reason = 'job_deleted'`;
const LONG_AGO = `queued_at = queued_at - interval '2 hours'`;

/** Does something to a run in each state, after these columns were set. */
const on = (columns: string, act: (runs: ClaimedRun[]) => Promise<unknown>) => async () => {
  await act(await givenRunInEachState(columns));
};

async function retryEach(runs: ClaimedRun[]): Promise<void> {
  // Only the connections of the API know the entities.
  const api = app.get(ApiDatabase, { strict: false });
  for (const { id } of runs)
    await api
      .transaction(async (tx) => {
        const now = new Date();
        const copy = copyOfRun(await findRepeatable(tx, id), now);
        await createRuns(tx, now, [copy], copy);
      })
      .catch((refusal: { code?: string }) => {
        if (!refusal.code?.startsWith('RUN_')) throw refusal;
      });
}

/** Every function of the folder that changes a run, in each case that it tells apart. */
const acts: Record<string, () => Promise<unknown>> = {
  create: () => create(draft(), draft({ held: true }), draft({ state: 'skipped' }), draft({ state: 'missed' })),
  'create, to start at once': () =>
    create(draft({ startedBy: { number: replicas.number, name: replicas.name, ahead: false } })),
  claim: on('', () => claim('known')),
  'claim for a worker that does not have the task': on('', () => claim('other')),
  'fail what no worker has had the task of for an hour': on(`${LONG_AGO}, attempt = 0`, () =>
    transaction((tx) => failUnknownTasks(tx, [])),
  ),
  settle: () => settleAll(),
  'settle a run to be cancelled': () => settleAll(CANCEL_REQUESTED),
  'settle a run of a deleted job': () => settleAll(JOB_DELETED),
  cancel: on('', (runs) => transaction((tx) => cancelRuns(tx, ids(runs), 'user'))),
  'cancel the runs of deleted jobs': on('', (runs) => {
    const jobs = runs.map(({ jobId }) => jobId);
    return transaction((tx) => cancelRunsOfJobs(tx, jobs));
  }),
  'reclaim from another replica': on(OF_ANOTHER, reclaim),
  'reclaim a claim that never arrived': on('', reclaim),
  'reclaim with onInterruption fail': on(`${OF_ANOTHER}, on_interruption = 'fail'`, reclaim),
  'reclaim poison': on(`${OF_ANOTHER}, interruptions = 2`, reclaim),
  'reclaim a run to be cancelled': on(`${OF_ANOTHER}, ${CANCEL_REQUESTED}`, reclaim),
  'reclaim a run of a deleted job': on(`${OF_ANOTHER}, ${JOB_DELETED}`, reclaim),
  'reclaim a run that was claimed ahead': on(`${OF_ANOTHER}, claimed_ahead = true`, reclaim),
  'release held runs': on('held = true', () => transaction((tx) => releaseHeld(tx, null))),
  'repair the queue': on(LONG_AGO, () => transaction(repairQueue)),
  retry: on('', retryEach),
};

/** A pattern for each statement of the folder that writes `runs`, and the name of its file. */
const statements = sourceFiles()
  .filter(({ path }) => path.startsWith(LIFECYCLE))
  .flatMap((file) =>
    textsOf(parse(file))
      .filter(({ text }) => /\b(INSERT INTO|UPDATE) runs\b/.test(text))
      .map(({ text }) => ({ file: file.path.slice(LIFECYCLE.length), pattern: patternOf(text) })),
  );

function patternOf(template: string): RegExp {
  const parts = template.split(/\*\w*\*/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').trim());
  return new RegExp(parts.map((part) => part.replaceAll(/\s+/g, '\\s+')).join('[\\s\\S]*?'));
}

/** The file that has the statement; the statement itself where none has it. */
const fileOf = (statement: string): string =>
  statements.find(({ pattern }) => pattern.test(statement))?.file ?? statement;

/** What an act did to runs, without the statements of this test. */
async function changesOf(act: () => Promise<unknown>): Promise<string[]> {
  await runSql(database.url, 'TRUNCATE public.changes');
  await act();
  const changes = await runSql(
    database.url,
    `SELECT DISTINCT before, after, statement FROM public.changes WHERE statement NOT LIKE '%UPDATE cronzimus.runs%'`,
  );
  return changes.map((row) => {
    const { before, after, statement } = row as { before: string; after: string; statement: string };
    return lineOf(before, after, fileOf(statement));
  });
}

const lineOf = (before: string, after: string, by: string) => `${before} -> ${after} by ${by}`;

/** The rows of the table of the page. */
function documentedChanges(): string[] {
  const rows = readText('docs/run-states.md').matchAll(/^\| `(\S+)` +\| `(\S+)` +\| `(\S+)` +\| \S.* \|$/gm);
  return [...rows].map(([, before, after, by]) => lineOf(before!, after!, by!));
}

describe('the functions of runs/lifecycle', () => {
  const changes: { act: string; change: string }[] = [];
  beforeAll(async () => {
    for (const [act, perform] of Object.entries(acts))
      for (const change of await changesOf(perform)) changes.push({ act, change });
  });

  it('make the changes that docs/run-states.md has, each by the statement of its file, and no others', () => {
    const made = new Set(changes.map(({ change }) => change));
    expect([...made].toSorted()).toEqual(documentedChanges().toSorted());
  });

  it('never change a run that has ended', () => {
    const finished = runStates.filter((state) => !unfinishedStates.includes(state));
    expect(changes.filter(({ change }) => finished.some((state) => change.startsWith(`${state} `)))).toEqual([]);
  });
});
