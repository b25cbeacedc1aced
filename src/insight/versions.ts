import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { rows } from '../database/transaction.js';
import { cursor, cursorInstant, decodeCursor, limit, type Page, pageOf } from '../http/page.js';
import { jobSources } from '../jobs/definition/job.entity.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { auditedJob } from '../jobs/definition/job-fields.js';
import { exampleDefinition, jobDefinition } from '../jobs/definition/job.schema.js';

export const versionsQuery = z.strictObject({ limit, cursor });
const position = z.tuple([cursorInstant, z.string().regex(/^\d{1,18}$/)]);

const definition = z
  .object({
    ...jobDefinition.shape,
    source: z.enum(jobSources),
    owner: z.string().nullable().describe('The APP_NAME that declared the job. Null for source api'),
    version: z.int(),
  })
  .meta({ id: 'KeptDefinition' });

const { timeZone, ...example } = { ...exampleDefinition.trigger };
export const versionView = z
  .object({
    jobId: z.uuid().describe('The same for all versions of a job. A job that is created again gets another'),
    version: z.int(),
    validFrom: z.date().describe('It applies to the instants after this'),
    validTo: z.date().nullable().describe('Up to and including this. Null: the current version'),
    deleted: z.boolean().describe('True if the job was deleted at validTo'),
    earlierUnknown: z.boolean().describe('True if it is not known what applied before validFrom'),
    tzVersion: z
      .string()
      .nullable()
      .describe('The time zone data with which the instants were computed. Null: unknown, or they depend on no zone'),
    definition,
    by: z
      .string()
      .nullable()
      .optional()
      .describe('Who wrote it, as in the audit; only for admins. Null: unknown, or only the time zone data are new'),
  })
  .meta({
    id: 'JobVersion',
    examples: [
      {
        jobId: '01979f1e-7a4b-7c3d-9e2f-5b6a7c8d9e0f',
        version: 3,
        validFrom: '2026-11-24T14:35:07.120Z',
        validTo: null,
        deleted: false,
        earlierUnknown: false,
        tzVersion: '2026c',
        definition: {
          ...jobDefinition.parse({ ...exampleDefinition }),
          trigger: { ...example, timeZone, startAt: null, endAt: null, jitterSeconds: 0 },
          source: 'api',
          owner: null,
          version: 3,
        },
        by: 'ci',
      },
    ],
  });
type VersionView = z.output<typeof versionView>;

/** A page of the definitions that jobs of this name have had, the newest first. `showsActors` adds who wrote them. Throws JOB_NOT_FOUND if
 *  none is kept. */
export async function listVersions(
  tx: EntityManager,
  name: string,
  query: z.output<typeof versionsQuery>,
  showsActors: boolean,
): Promise<Page<VersionView>> {
  const [at, id] = query.cursor === undefined ? [null, null] : decodeCursor(query.cursor, position);
  const found = await rows<VersionView & { id: string }>(tx, select, [name, at, id, query.limit + 1]);
  if (found.length === 0 && at === null) throw new JobNotFoundError(name);
  const page = pageOf(found, query.limit, (version) => [version.validFrom.toISOString(), version.id]);
  return {
    ...page,
    items: page.items.map(({ id: _id, by, ...version }) => ({
      ...version,
      // jsonb does not keep the order of fields.
      definition: auditedJob(version.definition),
      ...(showsActors && { by }),
    })),
  };
}

const select = `
  SELECT id, job_id AS "jobId", version, valid_from AS "validFrom", valid_to AS "validTo", deleted,
    earlier_unknown AS "earlierUnknown", tz_version AS "tzVersion", definition, by
  FROM job_versions WHERE job = $1 AND ($2::timestamptz IS NULL OR (valid_from, id) < ($2, $3::bigint))
  ORDER BY valid_from DESC, id DESC LIMIT $4`;
