import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { API } from '../database/data-source.js';
import { QueueModule } from '../replicas/replicas.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { Attempts } from './attempts.js';
import { Cancellations } from './cancellations.js';
import { DirectStarts } from './direct-starts.js';
import { Executor } from './executor.js';
import { HistoryMetrics } from './history-metrics.js';
import { PruneRuns } from './lifecycle/prune-runs.task.js';
import { RecoveryMetrics } from './recovery-metrics.js';
import { Recovery } from './recovery.js';
import { Run } from './lifecycle/run.entity.js';
import { RunMetrics } from './run-metrics.js';
import { RunLogs } from './run-logs.js';
import { RunsController } from './runs.controller.js';
import { RunsService } from './runs.service.js';
import { Slots } from './slots.js';
import { Settler } from './settler.js';
import { TaskRunner } from './task-runner.js';
import { TransactionalAttempt } from './transactional-attempt.js';
import { TransactionalDatabase } from './transactional-database.js';
import { WorkerMetrics } from './worker-metrics.js';
import { Worker } from './worker.js';

/** Runs: started from the queue, ended with a row, taken over when a process dies, read over the API, pruned in time. */
@Module({
  imports: [TypeOrmModule.forFeature([Run], API), QueueModule, TasksModule],
  controllers: [RunsController],
  providers: [
    Worker,
    Attempts,
    Cancellations,
    DirectStarts,
    Executor,
    Slots,
    TaskRunner,
    TransactionalAttempt,
    TransactionalDatabase,
    Settler,
    RunLogs,
    Recovery,
    RunsService,
    PruneRuns,
    RunMetrics,
    RecoveryMetrics,
    WorkerMetrics,
    HistoryMetrics,
  ],
  exports: [Worker, DirectStarts, Settler, RunLogs, Recovery, RunMetrics],
})
export class RunsModule {}
