import { Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TypeOrmModule } from '@nestjs/typeorm';
import { API, SCHEDULER } from '../database/data-source.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { PruneRuns } from '../runs/lifecycle/prune-runs.task.js';
import { RunsModule } from '../runs/runs.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { BackfillController } from './api/backfill.controller.js';
import { Backfill } from './api/backfill.service.js';
import { JobDefinitionsController } from './api/job-definitions.controller.js';
import { JobDefinitionsService } from './api/job-definitions.service.js';
import { JobsFileController } from './api/jobs-file.controller.js';
import { Jobs } from './api/jobs-in-code.js';
import { JobsController } from './api/jobs.controller.js';
import { JobsService } from './api/jobs.service.js';
import { RetryController } from './api/retry.controller.js';
import { Retry } from './api/retry.service.js';
import { TriggersController } from './api/triggers.controller.js';
import { CodeJobs } from './declared/code-jobs.js';
import { Declarations } from './declared/declarations.js';
import { DeclaredJobs } from './declared/sync-declared-jobs.js';
import { Job } from './definition/job.entity.js';
import { Alarms } from './dispatch/alarms.js';
import { DatabaseClock } from './dispatch/database-clock.js';
import { DispatchLoop } from './dispatch/dispatch-loop.js';
import { ZoneDataUpdate } from './dispatch/zone-data-update.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { EachJobMetrics } from './dispatch/each-job-metrics.js';
import { JobFactory } from './dispatch/job.factory.js';
import { JobsMetrics } from './dispatch/jobs-metrics.js';
import { PauseEnds } from './dispatch/pause-ends.js';
import { JobsExport } from './file/jobs-export.js';
import { JobsFileMetrics } from './file/jobs-file-metrics.js';
import { JobsFileParser } from './file/jobs-file-parser.js';
import { JobsFileWatch } from './file/jobs-file-watch.js';
import { JobsImport } from './file/jobs-import.js';
import { prunePauses } from './history/job-pauses.js';
import { pruneVersions } from './history/job-versions.js';
import { JobStore } from './store/job-store.js';

/** @Cron, @Interval and @Timeout would run in every process, so they are off: jobs are declared with @Task. */
const noDecoratedTimers = { cronJobs: false, intervals: false, timeouts: false };

/** Job definitions, and the dispatcher that turns due occurrences into runs. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forFeature([Job], API),
    TypeOrmModule.forFeature([Job], SCHEDULER),
    ScheduleModule.forRoot(noDecoratedTimers),
    ReplicasModule,
    RunsModule,
    TasksModule,
  ],
  controllers: [
    JobsController,
    JobDefinitionsController,
    BackfillController,
    RetryController,
    JobsFileController,
    TriggersController,
  ],
  providers: [
    Jobs,
    JobsService,
    Dispatcher,
    ZoneDataUpdate,
    PauseEnds,
    DispatchLoop,
    Alarms,
    JobFactory,
    DatabaseClock,
    JobDefinitionsService,
    Backfill,
    Retry,
    JobStore,
    Declarations,
    DeclaredJobs,
    CodeJobs,
    JobsFileParser,
    JobsFileWatch,
    JobsImport,
    JobsExport,
    JobsMetrics,
    EachJobMetrics,
    JobsFileMetrics,
  ],
  exports: [Jobs, JobsService, Declarations, DatabaseClock, DispatchLoop, Dispatcher],
})
export class JobsModule {
  constructor(pruneRuns: PruneRuns) {
    // They explain runs, so they are kept as long.
    pruneRuns.alsoPrune(pruneVersions, prunePauses);
  }
}
