import { envOf, FULL, type Manifest, only, podOf, render, server, TRIAL, VALUES, worker } from './helm.js';

const trusted = async (...settings: string[]) => envOf(server(await render(settings)))['TRUST_PROXY'];

describe('every pod', () => {
  it.each(Object.entries(VALUES))(
    'of %s is without root, without a token and without writable files but /tmp',
    async (_name, file) => {
      const manifests = await render(['-f', file]);
      const pods = manifests.flatMap((manifest) =>
        manifest['kind'] === 'Pod'
          ? [manifest['spec'] as Manifest]
          : manifest['spec']?.template
            ? [podOf(manifest)]
            : [],
      );
      expect(pods.length).toBeGreaterThan(0);
      for (const pod of pods) {
        expect(pod).toMatchObject({
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        });
        for (const { securityContext, resources, volumeMounts = [] } of pod['containers'] as Manifest[]) {
          expect(securityContext).toMatchObject({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(resources.limits.memory).toBeDefined();
          const writable = (volumeMounts as Manifest[]).filter(({ readOnly }) => !readOnly);
          expect(writable.filter(({ mountPath }) => mountPath !== '/tmp')).toEqual([]);
        }
      }
    },
  );

  it('has a liveness probe without the database, and ten minutes to start', async () => {
    const [{ startupProbe, livenessProbe, readinessProbe }] = podOf(server(await render()))['containers'];
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(600);
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/health/live',
      '/health/live',
      '/health/ready',
    ]);
  });

  it.each([
    ['512Mi', '--max-old-space-size=358'],
    ['2Gi', '--max-old-space-size=1433'],
    ['1.5G', '--max-old-space-size=1001'],
    ['536870912', '--max-old-space-size=358'],
  ])('has a heap that fits into a memory limit of %s', async (limit, options) => {
    expect(envOf(server(await render(['--set', `resources.limits.memory=${limit}`])))['NODE_OPTIONS']).toBe(options);
  });

  it('has no heap option without a limit, or when the values disable it', async () => {
    for (const settings of [
      ['--set', 'resources.limits=null'],
      ['--set', 'heapPercent=0'],
    ])
      expect(envOf(server(await render(settings)))).not.toHaveProperty('NODE_OPTIONS');
  });

  it('gets large numbers in digits', async () => {
    const env = envOf(server(await render(['--set', 'config.TRUST_PROXY=1,config.WORKER_CONCURRENCY=10000'])));
    expect(env).toMatchObject({ TRUST_PROXY: '1', WORKER_CONCURRENCY: '10000' });
    const { data } = only(await render(TRIAL), 'ConfigMap');
    expect(data['jobs.yaml']).toMatch(/everySeconds: 1(000000|e\+06)\n/);
    expect(data['jobs.yaml']).toContain('{{job.name}}');
  });

  it('trusts one proxy behind an Ingress or a route, unless the values name others, and none otherwise', async () => {
    const ingress = ['--set', 'ingress.enabled=true,ingress.hosts={cronzimus.example.org}'];
    const route = ['--set', 'httpRoute.enabled=true,httpRoute.parentRefs[0].name=gateway'];
    expect(await trusted()).toBeUndefined();
    expect(await trusted(...ingress)).toBe('1');
    expect(await trusted(...route)).toBe('1');
    expect(await trusted(...ingress, '--set', 'config.TRUST_PROXY=2')).toBe('2');
    expect(await trusted(...ingress, '--set', 'config.TRUST_PROXY=10.0.0.0/8\\,loopback')).toBe('10.0.0.0/8,loopback');
    const workers = worker(await render([...ingress, '--set', 'worker.enabled=true']));
    expect(envOf(workers)).not.toHaveProperty('TRUST_PROXY');
  });

  it('runs the image by its digest when there is one', async () => {
    const [{ image, command }] = podOf(only(await render(FULL), 'Deployment', 'rel-scheduler'))['containers'];
    expect(image).toMatch(/^registry.example\/own-tasks@sha256:/);
    expect(command).toEqual(['node', 'dist/src/main.js']);
  });
});
