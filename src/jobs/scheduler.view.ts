import { z } from 'zod';
import { ROLES } from '../config/process-roles.js';

export const schedulerView = z
  .object({
    paused: z.boolean().describe('Nothing is dispatched and nothing is started'),
    replicas: z.array(
      z.object({
        name: z.string().describe('Number, host and pid'),
        app: z.string(),
        version: z.string().nullable(),
        roles: z.array(z.enum(ROLES)),
        startedAt: z.date(),
        seenAt: z.date().describe('Its last sign of life'),
      }),
    ),
  })
  .meta({
    id: 'Scheduler',
    examples: [
      {
        paused: false,
        replicas: [
          {
            name: '17 host-1 pid 4711',
            app: 'cronzimus',
            version: '0.1.0',
            roles: ['api', 'scheduler', 'worker'],
            startedAt: '2026-11-23T13:09:40.558Z',
            seenAt: '2026-11-23T13:09:50.593Z',
          },
        ],
      },
    ],
  });

export type SchedulerView = z.output<typeof schedulerView>;
