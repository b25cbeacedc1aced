import { parse } from 'yaml';
import type { CheckedJob } from './check-jobs.js';
import { jobsFileOf, reportOf } from './print.js';

const job: CheckedJob = {
  place: 'line 1',
  name: '404',
  definition: {
    task: 'http',
    input: { url: 'https://example.org' },
    trigger: { type: 'cron', expression: '* * * * *' },
  },
  changes: ['a change\njobs: evil \u001b[31m'],
};

it('prints jobs that are read back as they are, with what changed as a comment', () => {
  const text = jobsFileOf({ jobs: [job], lost: [], remarks: [] }, 'crontab');
  expect(parse(text)).toEqual({ jobs: { '404': job.definition } });
  expect(text).toContain("  # line 1\n  # - a change jobs: evil  [31m\n  '404':\n");
});

it('prints what is to be completed as a comment that only has to be uncommented', () => {
  const text = jobsFileOf({ jobs: [{ ...job, changes: [], todo: 'write a task' }], lost: [], remarks: [] }, 'crontab');
  expect(parse(text)).toEqual({ jobs: {} });
  const uncommented = text.replace('jobs: {}', 'jobs:').replaceAll(/^ {2}# (?! *-|line)/gm, '  ');
  expect(parse(uncommented)).toEqual({ jobs: { '404': job.definition } });
});

it('names each change and each loss in the report', () => {
  const lost = [{ place: 'line 2', reason: 'no' }];
  expect(reportOf({ jobs: [job], lost, remarks: ['all in all'] }, 'crontab').split('\n')).toEqual([
    'crontab: 1 imported, 1 of them changed; 0 to be completed, in the file as comments; 1 not imported',
    '  all in all',
    'changed:',
    '  line 1, 404: a change jobs: evil  [31m',
    'not imported:',
    '  line 2: no',
    '',
  ]);
});
