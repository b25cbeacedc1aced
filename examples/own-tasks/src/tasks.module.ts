import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Invoice } from './invoice.entity.js';
import { Mailer } from './mailer.js';
import { MarkOverdue } from './mark-overdue.task.js';
import { SendReminders } from './send-reminders.task.js';

@Module({
  imports: [TypeOrmModule.forFeature([Invoice])],
  providers: [MarkOverdue, SendReminders, Mailer],
})
export class TasksModule {}
