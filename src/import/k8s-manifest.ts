import { z } from 'zod';
import { optional } from './import-result.js';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const list = <T extends z.ZodType>(schema: T) =>
  z
    .array(schema)
    .nullish()
    .transform((value) => value ?? []);

const container = z.object({
  image: optional(z.string()),
  command: list(text),
  args: list(text),
  env: list(
    z.object({
      name: z.string(),
      value: optional(text),
      valueFrom: optional(z.looseObject({ secretKeyRef: optional(z.object({ name: z.string(), key: z.string() })) })),
    }),
  ),
});

export type Container = z.output<typeof container>;

/** The fields of a CronJob that the import uses. */
export const cronJob = z.object({
  metadata: z.object({ labels: optional(z.record(z.string(), text)) }),
  spec: z.object({
    schedule: z.string(),
    timeZone: optional(z.string()),
    concurrencyPolicy: z.enum(['Allow', 'Forbid', 'Replace']).default('Allow'),
    startingDeadlineSeconds: optional(z.number()),
    suspend: optional(z.boolean()),
    jobTemplate: z.object({
      spec: z.object({
        backoffLimit: optional(z.number()),
        activeDeadlineSeconds: optional(z.number()),
        completions: optional(z.number()),
        parallelism: optional(z.number()),
        template: z.object({
          spec: z.object({
            activeDeadlineSeconds: optional(z.number()),
            containers: list(container),
            initContainers: list(z.unknown()),
          }),
        }),
      }),
    }),
  }),
});

export type JobSpec = z.output<typeof cronJob>['spec']['jobTemplate']['spec'];

const object = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().default('job'), namespace: optional(z.string()) }).prefault({}),
  items: z.array(z.unknown()).optional(),
});

/** Any object of Kubernetes. */
export type Manifest = z.output<typeof object>;

/** The objects of a document, including those in lists. Anything else is ignored. */
export function objectsIn(document: unknown): Manifest[] {
  const { data } = object.safeParse(document);
  if (!data) return [];
  return data.items === undefined ? [data] : data.items.flatMap(objectsIn);
}
