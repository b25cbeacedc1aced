import { Injectable } from '@nestjs/common';
import { cron, type RunContext, Task, type TaskHandler } from 'cronzimus';
import { z } from 'zod';
import { Invoice } from './invoice.entity.js';

const input = z.strictObject({ graceDays: z.int().min(0).max(365).default(14) });

/** Its writes commit together with the run's `succeeded`, or not at all. */
@Injectable()
@Task({
  name: 'mark-overdue',
  description: 'Marks the invoices that were not paid in time.',
  transactional: true,
  input,
  jobs: {
    'invoices.mark-overdue': {
      trigger: cron('30 2 * * *', { timeZone: 'Europe/Berlin' }),
      input: { graceDays: 7 },
    },
  },
})
export class MarkOverdue implements TaskHandler<typeof input> {
  async run({ graceDays }: z.infer<typeof input>, { transaction, scheduledAt, log }: RunContext) {
    // From the occurrence instead of the clock, so that a late run marks the same invoices as a punctual one.
    const before = new Date(scheduledAt.getTime() - graceDays * 86_400_000);
    const { affected } = await transaction((tx) =>
      tx
        .createQueryBuilder()
        .update(Invoice)
        .set({ overdue: true })
        .where('NOT overdue AND due_at < :before', { before })
        .execute(),
    );
    log.info({ marked: affected }, 'invoices marked');
    return { marked: affected };
  }
}
