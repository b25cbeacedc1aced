import { z } from 'zod';

export const taskView = z
  .object({
    name: z.string(),
    description: z.string(),
    transactional: z
      .boolean()
      .describe('Each attempt is one transaction, which commits together with the state `succeeded` or not at all'),
    input: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of the input'),
    workers: z.int().min(1).describe('How many live workers have the task'),
  })
  .meta({
    id: 'Task',
    description: 'Code that jobs run.',
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
