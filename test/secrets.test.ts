import { mkdir, mkdtemp, rename, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Secrets } from '../src/tasks/secrets.js';
import { eventually } from './support/eventually.js';
import { type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'secrets-'));
  service = await TestService.start({ SECRETS_DIR: folder });
  await service.given(
    finishedJob('echo', 'echo', { overlap: 'allow', input: { text: { $secret: 'word' } } }),
    finishedJob('patient', 'echo', {
      input: { text: { $secret: 'late' } },
      retry: { limit: 50, delaySeconds: 0.1, backoff: 'fixed', maxDelaySeconds: 1 },
    }),
  );
});
afterAll(() => service.stop());

const noKeys = { find: () => undefined };
const write = (name: string, value: string | Buffer) => writeFile(join(folder, name), value);
const read = (name: string) => new Secrets({ SECRETS_DIR: folder }, noKeys).fillIn({ a: [{ $secret: name }] });

const LOG_WORD = 'is a word that occurs in ordinary logs, so it is masked there too';
const TOO_SHORT = 'has fewer than 4 characters and is not masked';

describe('SECRETS_DIR', () => {
  it('with more text than can be masked is refused at the start, and so are such secrets of an attempt', async () => {
    const own = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'secrets-'));
    for (const name of ['a', 'b', 'c', 'd', 'e']) await writeFile(join(own, name), name.repeat(60_000));
    const secrets = new Secrets({ SECRETS_DIR: own }, noKeys);
    await expect(secrets.onModuleInit()).rejects.toMatchObject({
      code: 'BAD_ENVIRONMENT',
      message: expect.stringContaining('300000 characters together; at most 262144'),
    });
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ $secret: name }));
    await expect(secrets.fillIn(all)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    await expect(secrets.fillIn(all.slice(1))).resolves.toMatchObject({ secrets: expect.any(Array) });
  });

  it.each<[string, string[]]>([
    ['level', [LOG_WORD]],
    ['True', [LOG_WORD]],
    ['abc', [TOO_SHORT]],
    ...['msg', 'err', 'pid', 'job', 'Run'].map((word): [string, string[]] => [word, [TOO_SHORT]]),
    ['abcdefg', ['has fewer than 8 characters, so ordinary words that contain it are masked too']],
    ['abcdefgh', []],
  ])('with a value that is masked badly is warned about: %s', async (value, warnings) => {
    const own = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'secrets-'));
    await writeFile(join(own, 'weak'), value);
    const warned = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    try {
      await new Secrets({ SECRETS_DIR: own }, noKeys).onModuleInit();
      const texts = warned.mock.calls.map(([text]) => String(text));
      expect(texts).toEqual(
        warnings.map((text) => `SECRETS_DIR: the secret "weak" ${text}. Use a longer random value`),
      );
    } finally {
      warned.mockRestore();
    }
  });
});

describe('a secret', () => {
  it.each<[string, string | Buffer, string]>([
    ['as it is', 'abc', 'abc'],
    ['without the line break at its end', 'abc\n', 'abc'],
    ['without the line break of Windows', 'abc\r\n', 'abc'],
    ['without one of two', 'a\nb\n\n', 'a\nb\n'],
    ['with white space', ' abc ', ' abc '],
    ['in UTF-8', 'grüße', 'grüße'],
    ['of 64 KiB', 'x'.repeat(65_536), 'x'.repeat(65_536)],
  ])('is read %s', async (_case, content, value) => {
    await write('some.name', content);
    await expect(read('some.name')).resolves.toEqual({ input: { a: [value] }, secrets: [value] });
  });

  it('is read through the symlinks of a Kubernetes mount', async () => {
    await mkdir(join(folder, '..2026_01_01'));
    await writeFile(join(folder, '..2026_01_01', 'mounted'), 'abc');
    await symlink('..2026_01_01', join(folder, '..data'));
    await symlink(join('..data', 'mounted'), join(folder, 'mounted'));
    await expect(read('mounted')).resolves.toMatchObject({ secrets: ['abc'] });
  });

  it.each<[string, Buffer, string]>([
    ['of more than 64 KiB', Buffer.alloc(65_537, 'x'), 'more than 65536 bytes'],
    ['that is empty', Buffer.from('\n'), 'it is empty'],
    ['that is not text', Buffer.from([0xff, 0xfe]), 'not UTF-8 text'],
  ])('%s is refused', async (_case, content, cause) => {
    await write('bad', content);
    await expect(read('bad')).rejects.toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: expect.stringMatching(new RegExp(`"bad" .*${cause}`)),
    });
  });

  it('that is a folder is refused', async () => {
    await mkdir(join(folder, 'folder'));
    await expect(read('folder')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  });

  it('without SECRETS_DIR is not found', async () => {
    await expect(new Secrets({}, noKeys).fillIn({ a: { $secret: 'b' } })).rejects.toMatchObject({
      code: 'SECRET_NOT_FOUND',
      message: 'There is no secret "b": SECRETS_DIR is not set on this replica',
    });
  });
});

describe('a run whose input refers to a secret', () => {
  it('uses the value at the time of its attempt, and shows the reference', async () => {
    const seen: unknown[] = [];
    for (const word of ['first-word', 'second-word-is-longer']) {
      await write('word.new', word);
      await rename(join(folder, 'word.new'), join(folder, 'word'));
      const run = await service.run('echo', 'succeeded', { text: { $secret: 'word' }, times: 2 });
      seen.push(run['input'], run['output']);
    }
    const [input, output] = [{ text: { $secret: 'word' }, times: 2 }, { text: '******' }];
    expect(seen).toEqual([input, output, input, output]);
  });

  it('fails while the secret is missing, and succeeds once it is there', async () => {
    const { body } = await service.call<RunAnswer>('POST', '/jobs/patient/run');
    await eventually(async () => {
      const { attempts } = await service.get<{ attempts: unknown[] }>(`/runs/${body.id}`);
      expect(attempts).toContainEqual(
        expect.objectContaining({
          error: expect.objectContaining({
            code: 'SECRET_NOT_FOUND',
            message: 'There is no secret "late": SECRETS_DIR of this replica has no file of that name',
          }),
        }),
      );
    });
    await write('late', 'here it is');
    await service.reaches(body.id, 'succeeded');
  });

  it('fails for good when the value does not fit', async () => {
    await write('word', 'not-a-number');
    const { error, attempt } = await service.run('patient', 'failed', { text: 'x', times: { $secret: 'word' } });
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('/input/times') });
    expect(attempt).toBe(1);
  });

  it.each<[string, object, string]>([
    ['refers to an invalid name', { text: { $secret: '../etc/passwd' } }, '/input/text'],
    ['has more than the name', { text: { $secret: 'word', or: 'x' } }, '/input/text'],
    ['is wrong elsewhere', { text: { $secret: 'word' }, times: 0 }, '/input/times'],
    ['has an unknown field', { text: 'x', word: { $secret: 'word' } }, '/input/word'],
    ['is a reference itself', { $secret: 'word' }, '/input/text'],
  ])('is refused when the input %s', async (_case, input, path) => {
    const { status, body } = await service.call('POST', '/jobs/echo/run', { input });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'INVALID_INPUT',
      errors: expect.arrayContaining([expect.objectContaining({ path })]),
    });
  });
});
