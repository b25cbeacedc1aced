import { type ChildProcess, fork } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { nextMessage } from '../support/fork.js';

export interface Replica {
  child: ChildProcess;
  pid: number;
  address: string;
  /** Variables of this replica, and of a replacement of it. */
  variables: Record<string, string>;
}

/** Starts a process with the built service and the tasks of this folder. `begun` is called at once, before the service is ready. */
export async function startReplica(
  scenario: string,
  variables: Record<string, string>,
  environment: Record<string, string>,
  begun: (replica: Replica) => void,
): Promise<Replica> {
  const { PATH, HOME, NODE_OPTIONS, FAULTS_LOGS } = process.env;
  const log = FAULTS_LOGS ? openSync(join(FAULTS_LOGS, `${scenario.replaceAll(/\W+/g, '-')}.log`), 'a') : 'ignore';
  const child = fork(join(import.meta.dirname, 'effect-process.js'), {
    execPath: environment['NODE_BINARY'] ?? process.execPath,
    execArgv: [],
    // A folder without a .env of the user.
    cwd: process.env['TEST_SCRATCH'],
    stdio: ['ignore', log, 'inherit', 'ipc'],
    env: {
      PATH,
      HOME,
      NODE_OPTIONS,
      LOG_LEVEL: FAULTS_LOGS ? 'info' : 'fatal',
      LOG_FORMAT: 'json',
      PORT: '0',
      DATABASE_MIGRATE: 'false',
      DATABASE_POOL_MAX: '3',
      SHUTDOWN_GRACE_SECONDS: '0.2',
      ...environment,
    },
  });
  const replica: Replica = { child, pid: child.pid!, address: '', variables };
  begun(replica);
  replica.address = await nextMessage<string>(child);
  await eventually(async () => expect((await fetch(`${replica.address}/health/ready`)).status).toBe(200), {
    within: 60_000,
  });
  return replica;
}
