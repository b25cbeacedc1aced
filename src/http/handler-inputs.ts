import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** Whether the parameters of a request handler include its query and its body.
 *
 *  Nest has no public way to ask, so this is the only place that reads Nest's metadata. Nest keeps it at the controller class under the
 *  handler's name, with keys `<type>:<index>`. A custom decorator has a random text for its type, which may begin with a digit.
 *  handler-inputs.spec.ts fails when an update of Nest changes this. */
export function inputsOf(context: ExecutionContext): { query: boolean; body: boolean } {
  const metadata: object =
    Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ?? {};
  const types = new Set(Object.keys(metadata).map((key) => Number(key.split(':')[0])));
  return { query: types.has(RouteParamtypes.QUERY), body: types.has(RouteParamtypes.BODY) };
}
