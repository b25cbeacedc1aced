import { parse } from 'yaml';
import type { ImportedJob } from './import-result.js';
import { jobsFileOf, reportOf } from './print.js';

const job: ImportedJob = {
  place: 'line 1',
  name: '404',
  definition: {
    task: 'http',
    input: { url: 'https://example.org' },
    trigger: { type: 'cron', expression: '* * * * *' },
  },
  changes: ['a change\njobs: evil \u001b[31m'],
};

it('prints jobs that parse to the same definitions, with their changes as comments', () => {
  const text = jobsFileOf({ jobs: [job], notImported: [], notes: [] }, 'crontab');
  expect(parse(text)).toEqual({ jobs: { '404': job.definition } });
  expect(text).toContain("  # line 1\n  # - a change jobs: evil  [31m\n  '404':\n");
});

it('prints a job to be completed as a comment that only has to be uncommented', () => {
  const text = jobsFileOf(
    { jobs: [{ ...job, changes: [], todo: 'write a task' }], notImported: [], notes: [] },
    'crontab',
  );
  expect(parse(text)).toEqual({ jobs: {} });
  const uncommented = text.replace('jobs: {}', 'jobs:').replaceAll(/^ {2}# (?! *-|line)/gm, '  ');
  expect(parse(uncommented)).toEqual({ jobs: { '404': job.definition } });
});

it('lists each change, and what was not imported, in the report', () => {
  const notImported = [{ place: 'line 2', reason: 'no' }];
  expect(reportOf({ jobs: [job], notImported, notes: ['all in all'] }, 'crontab').split('\n')).toEqual([
    'crontab: 1 imported, 1 of them changed; 0 to be completed, in the file as comments; 1 not imported',
    '  all in all',
    'changed:',
    '  line 1, 404: a change jobs: evil  [31m',
    'not imported:',
    '  line 2: no',
    '',
  ]);
});
