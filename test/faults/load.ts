import type { Grid, Overlap, Plan } from './checker/plan.js';

export interface Load {
  jobs: number;
  /** Always 60,000, at full minutes, when `cron` is set. */
  everyMs?: number;
  /** For how long jobs have occurrences. 0: each job has one. */
  seconds: number;
  /** How many successive starts of replicas the load has to outlast in addition. How long they take depends on the machine. */
  restarts?: number;
  /** The shortest and the longest time that a task takes. */
  holdMs: [number, number];
  /** One occurrence, at the next full minute, of a cron expression. */
  cron?: boolean;
  task?: 'effect' | 'book';
  /** More fields of all definitions, and of single ones. */
  definition?: Partial<Definition>;
  each?: (index: number, grid: Grid) => Partial<Definition>;
  /** Time to store the jobs before the first occurrence, in addition to the start of a replica. */
  leadMs?: number;
}

interface Definition {
  task: string;
  trigger: object;
  input: object;
  onInterruption: 'rerun' | 'fail';
  overlap: Overlap;
  misfire: Plan['misfire'];
  timeoutSeconds: number;
}

const MINUTE_MS = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** Jobs, each with its plan for the checker and its definition for a jobs file. Each has another grid, so that occurrences are spread
 *  over the test. They begin at `begin` or soon after. `startMs`: how long a replica takes to start. */
export function planLoad(
  load: Load,
  random: () => number,
  begin: number,
  startMs: number,
): { plan: Plan; definition: Definition }[] {
  const { jobs, seconds, restarts = 0, holdMs, cron = false, task = 'effect', each } = load;
  const everyMs = load.everyMs ?? MINUTE_MS;
  const unit = cron ? MINUTE_MS : 1_000;
  const fromMs = Math.ceil(begin / unit) * unit;
  const untilMs = fromMs + seconds * 1_000 + Math.ceil((restarts * startMs) / 1_000) * 1_000;
  return Array.from({ length: jobs }, (_, index) => {
    const offset = cron ? 0 : Math.floor((random() * Math.min(everyMs, seconds * 1_000)) / 100) * 100;
    const grid = { everyMs, anchorMs: fromMs - 86_400_000 + offset, fromMs, untilMs };
    const variant = { ...load.definition, ...each?.(index, grid) };
    const definition: Definition = {
      task,
      trigger: cron ? cronTrigger(grid) : intervalTrigger(grid),
      onInterruption: random() < 0.5 ? 'rerun' : 'fail',
      overlap: 'allow',
      misfire: { policy: 'once', graceSeconds: 60, maxCatchUp: 100 },
      timeoutSeconds: 300,
      ...variant,
      input: { holdMs: Math.round(holdMs[0] + random() * (holdMs[1] - holdMs[0])), ...variant.input },
    };
    const { onInterruption, overlap, misfire } = definition;
    const transactional = task === 'book';
    return {
      plan: { name: `job-${index}`, grids: [grid], onInterruption, overlap, misfire, transactional },
      definition,
    };
  });
}

export const intervalTrigger = ({ everyMs, anchorMs, fromMs, untilMs }: Grid) => ({
  type: 'interval',
  everySeconds: everyMs / 1000,
  anchor: iso(anchorMs),
  startAt: iso(fromMs),
  endAt: iso(untilMs),
});

const cronTrigger = ({ fromMs, untilMs }: Grid) => ({
  type: 'cron',
  expression: '* * * * *',
  startAt: iso(fromMs),
  endAt: iso(untilMs),
});
