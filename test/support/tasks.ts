import { once } from 'node:events';
import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import type { RunContext } from '../../src/tasks/run-context.js';
import { Task, type TaskHandler } from '../../src/tasks/task.decorator.js';

const echo = z.strictObject({ text: z.string().describe('What to answer.'), times: z.int().min(1).default(1) });

/** Logs its input and returns it. */
@Injectable()
@Task({ name: 'echo', description: 'Answers with its input.', input: echo })
export class Echo implements TaskHandler<typeof echo> {
  run({ text, times }: z.infer<typeof echo>, { log, attempt }: RunContext) {
    log.info({ attempt }, `echoing ${text}`);
    return { text: text.repeat(times) };
  }
}

const fail = z.strictObject({ attempts: z.int().default(100) });

/** Fails in its first attempts; by default in all of them. */
@Injectable()
@Task({ name: 'fail', input: fail })
export class Fail implements TaskHandler<typeof fail> {
  run({ attempts }: z.infer<typeof fail>, { attempt }: RunContext) {
    if (attempt <= attempts) throw Object.assign(new Error(`attempt ${attempt} failed`), { code: 'E_FAILED' });
    return attempt;
  }
}

/** Waits for its signal, and logs the code of its reason. */
@Injectable()
@Task({ name: 'wait' })
export class Wait implements TaskHandler {
  async run(_input: object, { signal, log }: RunContext) {
    if (!signal.aborted) await once(signal, 'abort');
    log.warn({ reason: (signal.reason as { code: string }).code }, 'aborted');
    signal.throwIfAborted();
  }
}

const output = z.strictObject({ kind: z.enum(['large', 'nul', 'deep', 'circle', 'thrown']) });

/** Returns or throws a value that cannot be stored. */
@Injectable()
@Task({ name: 'unstorable', input: output })
export class Unstorable implements TaskHandler<typeof output> {
  run({ kind }: z.infer<typeof output>) {
    if (kind === 'thrown') throw Object.assign(new Error('a\0b'), { name: 42, code: 7 });
    const circle: unknown[] = [];
    circle.push(circle);
    return { large: 'x'.repeat(65_536), nul: { text: 'a\0b' }, deep: nested(100_000), circle }[kind];
  }
}

const chatter = z.strictObject({ lines: z.int(), bytes: z.int().default(0), failures: z.int().default(0) });

/** Logs this many lines of at least this many bytes each, and fails in its first attempts. */
@Injectable()
@Task({ name: 'chatter', input: chatter })
export class Chatter implements TaskHandler<typeof chatter> {
  run({ lines, bytes, failures }: z.infer<typeof chatter>, { log, attempt }: RunContext) {
    for (let line = 1; line <= lines; line += 1) log.info({ line }, `line ${line}`.padEnd(bytes));
    if (attempt <= failures) throw new Error(`attempt ${attempt} failed`);
  }
}

/** Logs lines that PostgreSQL would refuse unchanged. */
@Injectable()
@Task({ name: 'odd-log' })
export class OddLog implements TaskHandler {
  run(_input: object, { log }: RunContext) {
    log.info({ 'key\0': 'value\0' }, 'fields');
    log.info('message\0');
    log.info({ nested: nested(100_000) }, 'deep');
  }
}

/** A list in a list, and so on, this many levels deep. */
function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

const ledger = z.strictObject({
  entry: z.string(),
  ending: z.enum(['return', 'throw', 'commit', 'read-only', 'wait']).default('return'),
});

/** Writes an entry in the transaction of its attempt, and then ends as `ending` says. */
@Injectable()
@Task({ name: 'ledger', transactional: true, input: ledger })
export class Ledger implements TaskHandler<typeof ledger> {
  async run({ entry, ending }: z.infer<typeof ledger>, { transaction, signal }: RunContext) {
    await transaction((tx) => tx.query('INSERT INTO public.ledger (entry) VALUES ($1)', [entry]));
    if (ending === 'throw') throw new Error('changed my mind');
    if (ending === 'commit') await transaction((tx) => tx.query('COMMIT AND CHAIN'));
    if (ending === 'read-only') await transaction((tx) => tx.query('SET TRANSACTION READ ONLY'));
    if (ending === 'wait') await transaction((tx) => tx.query('SELECT pg_advisory_lock(4711)'));
    return { aborted: signal.aborted };
  }
}

/** The tasks of tests, in a module such as users write. */
@Module({ providers: [Echo, Fail, Wait, Unstorable, Chatter, OddLog, Ledger] })
export class TestTasksModule {}
