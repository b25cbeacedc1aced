import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';

const JOBS = 100;

class Scheduled {}
Module({ imports: [ScheduleModule.forRoot()] })(Scheduled);

/** It has no queue: a hundred jobs of each second tick by themselves, and adding adds nothing. */
export async function open() {
  const app = await NestFactory.createApplicationContext(Scheduled, { logger: false });
  const registry = app.get(SchedulerRegistry);
  return {
    add: () => {},
    work(started) {
      for (let n = 0; n < JOBS; n++) {
        const job = CronJob.from({
          cronTime: '* * * * * *',
          timeZone: 'UTC',
          onTick: () => started({ due: Math.floor(Date.now() / 1000) * 1000 }),
        });
        registry.addCronJob(`job-${n}`, job);
        job.start();
      }
    },
  };
}
