import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { docker } from './docker.js';

/** docker/compose.yaml, overridden by compose.check.yaml, as its own project. */
export class Compose {
  readonly ports = [43_000, 43_001, 43_002];
  readonly database = 'postgres://cronzimus:trial@127.0.0.1:45432/cronzimus';

  /** `folder`: the folder with jobs.json for the replicas. */
  constructor(private readonly folder: string) {}

  async run(...args: string[]): Promise<string> {
    const variables = {
      COMPOSE_OVER: 'test/image/compose.check.yaml',
      JOBS_FOLDER: this.folder,
      POSTGRES_PORT: '45432',
      PORTS: `${this.ports.at(0)}-${this.ports.at(-1)}`,
    };
    const { stdout } = await promisify(execFile)('tools/image/compose', args, {
      env: { ...process.env, ...variables },
    });
    return stdout.trim();
  }

  /** The API key, as a user reads it. */
  key(): Promise<string> {
    return this.run('run', '--rm', '-T', 'key', 'show');
  }

  /** The id of each container of a replica. */
  async inspect(format: string): Promise<string[]> {
    const containers = await this.run('ps', '--quiet', 'cronzimus');
    return (await docker('inspect', '--format', format, ...containers.split('\n'))).split('\n');
  }
}
