// Points 9 and 10: an sql task ends by its timeout, and no result of it ends or stalls the process.
import { judgeRuns } from './http-servers.mjs';
import { countsAsText } from './support/numbers.mjs';
import { createJob, finishedStates, runJob, slotFaults, unfinished } from './support/runs.mjs';

/** With the defaults, five runs are half of the connections for transactional tasks. */
const RUNS = 5;
const TIMEOUT_SECONDS = 1;
/** PostgreSQL needs a while to produce a large value on a busy machine. What never ends gets less time. */
const LARGE_SECONDS = 12;
const ENDLESS_SECONDS = 4;

const ignoresCancel = `DO $$ BEGIN
  LOOP
    BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; END;
  END LOOP;
END $$`;
const busyIgnoresCancel = ignoresCancel.replace('pg_sleep(0.05)', 'count(*) FROM generate_series(1, 10000)');

const statements = {
  '9-copy-in': ['COPY copied FROM STDIN', 'CREATE TABLE public.copied (line text)'],
  '9-copy-out': ["COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000000)) TO STDOUT"],
  '9-loop': [ignoresCancel],
  '9-busy-loop': [busyIgnoresCancel],
};

const endless = (id) => {
  const [statement, prepare] = statements[id];
  return {
    id,
    sent: `${RUNS} sql tasks, timeout ${TIMEOUT_SECONDS} s: ${statement.replaceAll(/\s+/g, ' ').slice(0, 110)}`,
    quick: id === '9-copy-in',
    prepare: prepare && ((service) => service.sql(prepare)),
    async run(service, { targetUrl }) {
      const input = { statement: statement.replace('copied', 'public.copied') };
      const job = { task: 'sql', input, timeoutSeconds: TIMEOUT_SECONDS };
      // A statement that is refused when its job is saved never runs.
      const refusal = await createJob(service, 'endless', job).catch(({ message }) => message);
      if (/got 422.*COPY/.test(refusal)) return { answers: 'refused when the job was saved', faults: [] };
      if (refusal) throw new Error(refusal);
      return judgeRuns(service, await runJob(service, 'endless', RUNS), TIMEOUT_SECONDS, targetUrl);
    },
  };
};

const results = {
  '10-cell-600mb': ["SELECT repeat('x', 600000000)", LARGE_SECONDS],
  '10-cell-300mb': ["SELECT repeat('x', 300000000)", LARGE_SECONDS],
  '10-row-400mb': ["SELECT repeat('x', 200000000) AS a, repeat('y', 200000000) AS b", LARGE_SECONDS],
  '10-notice-300mb': ["DO $$ BEGIN RAISE NOTICE '%', repeat('x', 300000000); END $$", LARGE_SECONDS],
  '10-error-300mb': ["DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 300000000); END $$", LARGE_SECONDS],
  '10-rows': ["SELECT repeat('x', 1000) FROM generate_series(1, 100000000)", ENDLESS_SECONDS],
  '10-notices': ["DO $$ BEGIN LOOP RAISE NOTICE '%', repeat('x', 100); END LOOP; END $$", ENDLESS_SECONDS],
};

const large = (id) => {
  const [statement, timeoutSeconds] = results[id];
  return {
    id,
    sent: `one sql task, timeout ${timeoutSeconds} s: ${statement}`,
    async run(service, { targetUrl }) {
      await createJob(service, 'large', { task: 'sql', input: { statement }, timeoutSeconds });
      const counts = await finishedStates(service, await runJob(service, 'large'), timeoutSeconds + 3);
      const faults = unfinished(counts) > 0 ? ['the run had not ended 3 s after its timeout'] : [];
      return { answers: countsAsText(counts), faults: [...faults, ...(await slotFaults(service, targetUrl))] };
    },
  };
};

export const attacks = [...Object.keys(statements).map(endless), ...Object.keys(results).map(large)];
