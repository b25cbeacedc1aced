const ours = 'Cronzimus';
const slots = 'Cronzimus, 500 slots';
const many = 'Cronzimus, 100000 jobs';
const few = 'Cronzimus, 10 jobs';
const three = 'Cronzimus, 3 replicas';
/** What is aimed at: `measure` is handed a function that looks a median up, and `by` says what is good enough. */
const targets = [
  ['lateness p50, ms', atMost(10), (of) => of('lateness', ours, 'p50 ms')],
  ['lateness p99, ms', atMost(50), (of) => of('lateness', ours, 'p99 ms')],
  ['lateness of 7 a second, p99, ms', atMost(50), (of) => of('lateness', 'Cronzimus, 7 a second', 'p99 ms')],
  ['lateness p50 / graphile-worker', atMost(2), (of) => ratio(of, 'lateness', 'p50 ms', ours, 'graphile-worker')],
  ['lateness p99 / graphile-worker', atMost(2), (of) => ratio(of, 'lateness', 'p99 ms', ours, 'graphile-worker')],
  ['burst, last started, ms', atMost(1_000), (of) => of('burst', ours, 'last ms')],
  ['burst, BullMQ on Redis / ours', over(1), (of) => ratio(of, 'burst', 'last ms', 'BullMQ on Redis', ours)],
  ['burst, pg-boss work() / ours', atLeast(10), (of) => ratio(of, 'burst', 'last ms', 'pg-boss work()', ours)],
  ['burst, BullMQ on PG / ours', atLeast(10), (of) => ratio(of, 'burst', 'last ms', 'BullMQ on PostgreSQL', ours)],
  ['throughput, runs/s', atLeast(10_000), (of) => of('throughput', ours, 'runs/s')],
  ['throughput / that of 500 slots', atLeast(0.9), (of) => ratio(of, 'throughput', 'runs/s', ours, slots)],
  ['throughput / BullMQ on Redis', over(1), (of) => ratio(of, 'throughput', 'runs/s', ours, 'BullMQ on Redis')],
  ['throughput / graphile-worker', atLeast(4), (of) => ratio(of, 'throughput', 'runs/s', ours, 'graphile-worker')],
  ['100,000 jobs, ready, ms', atMost(8_000), (of) => of('scale', many, 'ready ms')],
  ['100,000 jobs, alarms set, ms', atMost(8_000), (of) => of('scale', many, 'alarms ms')],
  ['100,000 jobs, longest stall, ms', atMost(200), (of) => of('scale', many, 'stall ms')],
  ['100,000 jobs, resident, MB', atMost(450), (of) => of('scale', many, 'resident MB')],
  ['100,000 jobs, idle CPU, %', atMost(2), (of) => of('scale', many, 'idle CPU %')],
  ['100,000 jobs, list p99, ms', atMost(20), (of) => of('scale', many, 'list p99 ms')],
  ['10 jobs, idle statements/min', atMost(120), (of) => of('scale', few, 'statements/min')],
  ['10 jobs, ready (warm), ms', atMost(1_500), (of) => of('scale', few, 'ready ms')],
  ['10 jobs, resident, MB', atMost(160), (of) => of('scale', few, 'resident MB')],
  ['fail-over, lost', atMost(0), (of) => of('fail-over', three, 'lost')],
  ['fail-over, doubled', atMost(0), (of) => of('fail-over', three, 'doubled')],
  ['fail-over, taken over, ms', atMost(1_000), (of) => of('fail-over', three, 'taken over, median ms')],
  ['fail-over, extra lateness, ms', atMost(1_000), (of) => of('fail-over', three, 'extra lateness ms')],
  ['alerts, throughput / without', atLeast(0.95), (of) => ratio(of, 'alerts', 'runs/s', 'with', 'without')],
  ['alerts, lateness p50 / without', atMost(1.05), (of) => ratio(of, 'alerts', 'p50 ms', 'with', 'without')],
  ...['preview', 'preview with hang-ups', 'upcoming', 'runs', 'jobs', 'logs', 'run', 'job', 'jobs file'].flatMap(
    viewerTargets,
  ),
  ...['tasks', 'scheduler', 'metrics'].flatMap(viewerTargets),
];
/** Each target with what was measured; `met` is null where that is missing. */
export function judge(workloads) {
  const of = (title, contestant, figure) =>
    workloads.find((workload) => workload.title === title)?.results.find(({ name }) => name === contestant)?.figures[
      figure
    ]?.median ?? NaN;
  return targets.map(([what, by, measure]) => {
    const measured = measure(of);
    return Number.isNaN(measured)
      ? { what, target: by.text, measured: null, met: null }
      : { what, target: by.text, measured, met: by.met(measured) };
  });
}
/** 200 viewers may delay the jobs of one second only so much. */
function viewerTargets(route) {
  const what = `200 viewers, ${route}, lateness p99`;
  return [
    [`${what}, ms`, atMost(250), (of) => of('viewers', route, 'p99 ms')],
    [`${what} / idle`, atMost(3), (of) => ratio(of, 'viewers', 'p99 ms', route, 'idle')],
  ];
}
const ratio = (of, workload, figure, one, other) => of(workload, one, figure) / of(workload, other, figure);
function atMost(limit) {
  return { text: `≤ ${limit}`, met: (measured) => measured <= limit };
}
function atLeast(limit) {
  return { text: `≥ ${limit}`, met: (measured) => measured >= limit };
}
function over(limit) {
  return { text: `> ${limit}`, met: (measured) => measured > limit };
}
