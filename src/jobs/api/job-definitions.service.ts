import { Injectable } from '@nestjs/common';
import type { Actor } from '../../auth/actor.js';
import { Channels } from '../../channels/channels.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { checkPreconditions, type Preconditions } from '../../http/preconditions.js';
import { notify } from '../../replicas/notify.js';
import { publishedTasks } from '../../tasks/published-tasks.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import type { Job } from '../definition/job.entity.js';
import {
  JobExistsError,
  JobManagedElsewhereError,
  JobNotFoundError,
  JobRenamedError,
  TriggerInPastError,
} from '../definition/job-errors.js';
import { type JobDefinition, type WrittenDefinition } from '../definition/job.schema.js';
import { withPause } from '../store/complete-definition.js';
import { JobStore } from '../store/job-store.js';
import { applyPatch, type JobBody, type JobPatch } from './job-body.js';
import { etagOf, type JobView } from './job.view.js';
import { viewsOf } from './list-jobs.js';

export interface SavedView {
  job: JobView;
  created: boolean;
}

/** An edit may first dispatch a long backlog, and a deletion may cancel thousands of runs. */
const MAX_STATEMENT_MS = 30_000;

/** Creates, changes and deletes jobs of source `api`. Every edit throws UNKNOWN_TASK, INVALID_INPUT, UNKNOWN_CHANNEL
 *  and TRIGGER_IN_PAST. */
@Injectable()
export class JobDefinitionsService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly tasks: TaskRegistry,
    private readonly store: JobStore,
    private readonly channels: Channels,
  ) {}

  /** Throws JOB_EXISTS. */
  create(name: string, actor: Actor, definition: WrittenDefinition): Promise<SavedView> {
    return this.save(name, actor, (stored) => {
      if (stored) throw new JobExistsError(name);
      return definition;
    });
  }

  /** Creates the job or replaces its definition. Throws JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED. */
  put(name: string, actor: Actor, body: JobBody, preconditions: Preconditions): Promise<SavedView> {
    refuseRenaming(name, body.name);
    return this.save(name, actor, (stored) => {
      if (stored) refuseForeign(stored);
      checkPreconditions(stored ? etagOf(stored) : null, preconditions);
      return body;
    });
  }

  /** Throws JOB_NOT_FOUND, JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED, INVALID_BODY. */
  patch(name: string, actor: Actor, patch: JobPatch, preconditions: Preconditions): Promise<SavedView> {
    refuseRenaming(name, patch['name']);
    return this.save(name, actor, (stored) => applyPatch(editable(name, stored, preconditions), patch));
  }

  /** Throws JOB_NOT_FOUND, JOB_MANAGED_ELSEWHERE, PRECONDITION_FAILED. */
  delete(name: string, actor: Actor, preconditions: Preconditions): Promise<void> {
    return this.database.transaction(async (tx) => {
      const stored = (await this.store.lock(tx, [name])).get(name);
      const job = editable(name, stored, preconditions);
      await this.store.deleteJobs(tx, () => actor, [job], await databaseNow(tx));
      await notify(tx, 'jobs');
    }, MAX_STATEMENT_MS);
  }

  /** `edit` gets the stored job, locked, and returns its new definition, or throws to refuse the edit. */
  private save(name: string, actor: Actor, edit: (stored: Job | undefined) => WrittenDefinition): Promise<SavedView> {
    return this.database.transaction(async (tx) => {
      const { change, after } = await this.store.saveJob(tx, actor, name, async (stored, now) => {
        const definition = withPause(edit(stored), stored);
        await this.tasks.validate(definition.task, definition.input, () => publishedTasks(tx));
        this.channels.check(definition);
        refusePastDate(definition, stored, now);
        return { name, definition, source: 'api', owner: null };
      });
      if (change !== 'unchanged') await notify(tx, 'jobs');
      const [job] = await viewsOf(tx, [after]);
      return { job: job!, created: change === 'created' };
    }, MAX_STATEMENT_MS);
  }
}

function editable(name: string, stored: Job | undefined, preconditions: Preconditions): Job {
  if (!stored) throw new JobNotFoundError(name);
  refuseForeign(stored);
  checkPreconditions(etagOf(stored), preconditions);
  return stored;
}

function refuseRenaming(name: string, sent: unknown): void {
  if (sent !== undefined && sent !== name) throw new JobRenamedError(name);
}

function refuseForeign({ name, source, owner }: Job): void {
  if (source !== 'api') throw new JobManagedElsewhereError(name, source, owner);
}

/** A stored date that has passed may stay, so that the rest of the job can change. */
function refusePastDate({ trigger }: JobDefinition, stored: Job | undefined, now: Date): void {
  if (trigger.type !== 'date' || Date.parse(trigger.at) > now.getTime()) return;
  if (stored?.trigger.type === 'date' && Date.parse(stored.trigger.at) === Date.parse(trigger.at)) return;
  throw new TriggerInPastError(trigger.at);
}
