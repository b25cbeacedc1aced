import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { API } from '../database/data-source.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { Attempts } from './worker/attempts.js';
import { Cancellations } from './worker/cancellations.js';
import { DirectStarts } from './worker/direct-starts.js';
import { ClaimedAhead } from './worker/claimed-ahead.js';
import { Executor } from './worker/executor.js';
import { HistoryMetrics } from './api/history-metrics.js';
import { PruneRuns } from './lifecycle/prune-runs.task.js';
import { DataLosses } from './recovery/data-losses.js';
import { RecoveryMetrics } from './recovery/recovery-metrics.js';
import { Recovery } from './recovery/recovery.js';
import { Run } from './lifecycle/run.entity.js';
import { RunMetrics } from './worker/run-metrics.js';
import { RunLogs } from './worker/run-logs.js';
import { RunsController } from './api/runs.controller.js';
import { RunsService } from './api/runs.service.js';
import { StartMarks } from './worker/start-marks.js';
import { StartedRuns } from './worker/started-runs.js';
import { Slots } from './worker/slots.js';
import { Settler } from './worker/settler.js';
import { TaskRunner } from './worker/task-runner.js';
import { TransactionalAttempt } from './worker/transactional-attempt.js';
import { TransactionalDatabase } from './worker/transactional-database.js';
import { WorkerMetrics } from './worker/worker-metrics.js';
import { Worker } from './worker/worker.js';

/** Runs: the worker starts and settles them, recovery takes them over when a process dies, and the API reads and
 *  cancels them. */
@Module({
  imports: [TypeOrmModule.forFeature([Run], API), ReplicasModule, TasksModule],
  controllers: [RunsController],
  providers: [
    Worker,
    Attempts,
    Cancellations,
    ClaimedAhead,
    DirectStarts,
    Executor,
    Slots,
    StartMarks,
    StartedRuns,
    TaskRunner,
    TransactionalAttempt,
    TransactionalDatabase,
    Settler,
    RunLogs,
    Recovery,
    DataLosses,
    RunsService,
    PruneRuns,
    RunMetrics,
    RecoveryMetrics,
    WorkerMetrics,
    HistoryMetrics,
  ],
  exports: [Worker, DirectStarts, Settler, RunLogs, Recovery, RunMetrics, PruneRuns],
})
export class RunsModule {}
