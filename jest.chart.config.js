import common from './jest.config.js';

/** What `make chart-check` runs: the chart, as Helm renders it. No database.
 *  @type {import('jest').Config} */
export default {
  ...common,
  roots: ['<rootDir>/test/chart'],
  testRegex: '\\.chart\\.ts$',
  globalSetup: undefined,
  globalTeardown: undefined,
  testTimeout: 30_000,
};
