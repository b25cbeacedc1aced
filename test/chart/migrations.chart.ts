import { envOf, only, podOf, render, server, volumesOf } from './helm.js';

const mode = (name: string) => render(['--set', `migrations.mode=${name}`]);

describe('migrations', () => {
  it('are a Job of each release that the pods wait for', async () => {
    const manifests = await mode('job');
    expect(envOf(server(manifests))['DATABASE_MIGRATE']).toBe('false');
    const job = only(manifests, 'Job');
    expect(podOf(job)['containers'][0]).toMatchObject({
      command: ['node', '--expose-gc', 'dist/main.js'],
      args: ['migrate'],
    });
    expect(job['metadata'].annotations).toBeUndefined();
  });

  it('have another name for each build, since a Job is immutable', async () => {
    const names = await Promise.all(
      ['1.0.0', '1.0.1'].map(async (tag) => only(await render(['--set', `image.tag=${tag}`]), 'Job')['metadata'].name),
    );
    expect(new Set(names).size).toBe(2);
  });

  it('have a name that stays short enough for a million releases, with the longest release name', async () => {
    const { name } = only(await render(['--set', `fullnameOverride=${'a'.repeat(46)}`]), 'Job')['metadata'];
    expect(name.replace('-1-', '-999999-').length).toBeLessThanOrEqual(63);
  });

  it('may stay until the next release, for tools that would recreate them', async () => {
    const job = only(await render(['--set', 'migrations.ttlSecondsAfterFinished=null']), 'Job');
    expect(job['spec']).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(only(await mode('job'), 'Job')['spec'].ttlSecondsAfterFinished).toBe(86_400);
  });

  it('need no API keys, even when HOST would require them', async () => {
    const env = envOf(only(await render(['--set', 'config.HOST=0.0.0.0']), 'Job'));
    expect(env['HOST']).toBe('127.0.0.1');
    expect(env).not.toHaveProperty('API_KEYS_FILE');
  });

  it('as a hook need only what an earlier hook creates', async () => {
    const manifests = await mode('hook');
    const job = only(manifests, 'Job');
    const account = only(manifests, 'ServiceAccount', podOf(job)['serviceAccountName']);
    for (const { metadata } of [job, account])
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'pre-install,pre-upgrade',
        // Nothing else deletes them, not even `helm uninstall`.
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      });
    expect(Number(account['metadata'].annotations['helm.sh/hook-weight'])).toBeLessThan(
      Number(job['metadata'].annotations['helm.sh/hook-weight']),
    );
    expect(Object.keys(volumesOf(job))).toEqual(['tmp', 'database']);
  });

  it.each([
    ['auto', 'true'],
    ['none', 'false'],
  ])('in the mode %s have no Job', async (name, migrates) => {
    const manifests = await mode(name);
    expect(manifests.filter(({ kind }) => kind === 'Job')).toEqual([]);
    expect(envOf(server(manifests))['DATABASE_MIGRATE']).toBe(migrates);
  });
});
