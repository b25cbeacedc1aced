import type { Json } from '../core/json.js';
import { NotImported } from './found.js';
import { ANY_STATUS, httpInputOf, type Headers, type HttpCall } from './http-call.js';

type Values = Record<string, Json>;

/** The request that a Python function makes with these arguments: those of `requests`, and urllib's `urlopen`. */
export function callOfPython(func: string, args: Json[], kwargs: Values): HttpCall {
  const method = /^requests(?:\.api)?:(get|head|post|put|patch|delete|options)$/.exec(func)?.[1];
  if (method === undefined && func !== 'urllib.request:urlopen')
    throw new NotImported(
      `"${func}" is Python; write a task for it, or let the old service run it with --scheduler-api`,
    );
  const { url = args[0], headers = {}, json, data, params, timeout, ...others } = kwargs;
  const [other] = [...Object.keys(others), ...(args.length > 1 ? ['args'] : [])];
  if (other !== undefined) throw new NotImported(`"${func}" with ${other} is no plain request; write a task for it`);
  if (typeof url !== 'string') throw new NotImported(`"${func}" has no URL`);
  if (!isStrings(headers)) throw new NotImported(`"${func}" has headers that are no texts`);
  const form = data !== undefined && data !== null && typeof data !== 'string';
  if (form && !isStrings(data)) throw new NotImported(`"${func}" has data that are no texts`);
  const body = json ?? (form ? String(new URLSearchParams(data)) : data) ?? undefined;
  return {
    input: httpInputOf(
      method?.toUpperCase() ?? (body === undefined ? 'GET' : 'POST'),
      withParams(url, params),
      form ? { 'Content-Type': 'application/x-www-form-urlencoded', ...headers } : headers,
      body,
    ),
    ...(typeof timeout === 'number' && { timeoutSeconds: timeout }),
    changes: method === undefined ? [] : [ANY_STATUS(func)],
  };
}

function withParams(url: string, params: Json | undefined): string {
  if (params === undefined || params === null) return url;
  if (!isStrings(params)) throw new NotImported('its params are no texts');
  return `${url}${url.includes('?') ? '&' : '?'}${String(new URLSearchParams(params))}`;
}

const isStrings = (value: Json): value is Headers =>
  value !== null && typeof value === 'object' && Object.values(value).every((item) => typeof item === 'string');
