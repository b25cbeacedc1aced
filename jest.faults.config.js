import common from './jest.config.js';

/** The fault suite, run by `make faults`: real processes. Three files at a time, since most of a scenario is waiting.
 *  @type {import('jest').Config} */
export default {
  ...common,
  roots: ['<rootDir>/test/faults'],
  testRegex: '\\.faults\\.ts$',
  globalSetup: '<rootDir>/test/faults/global-setup.js',
  globalTeardown: '<rootDir>/test/faults/global-teardown.js',
  maxWorkers: 3,
  testTimeout: 300_000,
};
