import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';

const inAnotherProcess = (script) => spawnSync(process.execPath, ['-e', script]);

it('silent', () => {});
it('a deprecation', () => process.emitWarning('of an old call', 'DeprecationWarning'));
it('too many listeners', () => {
  const emitter = new EventEmitter();
  for (let n = 0; n < 11; n += 1) emitter.on('event', () => undefined);
});
it('a deprecation in another process', () => inAnotherProcess('new Buffer(1)'));
it('an experiment of Node in another process', () => inAnotherProcess('require("node:wasi")'));
