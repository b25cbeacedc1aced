import { readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

/** What a process has used: processor seconds since its start, and its resident memory now. Linux only. */
export async function usageOf(pid) {
  const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
  // The second field is a name that may hold spaces and brackets; user and system time are the 12th and 13th word after it.
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    cpuSeconds: (Number(words[11]) + Number(words[12])) / TICKS_PER_SECOND,
    residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024,
  };
}
