import { z } from 'zod';
import { fillIn } from '../core/template.js';
import { exampleWords, wordsHelp } from './run-words.js';

/** These belong to the connection; the values of the service's own say which run it is. */
const REFUSED_NAME =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|cronzimus-.*)$/i;

const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, "A header's name is made of letters, digits and -")
  .refine((name) => !REFUSED_NAME.test(name), 'The service sets this header itself; leave it out');

const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "A header's value is one line of Latin-1 characters, without CR, LF and NUL");

const status = z.int('A status is a whole number from 200 to 599').min(200).max(599);

export const httpInput = z
  .strictObject({
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
    url: z
      .string()
      .max(8192)
      .superRefine((url, context) => {
        const message = urlFault(fillIn(url, exampleWords));
        if (message) context.addIssue({ code: 'custom', message });
      })
      .describe(`http or https, without user and password in it. Redirects are followed, up to 20. ${wordsHelp}.`)
      .meta({ examples: ['https://example.org/invoices/{{run.scheduledAt}}'] }),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe(
        `${wordsHelp}. An Idempotency-Key, User-Agent or Content-Type given here replaces the one that would be sent.`,
      )
      .meta({ examples: [{ Accept: 'application/json' }] }),
    body: z
      .unknown()
      .optional()
      .describe(`A text is sent as it is, as text/plain; any other JSON as application/json. ${wordsHelp}.`)
      .meta({ examples: [{ job: '{{job.name}}', run: '{{run.id}}' }] }),
    expectStatus: z
      .union([status, z.array(status).min(1)])
      .optional()
      .describe('The status, or the statuses, that count as success; any 2xx unless told.')
      .meta({ examples: [200, [200, 404]] }),
  })
  .superRefine(({ method, body }, context) => {
    if (body !== undefined && (method === 'GET' || method === 'HEAD'))
      context.addIssue({
        code: 'custom',
        path: ['body'],
        message: `A ${method} has no body; use POST, or leave it out`,
      });
  });

export type HttpInput = z.infer<typeof httpInput>;

/** What is wrong with a URL whose words are filled in. */
function urlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'Must be a URL such as https://example.org/hook';
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return `Must start with http:// or https://, not ${url.protocol}`;
  if (url.username || url.password)
    return 'Must not hold a user or a password, which would be shown; send an Authorization header';
  return undefined;
}
