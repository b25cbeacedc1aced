import { z } from 'zod';
import { pauseView } from '../jobs/history/pause-request.js';
import { ROLES } from '../config/process-roles.js';

export const schedulerView = z
  .object({
    paused: z.boolean().describe('True while no replica dispatches or starts runs'),
    pause: pauseView.nullable().describe('Null if there is no pause'),
    gap: z
      .object({
        jobs: z.int().describe('How many jobs get one skipped row for the occurrences of the pause'),
        runs: z.int().describe('How many waiting runs start'),
      })
      .nullable()
      .describe('What a resume would do now, and in the response to a resume, what it did. Null if there is no pause'),
    dataLoss: z
      .object({
        noticedAt: z.date(),
        from: z.date().nullable().describe('What was committed until then is there. Null if unknown'),
        until: z.date().describe('What is committed later does not belong to the loss'),
        runsMissing: z.int().describe('Runs that replicas started, and whose rows are gone'),
        attemptsUndone: z
          .int()
          .describe('Attempts of other runs that replicas started, and that are gone, or only their ends'),
      })
      .nullable()
      .describe(
        'The last time that replicas noticed that the database has lost committed data: after a fail-over, or with a restored backup. Null if they never did',
      ),
    replicas: z.array(
      z.object({
        name: z.string().describe('Number, host and process id'),
        app: z.string(),
        version: z.string().nullable(),
        tzVersion: z.string().nullable().describe('The version of its time zone data'),
        roles: z.array(z.enum(ROLES)),
        startedAt: z.date(),
        seenAt: z.date().describe('Its last heartbeat'),
      }),
    ),
  })
  .meta({
    id: 'Scheduler',
    examples: [
      {
        paused: true,
        pause: { since: '2026-11-24T02:10:00.000Z', until: null, reason: 'move of the database' },
        gap: { jobs: 3, runs: 1 },
        dataLoss: null,
        replicas: [
          {
            name: '17 host-1 pid 4711',
            app: 'cronzimus',
            version: '0.1.0',
            tzVersion: '2026c',
            roles: ['api', 'scheduler', 'worker'],
            startedAt: '2026-11-23T13:09:40.558Z',
            seenAt: '2026-11-23T13:09:50.593Z',
          },
        ],
      },
    ],
  });

export type SchedulerView = z.output<typeof schedulerView>;
