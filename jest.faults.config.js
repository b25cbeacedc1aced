import common from './jest.config.js';

/** The fault suite, run by `make faults`: real processes, one file at a time, since all of them want the machine for themselves.
 *  @type {import('jest').Config} */
export default {
  ...common,
  roots: ['<rootDir>/test/faults'],
  testRegex: '\\.faults\\.ts$',
  globalSetup: '<rootDir>/test/faults/global-setup.js',
  maxWorkers: 1,
  testTimeout: 90_000,
};
