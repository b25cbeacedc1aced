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

describe('a variable in a file', () => {
  it('is read without the trailing line break', () => {
    expect(read({ DATABASE_URL_FILE: file, PORT: '1' })).toMatchObject({ DATABASE_URL: URL, PORT: '1' });
  });

  it.each([
    ['without a NAME_FILE', { DATABASE_URL: 'a' }],
    ['with an empty NAME_FILE', { DATABASE_URL: 'a', DATABASE_URL_FILE: '' }],
  ])('is unchanged %s', (_case, values) => {
    expect(read(values)).toEqual(values);
  });

  it('is read from the file when the variable is empty', () => {
    expect(read({ DATABASE_URL: '', DATABASE_URL_FILE: file })).toMatchObject({ DATABASE_URL: URL });
  });

  it('is rejected when both are set, without repeating their values', () => {
    expect(() => read({ DATABASE_URL: 'postgres://other', DATABASE_URL_FILE: file })).toThrow(
      expect.objectContaining({
        code: 'BAD_ENVIRONMENT',
        message: 'DATABASE_URL and DATABASE_URL_FILE are both set; set only one of them',
      }),
    );
  });

  it('is rejected when the file cannot be read', () => {
    expect(() => read({ DATABASE_URL_FILE: join(folder, 'absent') })).toThrow(
      expect.objectContaining({
        code: 'BAD_ENVIRONMENT',
        message: expect.stringMatching(/^DATABASE_URL_FILE: .*absent does not exist; set it to a file/),
      }),
    );
  });
});
