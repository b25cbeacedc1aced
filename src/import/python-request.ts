import type { Json } from '../core/json.js';
import { anyStatus, FORM_TYPE, httpInputOf, type Headers, type HttpRequest } from './http-request.js';
import { NotImportableError } from './import-result.js';

/** The request that a Python function sends when it is called with these arguments: one of `requests`, or urllib's
 *  `urlopen`. */
export function pythonRequest(func: string, args: Json[], kwargs: Record<string, Json>): HttpRequest {
  const method = /^requests(?:\.api)?:(get|head|post|put|patch|delete|options)$/.exec(func)?.[1];
  if (method === undefined && func !== 'urllib.request:urlopen')
    throw new NotImportableError(
      `"${func}" is Python code; write a task for it, or let the old service run it with --scheduler-api`,
    );
  const { url = args[0], headers = {}, json, data, params, timeout, ...others } = kwargs;
  const [other] = [...Object.keys(others), ...(args.length > 1 ? ['args'] : [])];
  if (other !== undefined)
    throw new NotImportableError(
      `"${func}" has the argument ${other}, which the task http has nothing for; write a task`,
    );
  if (typeof url !== 'string') throw new NotImportableError(`"${func}" has no URL`);
  if (!isRecordOfStrings(headers)) throw new NotImportableError(`"${func}" has headers that are not strings`);
  const isForm = data !== undefined && data !== null && typeof data !== 'string';
  if (isForm && !isRecordOfStrings(data)) throw new NotImportableError(`"${func}" has data that are not strings`);
  const body = json ?? (isForm ? String(new URLSearchParams(data)) : data) ?? undefined;
  return {
    input: httpInputOf(
      method?.toUpperCase() ?? (body === undefined ? 'GET' : 'POST'),
      withParams(url, params),
      isForm ? { 'Content-Type': FORM_TYPE, ...headers } : headers,
      body,
    ),
    ...(typeof timeout === 'number' && { timeoutSeconds: timeout }),
    changes: method === undefined ? [] : [anyStatus(func)],
  };
}

function withParams(url: string, params: Json | undefined): string {
  if (params === undefined || params === null) return url;
  if (!isRecordOfStrings(params)) throw new NotImportableError('its params are not strings');
  return `${url}${url.includes('?') ? '&' : '?'}${String(new URLSearchParams(params))}`;
}

const isRecordOfStrings = (value: Json): value is Headers =>
  value !== null && typeof value === 'object' && Object.values(value).every((item) => typeof item === 'string');
