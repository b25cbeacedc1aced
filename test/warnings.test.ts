import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Results {
  success: boolean;
  testResults: { message: string; assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

/** Runs the tests of one file in a jest of its own, in the environment of all tests. */
function runTests(folder: string, file: string): Results {
  const config = {
    rootDir: folder,
    testRegex: file,
    moduleFileExtensions: ['mjs', 'js'],
    transform: {},
    testEnvironment: join(root, 'test/support/fail-on-warnings.js'),
  };
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', jest, '--json', '--config', JSON.stringify(config)];
  const { stdout } = spawnSync(process.execPath, flags, {
    encoding: 'utf8',
    // Its warnings are wanted, and must not count as those of this test.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return JSON.parse(stdout) as Results;
}

it('a test fails when its process, or one that it starts, emits a warning of Node', () => {
  const { testResults } = runTests(join(root, 'test/samples/warnings'), 'warnings\\.mjs$');
  const { assertionResults } = testResults[0]!;
  const failures = assertionResults.map(({ title, failureMessages }) => [title, failureMessages.join('\n')]);
  expect(failures).toEqual([
    ['silent', ''],
    ['a deprecation', expect.stringContaining('DeprecationWarning: of an old call')],
    ['too many listeners', expect.stringContaining('MaxListenersExceededWarning')],
    ['a deprecation in another process', expect.stringMatching(/process \d+ .*DeprecationWarning: Buffer\(\)/)],
    ['an experiment of Node in another process', expect.stringContaining('ExperimentalWarning: WASI')],
  ]);
});

it('a file fails when a warning comes after its tests', () => {
  const folder = process.env['TEST_SCRATCH']!;
  writeFileSync(join(folder, 'late.mjs'), `it('silent', () => {}); afterAll(() => process.emitWarning('too late'));`);
  const { success, testResults } = runTests(folder, 'late\\.mjs$');
  expect(testResults[0]!.message).toContain('Warning: too late');
  expect(success).toBe(false);
});
