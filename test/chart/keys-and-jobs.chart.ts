import { envOf, FULL, only, OPEN, render, server, TRIAL, volumesOf } from './helm.js';

describe('keys', () => {
  it('of a trial are generated, marked as such, and reach the pods only as digests', async () => {
    const manifests = await render(TRIAL);
    const secret = only(manifests, 'Secret', 'rel-cronzimus-trial-keys');
    expect(secret['metadata'].annotations['cronzimus/trial']).toContain('production');
    expect(secret['stringData']['api-keys.yaml']).not.toContain(secret['stringData'].key);
    expect(volumesOf(server(manifests))['api-keys'].secret).toMatchObject({
      secretName: 'rel-cronzimus-trial-keys',
      items: [{ key: 'api-keys.yaml', path: 'api-keys.yaml' }],
    });
    expect(only(manifests, 'ServiceMonitor')['spec'].endpoints[0].authorization.credentials).toEqual({
      name: 'rel-cronzimus-trial-keys',
      key: 'key',
    });
  });

  it('are absent when AUTH_MODE is none', async () => {
    const deployment = server(await render(OPEN));
    expect(envOf(deployment)).toMatchObject({ AUTH_MODE: 'none' });
    expect(envOf(deployment)).not.toHaveProperty('API_KEYS_FILE');
    expect(volumesOf(deployment)).not.toHaveProperty('api-keys');
  });
});

describe('the jobs file', () => {
  it('may be absent, which leaves jobs alone, or empty, which declares none', async () => {
    expect(envOf(server(await render()))).not.toHaveProperty('JOBS_FILE');
    const none = await render(['--set-json', 'jobs.inline={}']);
    expect(envOf(server(none))).toHaveProperty('JOBS_FILE');
    expect(only(none, 'ConfigMap')['data']).toEqual({ 'jobs.yaml': 'jobs: {}\n' });
  });
});

describe('the channels file and the heartbeat', () => {
  it('reach the pods that need them, as files', async () => {
    const deployment = only(await render(FULL), 'Deployment', 'rel-scheduler');
    expect(envOf(deployment)).toMatchObject({
      CHANNELS_FILE: '/etc/cronzimus/channels/channels.yaml',
      HEARTBEAT_URL_FILE: '/etc/cronzimus/heartbeat/url',
    });
    expect(volumesOf(deployment)['channels'].secret).toMatchObject({ secretName: 'our-channels' });
    expect(volumesOf(deployment)['heartbeat'].secret).toMatchObject({ secretName: 'our-heartbeat' });
    expect(envOf(server(await render()))).not.toHaveProperty('CHANNELS_FILE');
  });
});

describe('the network policy', () => {
  it('covers servers, workers and the Job, and admits the test pod', async () => {
    const manifests = await render(FULL);
    const { podSelector, ingress, egress } = only(manifests, 'NetworkPolicy')['spec'];
    const components = podSelector.matchExpressions[0].values as string[];
    const templates = manifests.filter(({ kind }) => /^(Deployment|Job)$/.test(kind));
    expect(templates).toHaveLength(3);
    for (const { spec } of templates) {
      expect(spec.template.metadata.labels).toMatchObject(podSelector.matchLabels);
      expect(components).toContain(spec.template.metadata.labels['app.kubernetes.io/component']);
    }
    expect(only(manifests, 'Pod')['metadata'].labels).toMatchObject(ingress[0].from[0].podSelector.matchLabels);
    expect(egress[1]).toMatchObject({ ports: [{ port: 6432 }], to: [{ podSelector: {} }] });
  });
});
