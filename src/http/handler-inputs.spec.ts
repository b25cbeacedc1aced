import { Body, createParamDecorator, type ExecutionContext, Param, Query } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { inputsOf } from './handler-inputs.js';

class Things {
  withQuery() {}
  withBody() {}
  withBoth() {}
  withNeither() {}
  withoutParameters() {}
  withCustomDecorator() {}
}
Query()(Things.prototype, 'withQuery', 0);
Body()(Things.prototype, 'withBody', 0);
Body()(Things.prototype, 'withBoth', 0);
Query('limit')(Things.prototype, 'withBoth', 1);
Param('name')(Things.prototype, 'withNeither', 0);
decoratorThatLooksLikeBody()(Things.prototype, 'withCustomDecorator', 0);

/** Nest names the type of a custom decorator with a random text. This one begins with the number that stands for a body. */
function decoratorThatLooksLikeBody(): ParameterDecorator {
  for (;;) {
    class Probe {
      handle() {}
    }
    const decorator = createParamDecorator(() => null)();
    decorator(Probe.prototype, 'handle', 0);
    const [key = ''] = Object.keys(Reflect.getMetadata(ROUTE_ARGS_METADATA, Probe, 'handle') as object);
    if (key.startsWith(String(RouteParamtypes.BODY)) && !/^\d+:/.test(key)) return decorator;
  }
}

describe('the inputs of a handler, in the metadata that Nest keeps privately', () => {
  it.each<[keyof Things, boolean, boolean]>([
    ['withQuery', true, false],
    ['withBody', false, true],
    ['withBoth', true, true],
    ['withNeither', false, false],
    ['withoutParameters', false, false],
    ['withCustomDecorator', false, false],
  ])('%s: query %p, body %p', (handler, query, body) => {
    const context = {
      getClass: () => Things,
      // oxlint-disable-next-line typescript/unbound-method -- only its name is read
      getHandler: () => Things.prototype[handler],
    } as unknown as ExecutionContext;
    expect(inputsOf(context)).toEqual({ query, body });
  });
});
