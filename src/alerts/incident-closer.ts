import type { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { Channels } from '../channels/channels.js';
import { databaseNow } from '../database/database-now.js';
import { jobsById } from './ended-runs.js';
import { closeIncidents, type ClosableIncident, findClosable, openOfChangedJobs } from './incidents.js';

const MAX_INCIDENTS = 2_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Closes incidents, and decides which channels are notified of it. Its callers hold the lock of the evaluator. */
export class IncidentCloser {
  /** Where the search for incidents that are over goes on. */
  private searchedUpTo = FIRST_ID;

  constructor(
    private readonly channels: Channels,
    private readonly logger: PinoLogger,
  ) {}

  /** Closes the incidents that are over, of a part of them. Returns whether that was the last part. */
  async closeOver(tx: EntityManager, now: Date): Promise<boolean> {
    const { closable, end } = await findClosable(tx, this.searchedUpTo, MAX_INCIDENTS);
    this.searchedUpTo = end ?? FIRST_ID;
    await this.close(tx, now, closable);
    return end === null;
  }

  /** Closes the incidents of jobs that no longer have the alert. */
  async closeRemoved(tx: EntityManager, since: Date | null): Promise<void> {
    const open = await openOfChangedJobs(tx, since);
    if (open.length === 0) return;
    const alerts = await this.alertsOf(tx, open);
    const removed = open.filter(({ jobId, condition }) => !alerts.get(jobId)?.some(({ when }) => when === condition));
    await this.close(
      tx,
      await databaseNow(tx),
      removed.map((incident) => ({ ...incident, reason: 'alert_removed' as const })),
    );
  }

  private async close(tx: EntityManager, now: Date, incidents: ClosableIncident[]): Promise<void> {
    if (incidents.length === 0) return;
    const alerts = await this.alertsOf(tx, incidents);
    await closeIncidents(
      tx,
      now,
      incidents.map((incident) => ({
        ...incident,
        channels: this.channelsOfEnd(incident, alerts.get(incident.jobId)),
      })),
    );
    for (const { job, condition, id, reason } of incidents)
      this.logger.info({ job, condition, incident: id, reason }, 'incident closed');
  }

  /** PagerDuty always learns that an incident is over. Other channels do so if the job has an alert for that, which it cannot have
   *  without one for failures. So nobody else is notified when the alert is removed or the job is deleted. */
  private channelsOfEnd(
    { condition, channels }: ClosableIncident,
    alerts: ReturnType<Channels['alertsOf']> = [],
  ): string[] {
    const notified = channels.filter((name) => this.channels.typeOf(name) === 'pagerduty');
    const recovered = alerts.find(({ when }) => when === 'recovered');
    if (condition === 'failed' && recovered) notified.push(...(recovered.to ?? channels));
    return [...new Set(notified)];
  }

  private async alertsOf(tx: EntityManager, incidents: { jobId: string }[]) {
    const jobs = await jobsById(
      tx,
      incidents.map(({ jobId }) => jobId),
    );
    return new Map([...jobs].map(([id, job]) => [id, this.channels.alertsOf(job)]));
  }
}
