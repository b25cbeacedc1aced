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

it('prints what was not imported and what is disabled as comments, with the reason', () => {
  const text = jobsFileOf(
    {
      jobs: [{ ...job, changes: [], disabled: true }],
      notImported: [
        { place: 'line 2', reason: 'no\njobs: evil', original: '@reboot a\nb: 1' },
        { place: 'line 3', reason: 'never fires', job: { name: 'x', definition: job.definition } },
      ],
      notes: [],
    },
    'crontab',
  );
  expect(parse(text)).toEqual({ jobs: {} });
  expect(text).toContain("  # line 1\n  # - disabled: it is commented out there\n  # '404':\n");
  expect(text).toContain('  # line 2\n  # - not imported: no jobs: evil\n  # @reboot a\n  # b: 1\n');
  expect(text).toContain('  # line 3\n  # - not imported: never fires\n  # x:\n  #   task: http\n');
});

it('lists each change, and what was not imported, in the report', () => {
  const notImported = [{ place: 'line 2', reason: 'no' }];
  expect(reportOf({ jobs: [job], notImported, notes: ['all in all'] }, 'crontab').split('\n')).toEqual([
    'crontab: 1 imported, 1 of them changed; 0 to be completed, in the file as comments; 1 not imported, as comments',
    '  all in all',
    'changed:',
    '  line 1, 404: a change jobs: evil  [31m',
    'not imported:',
    '  line 2: no',
    '',
  ]);
});
