import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { of } from 'rxjs';
import { API } from './api.js';
import { UnreadParts } from './unread-parts.js';

/** Nest gives each a random word: one that begins with the number by which it means a body. */
function decoratorThatLooksLikeABody(): ParameterDecorator {
  for (;;) {
    class Probe {
      handle() {}
    }
    const decorator = createParamDecorator(() => null)();
    decorator(Probe.prototype, 'handle', 0);
    const [key] = Object.keys(Reflect.getMetadata(ROUTE_ARGS_METADATA, Probe, 'handle') as object);
    if (/^3\D/.test(key!)) return decorator;
  }
}

it("takes no parameter of a user's decorator for a body, whatever Nest calls it", () => {
  class Things {
    pause() {}
  }
  decoratorThatLooksLikeABody()(Things.prototype, 'pause', 0);
  const request = { path: `/${API}/things`, method: 'POST', query: {}, body: { paused: true } };
  const context = {
    getClass: () => Things,
    // oxlint-disable-next-line typescript/unbound-method -- only its name is read
    getHandler: () => Things.prototype.pause,
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
  expect(() => new UnreadParts().intercept(context, { handle: () => of() })).toThrow('paused');
});
