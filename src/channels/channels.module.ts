import { Global, Module } from '@nestjs/common';
import { TasksModule } from '../tasks/tasks.module.js';
import { Channels } from './channels.js';
import { DeliverAlert } from './deliver-alert.task.js';

/** The channels through which people are notified, and the task that sends messages to them. */
@Global()
@Module({
  imports: [TasksModule],
  providers: [Channels, DeliverAlert],
  exports: [Channels],
})
export class ChannelsModule {}
