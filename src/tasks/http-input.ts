import { z } from 'zod';
import { fillIn } from '../core/template.js';
import { examplePlaceholderValues, placeholderHelp } from './placeholders.js';

/** Headers of the connection, and those that the service sets to identify the run. */
const REFUSED_NAME =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|cronzimus-.*)$/i;

const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'A header name consists of letters, digits and -')
  .refine((name) => !REFUSED_NAME.test(name), 'The service sets this header itself; leave it out');

const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'A header value is one line of Latin-1 characters, without CR, LF and NUL');

const status = z.int('A status is a whole number from 200 to 599').min(200).max(599);

export const httpInput = z
  .strictObject({
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
    url: z
      .string()
      .max(8192)
      .superRefine((url, context) => {
        const message = urlFault(fillIn(url, examplePlaceholderValues));
        if (message) context.addIssue({ code: 'custom', message });
      })
      .describe(`http or https, without user and password. Up to 20 redirects are followed. ${placeholderHelp}.`)
      .meta({ examples: ['https://example.org/invoices/{{run.scheduledAt}}'] }),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe(
        `${placeholderHelp}. An Idempotency-Key, User-Agent or Content-Type given here replaces the default one.`,
      )
      .meta({ examples: [{ Accept: 'application/json' }] }),
    body: z
      .unknown()
      .optional()
      .describe(`A string is sent as text/plain, any other JSON value as application/json. ${placeholderHelp}.`)
      .meta({ examples: [{ job: '{{job.name}}', run: '{{run.id}}' }] }),
    expectStatus: z
      .union([status, z.array(status).min(1)])
      .optional()
      .describe(
        'The status, or list of statuses, that counts as success. A redirect with such a status is not followed. Default: any 2xx.',
      )
      .meta({ examples: [200, [200, 404]] }),
  })
  .superRefine(({ method, body }, context) => {
    if (body !== undefined && (method === 'GET' || method === 'HEAD'))
      context.addIssue({
        code: 'custom',
        path: ['body'],
        message: `${method} has no body; use POST, or leave the body out`,
      });
  });

export type HttpInput = z.infer<typeof httpInput>;

/** What is wrong with a URL whose placeholders are replaced. */
function urlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'Must be a URL such as https://example.org/hook';
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return `Must start with http:// or https://, not ${url.protocol}`;
  if (url.username || url.password)
    return 'Must not contain a user or a password, which everyone could read; use an Authorization header';
  return undefined;
}
