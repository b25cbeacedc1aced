import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a Docker command and returns its stdout. Throws its stderr when it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** A container of an image on the network of this machine. Its root is read-only, and it has no capabilities, no shell and no other
 *  programs of Debian. */
export class Container {
  private constructor(readonly id: string) {}

  static async start(image: string, variables: Record<string, string>, ...command: string[]): Promise<Container> {
    const environment = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const hardening = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'host'];
    const shellless = ['/bin', '/sbin', '/usr/bin', '/usr/sbin'].flatMap((folder) => ['--tmpfs', folder]);
    const often = ['--health-interval', '1s'];
    return new Container(
      await docker('run', '--detach', ...hardening, ...shellless, ...often, ...environment, image, ...command),
    );
  }

  /** Waits until it has ended, and returns the exit code. */
  async ended(): Promise<number> {
    return Number(await docker('wait', this.id));
  }

  signal(name: string): Promise<string> {
    return docker('kill', '--signal', name, this.id);
  }

  async state(): Promise<{ Status: string; Health?: { Status: string } }> {
    return JSON.parse(await docker('inspect', '--format', '{{json .State}}', this.id));
  }

  /** Its stdout and stderr. */
  async output(): Promise<string> {
    const { stdout, stderr } = await run('docker', ['logs', this.id]);
    return stdout + stderr;
  }

  async remove(): Promise<void> {
    await docker('rm', '--force', this.id);
  }
}
