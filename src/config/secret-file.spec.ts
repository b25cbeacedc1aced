import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withSecretFiles } from './secret-file.js';

const URL = 'postgres://me:secret@db/x';
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-secret-'));
  file = join(folder, 'url');
  await writeFile(file, `${URL}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

const read = (values: Record<string, string>) => withSecretFiles(values, ['DATABASE_URL']);

describe('a variable that lies in a file', () => {
  it('is read, without the line break at its end', () => {
    expect(read({ DATABASE_URL_FILE: file, PORT: '1' })).toMatchObject({ DATABASE_URL: URL, PORT: '1' });
  });

  it.each([
    ['without a file', { DATABASE_URL: 'a' }],
    ['with an empty name of one', { DATABASE_URL: 'a', DATABASE_URL_FILE: '' }],
  ])('stays as it is %s', (_case, values) => {
    expect(read(values)).toEqual(values);
  });

  it('counts as absent where it is empty', () => {
    expect(read({ DATABASE_URL: '', DATABASE_URL_FILE: file })).toMatchObject({ DATABASE_URL: URL });
  });

  it('is refused where both are set, without telling what they hold', () => {
    expect(() => read({ DATABASE_URL: 'postgres://other', DATABASE_URL_FILE: file })).toThrow(
      expect.objectContaining({
        code: 'BAD_ENVIRONMENT',
        message: 'DATABASE_URL and DATABASE_URL_FILE are both set; set only one of them',
      }),
    );
  });

  it('is refused where the file cannot be read', () => {
    expect(() => read({ DATABASE_URL_FILE: join(folder, 'absent') })).toThrow(
      expect.objectContaining({
        code: 'BAD_ENVIRONMENT',
        message: expect.stringMatching(/^DATABASE_URL_FILE: ENOENT/),
      }),
    );
  });
});
