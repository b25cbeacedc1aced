import { z } from 'zod';
import { knownFields } from '../../core/triggers/input-fields.js';

/** The name of the channel that is always there. It writes a line to the log of the service. */
export const LOG_CHANNEL = 'log';

export const channelName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/, 'A channel name is 1-64 of a-z 0-9 . _ -')
  .meta({ examples: [LOG_CHANNEL] });

const to = z
  .array(channelName)
  .min(1, 'Name at least one channel')
  .max(16)
  .describe('Names of channels: those of CHANNELS_FILE, and log');
const times = z.int().min(1).max(100);
const MAX_SECONDS = 31_536_000;

const conditionNames = [
  'failed',
  'recovered',
  'missed',
  'late',
  'tooLong',
  'tooShort',
  'noSuccess',
  'skipped',
] as const;

const alertOf = <W extends string, F extends z.core.$ZodShape>(when: W, description: string, fields: F) =>
  z.strictObject(
    { when: z.literal(when).describe(description), ...fields },
    { error: knownFields('when', ...Object.keys(fields)) },
  );

/** The conditions, each with its fields. */
export const alertCondition = z
  .discriminatedUnion(
    'when',
    [
      alertOf('failed', 'Runs in a row that failed or timed out', {
        times: times.default(1).describe('How many runs in a row. Retries inside of a run do not count'),
        to,
      }),
      alertOf('recovered', 'A run succeeded after an alert about failed runs', {
        to: to.optional().describe('Default: the channels of that alert'),
      }),
      alertOf('missed', 'Occurrences were missed', { to }),
      alertOf('late', 'A run started late, or is due and has not started', {
        seconds: z.number().min(10).max(MAX_SECONDS).describe('How late, from the due time with jitter'),
        to,
      }),
      alertOf('tooLong', 'A run is running for too long. Checked every 10 s. Give either seconds or times', {
        seconds: z.number().min(1).max(MAX_SECONDS).optional(),
        times: z
          .number()
          .min(1.1)
          .max(1000)
          .optional()
          .describe('Times its usual: the median of the last 20 successes'),
        to,
      }),
      alertOf('tooShort', 'The latest successful run took less than this. Checked every 10 s', {
        seconds: z.number().min(0.001).max(MAX_SECONDS),
        to,
      }),
      alertOf('noSuccess', 'No run has succeeded for this long', { hours: z.number().min(0.1).max(8784), to }),
      alertOf('skipped', 'Occurrences in a row were skipped because a run was unfinished', {
        times: times.default(1).describe('How many in a row'),
        to,
      }),
    ],
    { error: () => `Must have "when": ${conditionNames.join(', ')}` },
  )
  .meta({ id: 'AlertCondition', examples: [{ when: 'failed', times: 3, to: [LOG_CHANNEL] }] });
export type Alert = z.output<typeof alertCondition>;
export type AlertOf<W extends Alert['when']> = Extract<Alert, { when: W }>;

/** The conditions for which incidents are opened: all but `recovered`. */
export const incidentConditions = conditionNames.filter((name) => name !== 'recovered');
export type IncidentCondition = Exclude<Alert['when'], 'recovered'>;

/** The alerts of a job, of a tag or of the whole service. Each condition may be in it once. */
export const alertList = z
  .array(alertCondition)
  .max(conditionNames.length)
  .superRefine((alerts, context) => {
    for (const [index, alert] of alerts.entries()) {
      const fault = (message: string, ...path: PropertyKey[]) =>
        context.addIssue({ code: 'custom', path: [index, ...path], message });
      if (alerts.findIndex(({ when }) => when === alert.when) < index)
        fault(`There is another alert with "when": ${alert.when}; each condition may be in the list once`, 'when');
      if (alert.when === 'tooLong' && (alert.seconds === undefined) === (alert.times === undefined))
        fault('Give either seconds or times');
      if (alert.when === 'recovered' && !alerts.some(({ when }) => when === 'failed'))
        fault('Needs an alert with "when": failed in the same list');
    }
  });
