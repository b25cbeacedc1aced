import { refusal, render } from './helm.js';

describe('values are refused', () => {
  it.each([
    ['a misspelt field', 'replicaCuont=3', /replicaCuont/],
    ['a misspelt nested field', 'worker.autoscaling.minReplica=3', /minReplica/],
    ['a misspelt limit', 'resources.limits.memroy=1Gi', /memroy/],
    ['a port that is a string', 'service.port=http', /service.*port/s],
    ['a port out of range', 'service.port=70000', /service.port.*maximum/],
    ['an unknown mode', 'migrations.mode=later', /migrations.*mode/s],
    ['an unknown type of Service', 'service.type=External', /service.*type/s],
    ['an invalid digest', 'image.digest=latest', /digest/],
    ['a variable that the service does not know', 'config.WORKER_CONCURENCY=5', /WORKER_CONCURENCY/],
    ['a variable out of range', 'config.WORKER_CONCURRENCY=0', /WORKER_CONCURRENCY/],
    ['a variable that the chart sets', 'config.JOBS_FILE=/jobs', /JOBS_FILE/],
    ['an unknown alert', 'metrics.prometheusRule.alerts.CronzimusLate.enabled=true', /CronzimusLate/],
  ])('for %s', async (_what, setting, message) => {
    expect(await refusal('--set', setting)).toMatch(message);
  });

  it('for a port in quotes', async () => {
    expect(await refusal('--set-string', 'service.port=80')).toMatch(/service.*port/s);
  });

  it('for a job without a trigger', async () => {
    expect(await refusal('--set-json', 'jobs.inline={"a":{"task":"http"}}')).toMatch(/trigger/);
  });

  it.each([
    ['no database', ['database.existingSecret='], /database\.existingSecret is required.*kubectl create secret/s],
    ['no keys', ['auth.existingSecret='], /auth\.existingSecret is required.*kubectl create secret.*auth\.mode=trial/s],
    ['keys in a mode that ignores them', ['auth.mode=none'], /auth\.mode=none would ignore auth\.existingSecret/],
    ['an Ingress without a host', ['ingress.enabled=true'], /ingress\.hosts/],
    ['a route without a gateway', ['httpRoute.enabled=true'], /httpRoute\.parentRefs/],
    [
      'a scrape without a key',
      ['metrics.serviceMonitor.enabled=true'],
      /metrics\.serviceMonitor\.existingSecret.*metrics\.public/s,
    ],
    [
      'alerts on labels that nothing sets',
      ['metrics.prometheusRule.enabled=true'],
      /metrics\.prometheusRule\.selector is required.*namespace="default"/s,
    ],
    ['certificates from two sources', ['ca.existingSecret=a,ca.existingConfigMap=b'], /only one of them/],
    [
      'secrets of inputs in the Secret of the database',
      ['secrets.existingSecret=cronzimus-database', 'database.existingSecret=cronzimus-database'],
      /secrets\.existingSecret.*database\.existingSecret.*a Secret of their own/s,
    ],
    [
      'secrets of inputs in the Secret of the API keys',
      ['secrets.existingSecret=a', 'auth.existingSecret=a'],
      /secrets\.existingSecret.*auth\.existingSecret.*a Secret of their own/s,
    ],
    [
      'secrets of inputs in the Secret of the key that scrapes',
      ['secrets.existingSecret=a', 'metrics.serviceMonitor.existingSecret=a'],
      /secrets\.existingSecret.*metrics\.serviceMonitor\.existingSecret.*a Secret of their own/s,
    ],
    ['a memory limit in an unsupported unit', ['resources.limits.memory=500m'], /512Mi/],
    ['a variable that is set twice', ['extraEnv[0].name=ROLES,extraEnv[0].value=api'], /extraEnv names ROLES/],
  ])('for %s, with what would have worked', async (_what, settings, message) => {
    expect(await refusal(...settings.flatMap((setting) => ['--set', setting]))).toMatch(message);
  });

  it('for jobs in two places', async () => {
    expect(await refusal('--set-json', 'jobs={"inline":{},"existingConfigMap":"a"}')).toMatch(/only one of them/);
  });

  it('but the defaults are accepted', async () => {
    await expect(render()).resolves.not.toEqual([]);
  });
});
