import type { Grid, Plan } from './checker/plan.js';
import { Fleet } from './fleet.js';
import { intervalTrigger } from './load.js';

const HOLD = [50, 500] as [number, number];

let fleet: Fleet;
beforeEach(async () => {
  fleet = await Fleet.open();
});
afterEach(() => fleet.close());

describe('two editions of the jobs,', () => {
  it('declared in turn while their occurrences are due, with kill -9', async () => {
    await keepEdits();
    const definition = { input: { edition: 1 } };
    await fleet.start({ jobs: 80, everyMs: 1_000, seconds: 5, restarts: 3, holdMs: HOLD, definition }, [{}, {}]);
    const files = [1, 2].map((edition) => fleet.writeJobs(`edition-${edition}.json`, editionOf(fleet.plans, edition)));
    await fleet.untilBegun(500);
    for (const file of [files[1]!, files[0]!, files[1]!]) {
      await fleet.kill(fleet.replicas[0]!);
      await fleet.startReplica({ JOBS_FILE: file });
      await fleet.pause(fleet.random() * 500);
    }
    await fleet.pause(Math.max(0, fleet.until - Date.now()));
    const edits = await readEdits();
    for (const plan of fleet.plans) plan.grids = gridsOf(plan, edits);
    await fleet.judge({ edits: edits.length - fleet.plans.length });
    expect(edits.length).toBeGreaterThan(fleet.plans.length);
  });
});

describe('two builds on one database:', () => {
  it('this one, on a schema that the next one expands and that is taken back', async () => {
    await fleet.start({ jobs: 100, everyMs: 1_000, seconds: 5, restarts: 3, holdMs: HOLD }, [{}, {}]);
    await fleet.untilBegun(500);
    for (let round = 0; round < 2; round += 1) {
      await expand();
      await fleet.startReplica({ DATABASE_MIGRATE: 'true' });
      await fleet.killAndReplace(fleet.anyReplica());
      await fleet.pause(fleet.random() * 1_000);
      await takeBack();
    }
    await fleet.judge();
  });
});

interface Edit {
  job: string;
  edition: number;
  at: number;
}

/** Records when each edition of a definition was stored. */
async function keepEdits(): Promise<void> {
  await fleet.query(`
    CREATE TABLE public.edits (job text, edition integer, at timestamptz);
    CREATE FUNCTION public.keep_edit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO public.edits VALUES (NEW.name, (NEW.input->>'edition')::int, NEW.updated_at);
      RETURN NEW; END $$;
    CREATE TRIGGER inserted AFTER INSERT ON cronzimus.jobs FOR EACH ROW WHEN (NEW.source = 'file')
      EXECUTE FUNCTION public.keep_edit();
    CREATE TRIGGER edited AFTER UPDATE ON cronzimus.jobs FOR EACH ROW
      WHEN (NEW.source = 'file' AND NEW.version > OLD.version) EXECUTE FUNCTION public.keep_edit()`);
}

async function readEdits(): Promise<Edit[]> {
  const edits = await fleet.query(
    `SELECT job, edition, (extract(epoch FROM at) * 1000)::float8 AS at FROM public.edits ORDER BY at`,
  );
  return edits as unknown as Edit[];
}

/** The second edition has other instants and another input than the first. */
function editionOf(plans: Plan[], edition: number): Record<string, object> {
  const jobs = plans.map(({ name, onInterruption, grids: [grid] }) => {
    const trigger = intervalTrigger(editedGrid(grid!, edition));
    const input = { holdMs: 200, edition };
    return [name, { task: 'effect', overlap: 'allow', onInterruption, trigger, input }] as const;
  });
  return Object.fromEntries(jobs);
}

const editedGrid = (grid: Grid, edition: number): Grid => ({
  ...grid,
  everyMs: edition === 1 ? grid.everyMs : grid.everyMs * 0.7,
  edition,
});

/** An edition applies up to and including the edit. The next one applies strictly after it. */
function gridsOf({ name, grids: [grid] }: Plan, edits: Edit[]): Grid[] {
  const own = edits.filter(({ job }) => job === name);
  return own.map(({ edition, at }, index) => ({
    ...editedGrid(grid!, edition),
    fromMs: Math.max(grid!.fromMs, at + 1),
    untilMs: Math.min(grid!.untilMs, own[index + 1]?.at ?? Infinity),
  }));
}

const TABLES = ['runs', 'jobs', 'replicas'];

/** Changes the schema as the migrations of a next build would, and marks them as applied. Each has its own transaction, since one
 *  that locks several tables could deadlock with sessions that lock them in another order. */
async function expand(): Promise<void> {
  for (const table of TABLES)
    await fleet.query(
      `ALTER TABLE cronzimus.${table} ADD next_build text NOT NULL DEFAULT 'unknown', ADD next_build_at timestamptz`,
    );
  await fleet.query(`CREATE TABLE cronzimus.next_build (run_id uuid REFERENCES cronzimus.runs ON DELETE CASCADE)`);
  await fleet.query('CREATE INDEX runs_next_build ON cronzimus.runs (next_build_at)');
  await fleet.query('CREATE INDEX CONCURRENTLY jobs_next_build ON cronzimus.jobs (task, priority)');
  await fleet.query(
    `INSERT INTO cronzimus.migrations (timestamp, name) VALUES (9999999999999, 'NextBuild9999999999999')`,
  );
}

async function takeBack(): Promise<void> {
  await fleet.query('DELETE FROM cronzimus.migrations WHERE timestamp = 9999999999999');
  await fleet.query('DROP INDEX CONCURRENTLY cronzimus.jobs_next_build');
  await fleet.query('DROP TABLE cronzimus.next_build');
  for (const table of TABLES) await fleet.query(`ALTER TABLE cronzimus.${table} DROP next_build, DROP next_build_at`);
}
