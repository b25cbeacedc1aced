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
  .meta({ id: 'Scheduler' });

export type SchedulerView = z.output<typeof schedulerView>;
