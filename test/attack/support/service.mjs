import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { addCounts } from './numbers.mjs';
import { inProcess } from './processes.mjs';
import { until } from './until.mjs';

const MAIN = join(import.meta.dirname, '../../../dist/main.js');
/** What the chart sets for a pod with its default memory limit of 512 MiB, and what the image sets. */
const CHART = { NODE_OPTIONS: '--max-old-space-size=358', MALLOC_ARENA_MAX: '2' };
const VIEWERS = 200;
/** The lines of stderr that say why a process ended. */
const REASON = /out of memory|[A-Z]+_[A-Z_]+:|ERR_\w+|Error:/;

/**
 * Starts `node dist/main.js` with API keys, and with the memory settings of the chart and the image, on a database of its own.
 * - `settings`: additional environment variables.
 * - `prefix`: a command that starts Node, as a list of words. Default: none.
 * - `host`: the host name in DATABASE_URL.
 */
export async function startService(postgres, { settings = {}, prefix = [], host = '127.0.0.1' } = {}) {
  const folder = await mkdtemp(join(postgres.folder, 'service-'));
  const database = await postgres.createDatabase();
  const keys = await writeKeys(join(folder, 'keys.yaml'));
  const port = await freePort();
  const url = new URL(database.url);
  url.hostname = host;
  const [command, ...args] = [...prefix, process.execPath, MAIN];
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...CHART,
      PORT: String(port),
      LOG_FORMAT: 'json',
      DATABASE_URL: url.href,
      API_KEYS_FILE: join(folder, 'keys.yaml'),
      ...settings,
    },
  });
  const service = new Service(child, database, port, keys);
  const ready = () =>
    service.death ??
    fetch(`${service.url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  if ((await until(60, ready)) !== true) {
    await service.stop();
    throw new Error(`the service does not start: ${service.death}\n${service.errors}`);
  }
  return service;
}

class Service {
  /** How and why the process ended. Undefined while it lives. */
  death;
  /** What the process has written to stderr. */
  errors = '';

  constructor(child, database, port, keys) {
    Object.assign(this, { child, database, port, keys, pid: child.pid, url: `http://127.0.0.1:${port}` });
    child.stderr.on('data', (piece) => (this.errors += piece));
    this.ended = this.follow();
  }

  async follow() {
    const [code, signal] = await once(this.child, 'close');
    const why = this.errors.split('\n').find((line) => REASON.test(line)) ?? '';
    this.death = `the process ended with ${signal ?? `code ${code}`}${why && `: ${why.trim().slice(0, 120)}`}`;
  }

  /** Sends one request and returns its status and body. Status 0: no response within ten seconds. */
  async api(method, path, { key = this.keys.admin, body, headers = {} } = {}) {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = typeof body === 'object' ? JSON.stringify(body) : body;
    const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
    try {
      const response = await fetch(this.url + path, {
        method,
        ...(body !== undefined && { body: text }),
        headers: { ...authorization, ...json, ...headers },
        signal: AbortSignal.timeout(10_000),
      });
      const answer = await response.text();
      return { status: response.status, body: answer.startsWith('{') ? JSON.parse(answer) : answer };
    } catch (error) {
      return { status: 0, body: String(error.cause ?? error) };
    }
  }

  /** Like `api`, but throws unless the status is a 2xx. Returns the body. */
  async mustApi(method, path, options) {
    const { status, body } = await this.api(method, path, options);
    if (status < 200 || status > 299) throw new Error(`${method} ${path} got ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Runs one statement with the service's role and returns the rows. */
  async sql(text, values) {
    const client = new Client({ connectionString: this.database.url });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /**
   * Lets two processes run `name` of a module, each with half of `args.count`, until they return or the service has ended.
   * Returns their added `answers` and all their `latencies`.
   */
  async attack(module, name, args) {
    const processes = args.count > 1 ? 2 : 1;
    const count = Math.ceil(args.count / processes);
    const attackers = Array.from({ length: processes }, (_, nth) =>
      inProcess(module, name, { port: this.port, ...args, count, first: nth * count }),
    );
    await Promise.race([Promise.all(attackers.map(({ result }) => result)), this.ended]);
    const results = await Promise.all(attackers.map((attacker) => attacker.stop()));
    return {
      answers: addCounts(...results.map((result) => result?.answers ?? {})),
      latencies: results.flatMap((result) => result?.latencies ?? []),
    };
  }

  /** Kills the process, and drops its database with all sessions that it left behind. */
  async stop() {
    this.child.kill('SIGKILL');
    await this.ended;
    await this.database.drop();
  }
}

/** Writes a keys file and returns the keys: one of each role, and many viewers who attack together. */
async function writeKeys(file) {
  const entries = [];
  const add = (name, role) => {
    const key = randomBytes(32).toString('base64url');
    entries.push({ name, role, sha256: createHash('sha256').update(key).digest('hex') });
    return key;
  };
  const keys = { admin: add('admin', 'admin'), operator: add('operator', 'operator'), viewer: add('viewer', 'viewer') };
  keys.viewers = Array.from({ length: VIEWERS }, (_, nth) => add(`viewer-${nth}`, 'viewer'));
  // JSON is YAML too.
  await writeFile(file, JSON.stringify(entries));
  return keys;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
