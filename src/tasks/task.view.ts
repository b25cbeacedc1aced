import { z } from 'zod';

export const taskView = z
  .object({
    name: z.string(),
    description: z.string(),
    transactional: z
      .boolean()
      .describe('What an attempt writes through its transaction and `succeeded` commit together, or not at all'),
    input: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of the input that a job may give'),
    workers: z.int().min(1).describe('How many live workers know it'),
  })
  .meta({
    id: 'Task',
    description: 'Code that jobs can run.',
    examples: [
      {
        name: 'greet',
        description: '',
        transactional: false,
        input: { type: 'object', properties: { name: { type: 'string' } } },
        workers: 3,
      },
    ],
  });

export type TaskView = z.infer<typeof taskView>;
