import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import type { Json } from '../core/json.js';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { NotImportableError } from './import-result.js';
import { hasPlaceholder } from './secret-placeholders.js';

/** What a command says about a job: the input of the task `http`, and the limits it sets. */
export interface HttpRequest extends Pick<JobDefinitionInput, 'timeoutSeconds' | 'retry'> {
  input: { [key: string]: Json };
  /** How the job differs from the command. */
  changes: string[];
}

export type Headers = Record<string, string>;

/** The input of the task `http`, without the fields that equal their defaults. */
export function httpInputOf(method: string, url: string, headers: Headers, body?: Json): HttpRequest['input'] {
  return {
    ...(method !== 'GET' && { method }),
    url,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
  };
}

/** The body as a JSON value when the headers call it JSON and the value says the same as the text, so that it is easy to
 *  read; otherwise the text. */
export function bodyOf(text: string, headers: Headers): Json {
  const contentType = headers[headerKey(headers, 'Content-Type')];
  if (!contentType || !/^application\/([\w.-]+\+)?json\b/i.test(contentType)) return text;
  try {
    const value = JSON.parse(text) as Json;
    const withoutSpace = text.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_all, string: string | undefined) => string ?? '');
    return typeof value === 'object' && JSON.stringify(value) === withoutSpace ? value : text;
  } catch {
    return text;
  }
}

/** The key of a header in `headers`, ignoring case; `name` when it is not there. */
export const headerKey = (headers: Headers, name: string): string =>
  Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;

/** Adds a header unless there is one of that name. */
export function addHeader(headers: Headers, name: string, value: string): void {
  headers[headerKey(headers, name)] ??= value;
}

export const FORM_TYPE = 'application/x-www-form-urlencoded';

export const invalidHeader = (line: string): NotImportableError =>
  new NotImportableError(`"${line.split(' ')[0]}" is not a header such as "Accept: text/plain"`);

/** The value of an Authorization header. Throws a NotImportableError when a part comes from a secret. */
export function basicAuth(user: string, password: string): string {
  if (hasPlaceholder(user + password))
    throw new NotImportableError(
      'a user or password from a secret: store the whole "Basic …" as a secret, for an Authorization header',
    );
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Programs take a URL without a scheme as http. */
export const withScheme = (url: string): string => (/^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`);

export const anyStatus = (program: string): string =>
  `${program} accepts any status; the job expects 2xx unless you set expectStatus`;

export const NOT_IN_A_FILE = 'the response is kept with the run, not in a file';

/** Parses the options of a program. Throws a NotImportableError for an option that is not in `options`, for one without
 *  its value, and unless there is exactly one URL. `--url` and positional arguments count as URLs. */
export function parseOptions<T extends ParseArgsOptionsConfig>(program: string, args: string[], options: T) {
  const { values, positionals, tokens } = parseArgs({
    args,
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = tokens.filter((token) => token.kind === 'option');
  for (const { name, rawName, value } of given) {
    if (!Object.hasOwn(options, name)) throw new NotImportableError(`${program}'s ${rawName} is not supported`);
    if (options[name]!.type === 'string' && value === undefined)
      throw new NotImportableError(`${program}'s ${rawName} needs a value`);
  }
  const urls = [...given.flatMap(({ name, value }) => (name === 'url' ? [value!] : [])), ...positionals];
  if (urls.length !== 1)
    throw new NotImportableError(`${program} has ${urls.length === 0 ? 'no URL' : `${urls.length} URLs`}`);
  return { values: values as OptionValues<T>, options: given, url: urls[0]! };
}

type OptionValues<T extends ParseArgsOptionsConfig> = {
  [Name in keyof T]?: T[Name]['type'] extends 'boolean'
    ? boolean
    : T[Name] extends { multiple: true }
      ? string[]
      : string;
};
