import type { RunKind, RunState } from '../runs/lifecycle/run.entity.js';

/** The kinds of runs that can be late. The others start when somebody asked for them. */
export const LATE_KINDS: readonly RunKind[] = ['schedule', 'catch_up'];

const MAX_ERROR = 300;

/** The first line of the message of an error that is not blank, cut, without control characters. It is stored masked already. */
export function excerptOf(message: string): string {
  const lines = message.split(/[\n\r\u2028\u2029]/).map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trim());
  const line = lines.find((one) => one !== '') ?? '';
  // PostgreSQL cannot store half of a surrogate pair.
  return line.slice(0, MAX_ERROR).replace(/[\ud800-\udbff]$/, '');
}

export function failureText(job: string, state: RunState, runs: number, error: string): string {
  const what = state === 'timed_out' ? 'timed out' : 'failed';
  const times = runs > 1 ? `, the ${ordinal(runs)} failure in a row` : '';
  return `${job} ${what}${times}${error === '' ? '' : `: ${error}`}`;
}

export const lateText = (job: string, seconds: number): string => `${job} is late by ${durationText(seconds)}`;

/** Such as 1.5 s, 3 min or 2 h. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}

function ordinal(n: number): string {
  const ending = { 1: 'st', 2: 'nd', 3: 'rd' }[n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? 'th';
  return `${n}${ending}`;
}
