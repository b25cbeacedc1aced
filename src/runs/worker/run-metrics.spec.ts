import { JobLabels } from './run-metrics.js';

it('JobLabels keeps the names of the first 500 jobs, and calls all others `other`', () => {
  const labels = new JobLabels();
  for (let job = 1; job <= 500; job += 1) expect(labels.of(`job-${job}`)).toBe(`job-${job}`);
  expect(labels.of('job-501')).toBe('other');
  expect(labels.of('job-500')).toBe('job-500');
  expect(labels.of('job-501')).toBe('other');
});
