import { JobLabels } from './job-labels.js';

it('names the first 500 jobs, and takes all others together', () => {
  const labels = new JobLabels();
  for (let job = 1; job <= 500; job += 1) expect(labels.of(`job-${job}`)).toBe(`job-${job}`);
  expect(labels.of('job-501')).toBe('other');
  expect(labels.of('job-500')).toBe('job-500');
  expect(labels.of('job-501')).toBe('other');
});
