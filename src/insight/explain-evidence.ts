import type { TriggerDefinition } from '../core/triggers/trigger.js';
import type { Facts, PauseFacts, RowFacts, VersionFacts } from './explain-facts.js';
import type { Evidence } from './explain.view.js';

export const iso = (date: Date): string => date.toISOString();

export function definitionEvidence({ version, trigger, by, validFrom }: VersionFacts): Evidence {
  return {
    code: 'definition',
    text: `Version ${version} of the definition applied from ${iso(validFrom)} on. Its trigger was ${triggerText(trigger)}.`,
    at: validFrom,
    by,
  };
}

function triggerText(trigger: TriggerDefinition): string {
  if (trigger.type === 'cron') return `"${trigger.expression}" in ${trigger.timeZone}`;
  return trigger.type === 'date' ? `once at ${trigger.at}` : `every ${trigger.everySeconds} s from ${trigger.anchor}`;
}

export function runEvidence(row: RowFacts): Evidence {
  const range = row.missedTo
    ? ` The row is for all occurrences from ${iso(row.scheduledAt)} to ${iso(row.missedTo)}.`
    : '';
  const text = `The history has a row: ${row.state}${row.reason ? `, reason ${row.reason}` : ''}.${range}`;
  return { code: 'run', text, run: row.id, at: row.scheduledAt };
}

/** The attempts of a run that did not succeed. */
export const attemptEvidence = (row: RowFacts): Evidence[] =>
  row.attempts.map(({ number, replica, state, code, finishedAt }) => ({
    code: 'attempt',
    text: `Attempt ${number}${replica ? ` on ${replica}` : ''} ended as ${state}${code ? `, code ${code}` : ''}.`,
    run: row.id,
    ...(finishedAt && { at: new Date(finishedAt) }),
  }));

export function pauseEvidence({ isOfJob, pausedAt, endedAt, until, reason, by, endedBy }: PauseFacts): Evidence {
  const period = endedAt
    ? `was paused from ${iso(pausedAt)} to ${iso(endedAt)}${endedBy === null && until ? ', when the pause ended by itself' : ''}`
    : `has been paused since ${iso(pausedAt)}${until ? `, with an end at ${iso(until)}` : ''}`;
  return {
    code: isOfJob ? 'pause' : 'scheduler_pause',
    text: `${isOfJob ? 'The job' : 'The scheduler'} ${period}${reason ? `: ${reason}` : ''}.`,
    at: pausedAt,
    by,
  };
}

/** What would keep an occurrence from running that is due at `due`, as things are now. What is due at the end of a pause runs. */
export function obstacles({ present, pauses }: Facts, due: Date): Evidence[] {
  const { schedulers, workers, job } = present;
  return [
    ...pauses.filter(({ endedAt, until }) => endedAt === null && !(until && due >= until)).map(pauseEvidence),
    ...(schedulers === 0 ? [{ code: 'no_scheduler', text: 'No live replica has the role scheduler.' } as const] : []),
    ...(job && workers === 0
      ? [{ code: 'no_worker', text: `No live worker knows the task "${job.task}".` } as const]
      : []),
  ];
}
