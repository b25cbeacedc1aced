import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { cron, type RunContext, Task, type TaskHandler } from 'cronzimus';
import { IsNull, type Repository } from 'typeorm';
import { z } from 'zod';
import { Invoice } from './invoice.entity.js';
import { Mailer } from './mailer.js';

const input = z.strictObject({ atMost: z.int().min(1).default(100) });

@Injectable()
@Task({
  name: 'send-reminders',
  description: 'Sends one reminder for each overdue invoice.',
  input,
  jobs: {
    'invoices.send-reminders': {
      trigger: cron('0 9 * * MON-FRI', { timeZone: 'Europe/Berlin' }),
      timeoutSeconds: 600,
      retry: { limit: 3, delaySeconds: 60 },
    },
  },
})
export class SendReminders implements TaskHandler<typeof input> {
  constructor(
    @InjectRepository(Invoice) private readonly invoices: Repository<Invoice>,
    private readonly mailer: Mailer,
  ) {}

  async run({ atMost }: z.infer<typeof input>, { signal, log }: RunContext) {
    const open = await this.invoices.find({ where: { overdue: true, remindedAt: IsNull() }, take: atMost });
    for (const { number, email } of open) {
      // Between two mails is a good place to stop for a timeout, a cancel or a shutdown.
      signal.throwIfAborted();
      // If the process is killed between these two lines, the next attempt sends the same key again.
      await this.mailer.send(email, `Invoice ${number} is overdue.`, { key: `reminder ${number}` });
      await this.invoices.update(number, { remindedAt: new Date() });
      log.info({ number }, 'reminded');
    }
    return { reminded: open.length };
  }
}
