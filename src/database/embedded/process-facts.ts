import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const onLinux = process.platform === 'linux';

/** The command line of a process. Empty when the process does not exist, or has ended and is not yet reaped. Throws when this process
 *  has no file descriptor left to find that out. */
export async function commandLine(pid: number): Promise<string> {
  if (!onLinux) return ps(pid, 'command=');
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (/^E[MN]FILE$/.test(error.code ?? '')) throw error;
    return '';
  });
  return words.replaceAll('\0', ' ').trim();
}

/** A text that identifies the start of a process: no other process with the same pid has it. Empty when the process does not exist. */
export async function startOf(pid: number): Promise<string> {
  if (!onLinux) return ps(pid, 'lstart=');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is a name that may contain spaces and parentheses. The start time is the 20th word after it.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (!ticks) return '';
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()} ${ticks}`.trim();
}

async function ps(pid: number, field: string): Promise<string> {
  const { stdout } = await run('ps', ['-ww', '-o', field, '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim();
}
