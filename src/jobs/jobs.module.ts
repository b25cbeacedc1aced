import { Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TypeOrmModule } from '@nestjs/typeorm';
import { API, SCHEDULER } from '../database/data-source.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { RunsModule } from '../runs/runs.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { Alarms } from './dispatch/alarms.js';
import { BackfillController } from './api/backfill.controller.js';
import { Backfill } from './api/backfill.service.js';
import { CodeJobs } from './declared/code-jobs.js';
import { DatabaseClock } from './dispatch/database-clock.js';
import { Declarations } from './declared/declarations.js';
import { DeclaredJobs } from './declared/sync-declared-jobs.js';
import { EachJobMetrics } from './dispatch/each-job-metrics.js';
import { DispatchLoop } from './dispatch/dispatch-loop.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { Job } from './definition/job.entity.js';
import { JobDefinitionsController } from './api/job-definitions.controller.js';
import { JobDefinitions } from './api/job-definitions.service.js';
import { JobEditor } from './store/job-editor.js';
import { JobFactory } from './dispatch/job.factory.js';
import { JobsController } from './api/jobs.controller.js';
import { JobsExport } from './file/jobs-export.js';
import { JobsFile } from './file/jobs-file.js';
import { JobsFileController } from './api/jobs-file.controller.js';
import { JobsFileMetrics } from './file/jobs-file-metrics.js';
import { JobsFileWatch } from './file/jobs-file-watch.js';
import { JobsImport } from './file/jobs-import.js';
import { JobsMetrics } from './dispatch/jobs-metrics.js';
import { Jobs } from './api/jobs.js';
import { JobsService } from './api/jobs.service.js';
import { TriggersController } from './api/triggers.controller.js';

/** A stray @Cron would tick in every process; jobs are declared with @Task. */
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
  controllers: [JobsController, JobDefinitionsController, BackfillController, JobsFileController, TriggersController],
  providers: [
    Jobs,
    JobsService,
    Dispatcher,
    DispatchLoop,
    Alarms,
    JobFactory,
    DatabaseClock,
    JobDefinitions,
    Backfill,
    JobEditor,
    Declarations,
    DeclaredJobs,
    CodeJobs,
    JobsFile,
    JobsFileWatch,
    JobsImport,
    JobsExport,
    JobsMetrics,
    EachJobMetrics,
    JobsFileMetrics,
  ],
  exports: [Jobs, JobsService, Declarations, DatabaseClock, DispatchLoop, Dispatcher],
})
export class JobsModule {}
