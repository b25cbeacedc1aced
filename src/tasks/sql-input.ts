import { z } from 'zod';
import { wordsHelp } from './run-words.js';
import { transactionHelp } from './sql-errors.js';
import { transactionKeyword } from './sql-keyword.js';

export const sqlInput = z.strictObject({
  statement: z
    .string()
    .min(1)
    .max(100_000)
    .superRefine((statement, context) => {
      const keyword = transactionKeyword(statement);
      if (keyword) context.addIssue({ code: 'custom', message: `${keyword} is refused; ${transactionHelp}` });
    })
    .describe('One statement, without transaction control. Values are written $1, $2, …')
    .meta({ examples: ['DELETE FROM carts WHERE updated_at < now() - $1::interval AND country = $2'] }),
  values: z
    .array(z.unknown())
    .max(1000)
    .default([])
    .describe(
      `The values of $1, $2, …, bound and never spliced. A list or an object is bound as JSON text, for json and jsonb; \
a PostgreSQL array is written as its text, such as "{1,2}". In texts, ${wordsHelp}.`,
    )
    .meta({ examples: [['90 days', 'DE']] }),
});

export type SqlInput = z.infer<typeof sqlInput>;
