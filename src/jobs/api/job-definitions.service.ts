import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { checkPreconditions, type Preconditions } from '../../http/preconditions.js';
import { notify } from '../../replicas/notify.js';
import { publishedTasks } from '../../tasks/published-tasks.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import { type JobBody, type JobPatch, JobRenamedError, patched } from '../definition/job-body.js';
import { JobEditor } from '../store/job-editor.js';
import { JobExistsError, JobNotFoundError, JobOfSourceError, TriggerInPastError } from '../definition/job-errors.js';
import type { Job } from '../definition/job.entity.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { etagOf, type JobView } from '../definition/job.view.js';
import { viewsOf } from './list-jobs.js';

export interface SavedJob {
  job: JobView;
  created: boolean;
}

/** What becomes of the stored job; throws where it is not to change. */
type Change = (job: Job | undefined) => JobDefinition;

/** A long backlog is disposed of first, or thousands of runs are cancelled. */
const LONGEST_STATEMENT_MS = 30_000;

/** The definitions of the API's own jobs, for whoever edits them. Throws UNKNOWN_TASK, INVALID_INPUT and TRIGGER_IN_PAST. */
@Injectable()
export class JobDefinitions {
  constructor(
    private readonly database: ApiDatabase,
    private readonly tasks: TaskRegistry,
    private readonly editor: JobEditor,
  ) {}

  /** Throws JOB_EXISTS. */
  create(name: string, actor: Actor, definition: JobDefinition): Promise<SavedJob> {
    return this.save(name, actor, (job) => {
      if (job) throw new JobExistsError(name);
      return definition;
    });
  }

  /** Makes the job what is sent, whatever it was. Throws JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED. */
  put(name: string, actor: Actor, body: JobBody, preconditions: Preconditions): Promise<SavedJob> {
    refuseRenaming(name, body.name);
    return this.save(name, actor, (job) => {
      if (job) refuseForeign(job);
      checkPreconditions(job ? etagOf(job) : null, preconditions);
      return body;
    });
  }

  /** Throws JOB_NOT_FOUND, JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED, INVALID_BODY. */
  patch(name: string, actor: Actor, patch: JobPatch, preconditions: Preconditions): Promise<SavedJob> {
    refuseRenaming(name, patch['name']);
    return this.save(name, actor, (job) => patched(this.editable(name, job, preconditions), patch));
  }

  /** Throws JOB_NOT_FOUND, JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED. */
  delete(name: string, actor: Actor, preconditions: Preconditions): Promise<void> {
    return this.database.transaction(async (tx) => {
      const job = this.editable(name, (await this.editor.lock(tx, [name])).get(name), preconditions);
      await this.editor.remove(tx, () => actor, [job], await databaseNow(tx));
      await notify(tx, 'jobs');
    }, LONGEST_STATEMENT_MS);
  }

  private save(name: string, actor: Actor, change: Change): Promise<SavedJob> {
    return this.database.transaction(async (tx) => {
      const edit = await this.edit(tx, actor, name, change);
      if (edit.change !== 'unchanged') await notify(tx, 'jobs');
      const [job] = await viewsOf(tx, [edit.after]);
      return { job: job!, created: edit.change === 'created' };
    }, LONGEST_STATEMENT_MS);
  }

  private async edit(tx: EntityManager, actor: Actor, name: string, change: Change) {
    for (;;) {
      const job = (await this.editor.lock(tx, [name])).get(name);
      const definition = change(job);
      await this.tasks.validate(definition.task, definition.input, () => publishedTasks(tx));
      const now = await databaseNow(tx);
      refusePast(definition, job, now);
      const edit = await this.editor.save(tx, actor, { name, definition, source: 'api', owner: null }, job, now);
      if (edit) return edit;
    }
  }

  private editable(name: string, job: Job | undefined, preconditions: Preconditions): Job {
    if (!job) throw new JobNotFoundError(name);
    refuseForeign(job);
    checkPreconditions(etagOf(job), preconditions);
    return job;
  }
}

function refuseRenaming(name: string, sent: unknown): void {
  if (sent !== undefined && sent !== name) throw new JobRenamedError(name);
}

function refuseForeign({ name, source, owner }: Job): void {
  if (source !== 'api') throw new JobOfSourceError(name, source, owner);
}

/** A date that is stored may pass, and the rest of its job be edited. */
function refusePast({ trigger }: JobDefinition, job: Job | undefined, now: Date): void {
  if (trigger.type !== 'date' || Date.parse(trigger.at) > now.getTime()) return;
  if (job?.trigger.type === 'date' && Date.parse(job.trigger.at) === Date.parse(trigger.at)) return;
  throw new TriggerInPastError(trigger.at);
}
