import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import { NameResolver } from '../src/core/dns/name-resolver.js';
import { databaseSocket } from '../src/database/database-socket.js';
import { Metrics } from '../src/metrics/metrics.js';
import { httpInput } from '../src/tasks/http-input.js';
import { HttpTask } from '../src/tasks/http.task.js';
import { eventually } from './support/eventually.js';
import { TestNameServer, type Zone } from './support/name-server.js';
import { runContext } from './support/run-context.js';

const servers: TestNameServer[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.stop()));

async function given(
  zone: Zone,
  { ttlSeconds = 60, ...files }: { ttlSeconds?: number; options?: string; hosts?: string } = {},
) {
  const server = await TestNameServer.start(zone, ttlSeconds);
  servers.push(server);
  const paths = await server.files(files);
  return { server, paths, names: new NameResolver(paths) };
}

const addressesOf = async (names: NameResolver, host: string) =>
  (await names.resolve(host)).map(({ address }) => address);

describe('a name is resolved', () => {
  it('to its IPv4 and IPv6 addresses', async () => {
    const { names } = await given({ 'a.test': ['fd00::1', '10.0.0.1', '10.0.0.2'] });
    const addresses = await names.resolve('A.test');
    expect(new Set(addresses.map(({ address }) => address))).toEqual(new Set(['10.0.0.1', '10.0.0.2', 'fd00::1']));
    expect(addresses.map(({ family }) => family)).toEqual([4, 4, 6]);
  });

  it('anew after a connection to its addresses has failed, though their time to live is not over', async () => {
    const zone: Zone = { 'db.test': ['127.0.0.1'] };
    const { names } = await given(zone);
    const url = new URL(process.env['TEST_DATABASE_URL']!);
    url.hostname = 'db.test';
    // Nobody listens on this port.
    url.port = '1';
    const client = new Client({ connectionString: url.href, stream: () => databaseSocket(names) });
    await expect(client.connect()).rejects.toThrow('ECONNREFUSED');
    zone['db.test'] = ['127.0.0.2'];
    expect(await addressesOf(names, 'db.test')).toEqual(['127.0.0.2']);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['::1', '::1'],
  ])('without a query when it is the address %s', async (host, address) => {
    const { server, names } = await given({});
    expect(await addressesOf(names, host)).toEqual([address]);
    expect(server.asked).toEqual([]);
  });

  it.each(['localhost', 'LOCALHOST.', 'a.b.localhost'])('to loopback when it is %s', async (host) => {
    const { server, names } = await given({ localhost: ['10.0.0.1'] }, { hosts: '10.0.0.2 a.b.localhost' });
    expect(await addressesOf(names, host)).toEqual(['127.0.0.1', '::1']);
    expect(server.asked).toEqual([]);
  });

  it('by the hosts file before the servers, also after the file has changed', async () => {
    const { server, paths, names } = await given({ db: ['10.0.0.9'] }, { hosts: 'fd00::5 DB\n10.0.0.5 db' });
    expect(await addressesOf(names, 'Db.')).toEqual(['10.0.0.5', 'fd00::5']);
    expect(server.asked).toEqual([]);
    await writeFile(paths.hosts, '10.0.0.66 db');
    expect(await addressesOf(names, 'db')).toEqual(['10.0.0.66']);
    await writeFile(paths.hosts, '');
    expect(await addressesOf(names, 'db')).toEqual(['10.0.0.9']);
  });

  const kubernetes = 'search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5';
  it.each([
    ['api', 'api.shop.svc.cluster.local'],
    ['api.other', 'api.other.svc.cluster.local'],
    ['api.other.svc', 'api.other.svc.cluster.local'],
    ['api.other.svc.cluster.local', 'api.other.svc.cluster.local'],
    ['example.org', 'example.org'],
    ['example.org.', 'example.org'],
  ])('with the search domains of Kubernetes: %s as %s', async (host, full) => {
    const { names } = await given({ [full]: ['10.0.0.1'] }, { options: kubernetes });
    expect(await addressesOf(names, host)).toEqual(['10.0.0.1']);
  });

  it.each([
    ['a.b', 'a.b', ['a.b']],
    ['a', 'a.d.test', ['a.d.test']],
    ['a', 'a', ['a.d.test', 'a']],
    ['a.b', 'a.b.d.test', ['a.b', 'a.b.d.test']],
    ['a.', 'a', ['a']],
  ])('%s, which exists as %s, with the queries %j', async (host, full, queries) => {
    const { server, names } = await given({ [full]: ['10.0.0.1'] }, { options: 'search d.test' });
    await names.resolve(host);
    expect(new Set(server.asked)).toEqual(new Set(queries.flatMap((name) => [`${name} A`, `${name} AAAA`])));
  });

  it('by the next search domain when the first makes it too long', async () => {
    const long = Array.from({ length: 4 }, () => 'a'.repeat(60)).join('.');
    const { names } = await given({ [`${long}.d.test`]: ['10.0.0.1'] }, { options: 'search domain.test d.test' });
    expect(await addressesOf(names, long)).toEqual(['10.0.0.1']);
  });

  it('by the next search domain when the first has it as an alias without addresses', async () => {
    const zone: Zone = { 'a.d.test': 'dangling', 'a.e.test': ['10.0.0.1'] };
    const { names } = await given(zone, { options: 'search d.test e.test' });
    expect(await addressesOf(names, 'a')).toEqual(['10.0.0.1']);
  });

  it('by the next server when the first is silent', async () => {
    const silent = await TestNameServer.start({ 'a.test': 'silent' });
    servers.push(silent);
    const { server } = await given({ 'a.test': ['10.0.0.1'] });
    const paths = await server.files({ servers: [silent.address, server.address], options: 'options timeout:1' });
    expect(await addressesOf(new NameResolver(paths), 'a.test')).toEqual(['10.0.0.1']);
  });

  it('by the servers of a resolv.conf that has changed', async () => {
    const { paths, names } = await given({});
    await expect(names.resolve('a.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    const { server } = await given({ 'a.test': ['10.0.0.1'] });
    await writeFile(paths.resolvConf, `nameserver nonsense\nnameserver ${server.address}\n`);
    expect(await addressesOf(names, 'a.test')).toEqual(['10.0.0.1']);
  });

  it('once for all who ask for it, and again when its time to live is over', async () => {
    const { server, names } = await given({ 'a.test': ['10.0.0.1'], 'b.test': ['10.0.0.2'] });
    await Promise.all([1, 2, 3].map(() => names.resolve('a.test')));
    await names.resolve('a.test');
    expect(server.asked).toHaveLength(2);
    const { server: brief, names: others } = await given({ 'a.test': ['10.0.0.1'] }, { ttlSeconds: 0 });
    await others.resolve('a.test');
    brief.zone = { 'a.test': ['10.0.0.7'] };
    expect(await addressesOf(others, 'a.test')).toEqual(['10.0.0.7']);
    brief.zone = {};
    await expect(others.resolve('a.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it.each(['silent', 'fails'] as const)('to its last addresses while the server %s', async (state) => {
    const { server, names } = await given({ 'a.test': ['10.0.0.1'] }, { ttlSeconds: 0 });
    await names.resolve('a.test');
    server.zone = { 'a.test': state };
    expect(await addressesOf(names, 'a.test')).toEqual(['10.0.0.1']);
  });
});

describe('a name is not resolved, with the code of getaddrinfo,', () => {
  it.each<[string, string, string, RegExp]>([
    ['when it does not exist', 'none.test', 'ENOTFOUND', /"none.test" cannot be resolved: there is no such name/],
    ['when it has no addresses', 'empty.test', 'ENOTFOUND', /no address/],
    ['when it is an alias without addresses', 'dangling.test', 'ENOTFOUND', /no address/],
    ['when the server fails', 'fails.test', 'EAI_AGAIN', /name server 127\.0\.0\.1:\d+ failed with ESERVFAIL/],
    ['when the server is silent', 'silent.test', 'EAI_AGAIN', /name server 127\.0\.0\.1:\d+ did not respond/],
    ['when it is not a name', 'a..test', 'ENOTFOUND', /no such name/],
    ['when a part is too long', `${'a'.repeat(64)}.test`, 'ENOTFOUND', /no such name/],
    ['when it is too long', `${'a.'.repeat(150)}test`, 'ENOTFOUND', /cannot be resolved/],
  ])('%s', async (_case, host, code, message) => {
    const zone: Zone = {
      'empty.test': [],
      'dangling.test': 'dangling',
      'fails.test': 'fails',
      'silent.test': 'silent',
    };
    const { names } = await given(zone, { options: 'options timeout:1 attempts:1' });
    await expect(names.resolve(host)).rejects.toMatchObject({
      code: expect.stringContaining(code),
      message: expect.stringMatching(message),
    });
  });

  it('after a bounded time, however many domains are searched', async () => {
    const domains = Array.from({ length: 30 }, (_, index) => `d${index}.test`);
    const zone = Object.fromEntries(domains.map((domain) => [`a.${domain}`, 'silent' as const]));
    const { names } = await given(zone, { options: `search ${domains.join(' ')}\noptions timeout:1 attempts:1` });
    await expect(names.resolve('a')).rejects.toMatchObject({ code: 'EAI_AGAIN' });
  });
});

describe('a name server that never responds for some names', () => {
  const dead = Array.from({ length: 40 }, (_, index) => `dead${index}.test`);
  const zone: Zone = {
    ...Object.fromEntries(dead.map((name) => [name, 'silent' as const])),
    'live.test': ['127.0.0.1'],
  };

  it('keeps neither other runs of the task http nor the database waiting', async () => {
    const { names, server } = await given(zone);
    const site = createServer((_request, response) => void response.end('here')).listen(0, '127.0.0.1');
    await once(site, 'listening');
    const { port } = site.address() as AddressInfo;
    const http = new HttpTask({ HOST: '127.0.0.1', HTTP_TASK_ALLOWED_HOSTS: undefined }, new Metrics(), names);
    const stop = new AbortController();
    let ended = 0;
    const waiting = dead.map((name) =>
      http
        .run(httpInput.parse({ url: `http://${name}:${port}/` }), runContext({ signal: stop.signal }))
        .catch((error: unknown) => error)
        .finally(() => (ended += 1)),
    );
    await eventually(() => expect(new Set(server.asked).size).toBe(2 * dead.length));

    await expect(http.run(httpInput.parse({ url: `http://live.test:${port}/` }), runContext())).resolves.toMatchObject({
      body: 'here',
    });
    const url = new URL(process.env['TEST_DATABASE_URL']!);
    url.hostname = 'live.test';
    const client = new Client({ connectionString: url.href, stream: () => databaseSocket(names) });
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect(ended).toBe(0);

    const reason = new Error('time is over');
    stop.abort(reason);
    expect(await Promise.all(waiting)).toEqual(dead.map(() => reason));
    site.close();
    site.closeAllConnections();
  });
});
