import { Inject, Injectable, Module, Scope, type Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CodeJobs } from '../src/jobs/declared/code-jobs.js';
import { TaskRegistry } from '../src/tasks/task.registry.js';
import { Task, type TaskHandler, type TaskOptions } from '../src/tasks/task.decorator.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { TestTasksModule } from './support/tasks.js';

let database: TestDatabase;
let app: NestExpressApplication | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(() => database.drop());

/** Starts the application with these modules of a user, and returns its tasks. */
async function start(modules: Type[], variables: Record<string, string> = {}) {
  app = await createTestApplication(database.url, variables, modules);
  return app.get(TaskRegistry, { strict: false });
}

/** The jobs that tasks with these options declare, as a start reads them. */
async function codeJobs(...options: TaskOptions<undefined>[]) {
  const providers = options.map((one) => {
    @Injectable()
    @Task(one)
    class Declaring implements TaskHandler {
      run() {}
    }
    return Declaring;
  });
  @Module({ providers })
  class DeclaringModule {}
  await start([DeclaringModule]);
  return app!.get(CodeJobs, { strict: false }).read();
}

@Injectable()
class Greeting {
  readonly word = 'hello';
}

@Injectable()
@Task({ name: 'greet' })
class Greet implements TaskHandler {
  constructor(
    private readonly greeting: Greeting,
    @InjectDataSource() private readonly source: DataSource,
    @Inject('EXTRA') private readonly extra: string,
  ) {}

  async run() {
    const [row] = await this.source.query<[{ found: string }]>('SELECT current_database() AS found');
    return `${this.greeting.word} ${row.found}${this.extra}`;
  }
}
const helpers = [Greeting, { provide: 'EXTRA', useValue: '!' }];

@Module({ providers: [Greet, ...helpers] })
class GreetModule {}

describe('a task', () => {
  it('is found in a module of the user, with its dependencies injected', async () => {
    const tasks = await start([GreetModule]);
    const name = new URL(database.url).pathname.slice(1);
    await expect(tasks.get('greet').handler.run({}, {} as never)).resolves.toBe(`hello ${name}!`);
    expect(tasks.get('greet').place).toBe('Greet in GreetModule');
  });

  it('is found together with the built-in tasks', async () => {
    const tasks = await start([TestTasksModule]);
    const names = tasks.all().map(({ options }) => options.name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['echo', 'http', 'prune-runs', 'sql']));
  });

  it('is removed when TASKS_DISABLED names it, and others stay', async () => {
    const tasks = await start([TestTasksModule], { TASKS_DISABLED: 'sql, echo,nope' });
    expect(tasks.find('sql') ?? tasks.find('echo')).toBeUndefined();
    expect(() => tasks.get('echo')).toThrow(
      /^Task "echo" is not registered; known tasks: chatter, check-ledger, deliver-alert, fail, http/,
    );
    expect(tasks.find('wait')).toBeDefined();
  });

  it('with a name that is taken refuses the start, and the error names both classes and modules', async () => {
    @Injectable()
    @Task({ name: 'greet' })
    class Shout implements TaskHandler {
      run() {}
    }
    @Module({ providers: [Shout] })
    class ShoutModule {}
    await expect(start([GreetModule, ShoutModule])).rejects.toMatchObject({
      code: 'TASK_DUPLICATE',
      message: expect.stringMatching(
        /^Two tasks are named "greet": (?=.*Greet in GreetModule)(?=.*Shout in ShoutModule)/,
      ),
    });
  });

  it('that is provided in two modules refuses the start', async () => {
    @Module({ providers: [Greet, ...helpers] })
    class OtherModule {}
    await expect(start([GreetModule, OtherModule])).rejects.toMatchObject({
      code: 'TASK_DUPLICATE',
      message: expect.stringContaining('a task class belongs to one module'),
    });
  });

  it.each(['itself', 'by a dependency'])('that is request-scoped %s refuses the start', async (how) => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @Injectable({ scope: how === 'itself' ? Scope.REQUEST : Scope.DEFAULT })
    @Task({ name: 'per-request' })
    class Scoped implements TaskHandler {
      constructor(@Inject(how === 'itself' ? Greeting : PerRequest) readonly asked: object) {}
      run() {}
    }
    @Module({ providers: [Scoped, PerRequest, Greeting] })
    class ScopedModule {}
    await expect(start([ScopedModule])).rejects.toMatchObject({
      code: 'TASK_REQUEST_SCOPED',
      message: expect.stringMatching(/"per-request" \(Scoped in ScopedModule\).*make it a singleton/),
    });
  });
});

describe('a job that a task class declares', () => {
  const trigger = { type: 'interval', everySeconds: 60 } as const;

  it('is read with its task and the defaults', async () => {
    const jobs = await codeJobs({ name: 'one', jobs: { 'one.often': { trigger } } });
    expect(jobs.get('one.often')).toMatchObject({
      task: 'one',
      trigger,
      input: {},
      overlap: 'skip',
      timeoutSeconds: 300,
    });
    expect([...jobs.keys()].toSorted()).toEqual(['ledger.check', 'one.often', 'prune-runs']);
  });

  it('may refer to a secret', async () => {
    const jobs = { 'echo.secret': { trigger, input: { text: { $secret: 'word' } } } };
    const input = z.strictObject({ text: z.string() });
    @Injectable()
    @Task({ name: 'one', input, jobs })
    class Declaring implements TaskHandler<typeof input> {
      run() {}
    }
    @Module({ providers: [Declaring] })
    class DeclaringModule {}
    await start([DeclaringModule]);
    const read = await app!.get(CodeJobs, { strict: false }).read();
    expect(read.get('echo.secret')).toMatchObject({ input: { text: { $secret: 'word' } } });
  });

  it.each<[string, object, string, string]>([
    ['has an unknown field', { trigger, retries: 3 }, 'job', 'Unknown field retries; known fields: '],
    ['has a value out of range', { trigger, timeoutSeconds: 0 }, 'job', 'timeoutSeconds'],
    ['has a bad trigger', { trigger: { type: 'cron', expression: '*/0 * * * *' } }, 'job', 'a step of 0'],
    ['has no trigger', {}, 'job', 'A trigger is an object with a type'],
    ['has a bad name', { trigger }, 'A Job', 'A job name is 1-128 of a-z 0-9'],
    ['has an input that does not fit', { trigger, input: { a: 1 } }, 'job', 'takes no input'],
  ])('and that %s refuses the start, and the error names its place', async (_case, declared, name, message) => {
    const read = codeJobs({ name: 'one', jobs: { [name]: declared as never } });
    await expect(read).rejects.toMatchObject({ code: 'CODE_JOB_INVALID', message: expect.stringContaining(message) });
    const place = `Job "${name}" of task "one" (Declaring in DeclaringModule) is not valid`;
    await expect(read).rejects.toThrow(place);
  });

  it('with the name of another job refuses the start, and the error names both', async () => {
    const read = codeJobs({ name: 'one', jobs: { same: { trigger } } }, { name: 'two', jobs: { same: { trigger } } });
    await expect(read).rejects.toMatchObject({
      code: 'CODE_JOB_INVALID',
      message: expect.stringMatching(/(?=.*of task "one")(?=.*of task "two").*names must differ/),
    });
  });
});
