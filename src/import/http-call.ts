import type { Json } from '../core/json.js';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';

/** A request for the task `http`, and what else of a job its command line says. */
export interface HttpCall extends Pick<JobDefinitionInput, 'timeoutSeconds' | 'retry'> {
  input: { [key: string]: Json };
  changes: string[];
}

/** The fields of the task's input, those left out that say what holds anyway. */
export function httpInputOf(method: string, url: string, headers: Headers, body?: Json): HttpCall['input'] {
  return {
    ...(method !== 'GET' && { method }),
    url,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
  };
}

export type Headers = Record<string, string>;

/** The key under which a header stands, whatever its case. */
export const headerKey = (headers: Headers, name: string): string =>
  Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;

/** Sets a header unless it is there. */
export function addHeader(headers: Headers, name: string, value: string): void {
  headers[headerKey(headers, name)] ??= value;
}

export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export const ANY_STATUS = (program: string): string =>
  `${program} took any status for a success; here it is 2xx unless expectStatus says otherwise`;

/** JSON as a value where the text says no more than it, so that it reads well; else the text. */
export function bodyOf(text: string, contentType: string | undefined): Json {
  if (!contentType || !/^application\/([\w.-]+\+)?json\b/i.test(contentType)) return text;
  try {
    const value = JSON.parse(text) as Json;
    const dense = text.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_all, string: string | undefined) => string ?? '');
    return typeof value === 'object' && JSON.stringify(value) === dense ? value : text;
  } catch {
    return text;
  }
}
