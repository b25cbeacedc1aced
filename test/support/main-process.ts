import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'main.js');

/** The service as users start it: `node dist/main.js`. */
export interface MainProcess {
  child: ChildProcess;
  url: string;
  /** What it has written to its log so far, one line of JSON for each entry. */
  log: () => string;
}

/** Starts the service on a free port. `folder` must not have a `.env` of a user. The caller has to end the process. */
export async function startMain(variables: Record<string, string>, folder: string): Promise<MainProcess> {
  const { PATH, HOME, NODE_OPTIONS } = process.env;
  const port = await freePort();
  const env = { PATH, HOME, NODE_OPTIONS, LOG_FORMAT: 'json', ...variables, PORT: String(port) };
  const child = spawn(process.execPath, [MAIN], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let written = '';
  child.stdout.on('data', (piece: Buffer) => (written += piece.toString()));
  return { child, url: `http://127.0.0.1:${port}`, log: () => written };
}

/** Waits until a process serves requests and all its loops run. */
export const isReady = ({ url }: MainProcess): Promise<void> =>
  eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), { within: 60_000 });
