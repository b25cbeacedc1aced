import { envOf, FULL, type Manifest, only, podOf, render, server, volumesOf, worker } from './helm.js';

const HAND_BACK_SECONDS = 20;
const split = ['--set', 'worker.enabled=true'];

describe('a rollout', () => {
  it('removes no pod before another one is ready', async () => {
    for (const deployment of [server(await render(split)), worker(await render(split))])
      expect(deployment['spec'].strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: '25%' });
  });

  it.each([
    ['the API and the scheduler', server, ['--set', 'shutdownGraceSeconds=45,preStopSeconds=7'], 7 + 45],
    ['workers', worker, ['--set', 'worker.shutdownGraceSeconds=1800'], 1800],
  ])('gives %s the time to drain and to return runs to the queue', async (_who, which, settings, drain) => {
    const deployment = which(await render([...split, ...settings]));
    const { terminationGracePeriodSeconds, containers } = podOf(deployment);
    const preStop = containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
    expect(Number(envOf(deployment)['SHUTDOWN_GRACE_SECONDS']) + preStop).toBe(drain);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(drain + HAND_BACK_SECONDS);
  });

  it('restarts no pod when a job changes, and the pod sees the change', async () => {
    const [before, after] = await Promise.all(
      ['1', '2'].map((seconds) =>
        render([
          '--set-json',
          `jobs.inline={"a":{"task":"http","trigger":{"type":"interval","everySeconds":${seconds}}}}`,
        ]),
      ),
    );
    expect(only(before!, 'ConfigMap')['data']).not.toEqual(only(after!, 'ConfigMap')['data']);
    expect(server(before!)).toEqual(server(after!));
    const { containers } = podOf(server(after!));
    const mount = (containers[0].volumeMounts as Manifest[]).find(({ name }) => name === 'jobs');
    // A whole folder, since a single mounted file is never updated.
    expect(mount).toEqual({ name: 'jobs', mountPath: envOf(server(after!))['JOBS_FILE'], readOnly: true });
    expect(JSON.stringify(after)).not.toContain('subPath');
  });

  it('restarts no pod when only the version of the chart changes', async () => {
    const { metadata } = server(await render())['spec'].template;
    expect(JSON.stringify(metadata.labels)).not.toContain('helm.sh/chart');
  });

  it('spreads the pods of each Deployment separately', async () => {
    const [zone] = podOf(worker(await render(split)))['topologySpreadConstraints'];
    expect(zone).toMatchObject({
      topologyKey: 'topology.kubernetes.io/zone',
      labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'worker' } },
    });
  });
});

describe('roles', () => {
  it('are all in one Deployment unless workers have their own', async () => {
    expect(envOf(server(await render()))['ROLES']).toBe('api,scheduler,worker');
    const manifests = await render(split);
    expect(envOf(server(manifests))['ROLES']).toBe('api,scheduler');
    expect(envOf(worker(manifests))['ROLES']).toBe('worker');
  });

  it('see only what they need: workers the secrets, schedulers the jobs file', async () => {
    const manifests = await render([...split, '--set', 'secrets.existingSecret=s,jobs.existingConfigMap=j']);
    expect(Object.keys(volumesOf(server(manifests)))).toEqual(['tmp', 'database', 'api-keys', 'jobs']);
    expect(Object.keys(volumesOf(worker(manifests)))).toEqual(['tmp', 'database', 'api-keys', 'secrets']);
    expect(envOf(worker(manifests))).toMatchObject({ SECRETS_DIR: '/etc/cronzimus/secrets' });
    expect(envOf(server(manifests))).not.toHaveProperty('SECRETS_DIR');
  });

  it('route requests to pods of the API, not to workers', async () => {
    const manifests = await render(split);
    expect(only(manifests, 'Service')['spec'].selector).toEqual(server(manifests)['spec'].selector.matchLabels);
    expect(worker(manifests)['spec'].selector).not.toEqual(server(manifests)['spec'].selector);
  });

  it('may have another config for workers', async () => {
    const manifests = await render(FULL);
    expect(envOf(only(manifests, 'Deployment', 'rel-scheduler'))['WORKER_CONCURRENCY']).toBe('100');
    const own = envOf(only(manifests, 'Deployment', 'rel-scheduler-worker'));
    expect(own).toMatchObject({ WORKER_CONCURRENCY: '20', DEFAULT_TIME_ZONE: 'Europe/Berlin' });
  });
});
