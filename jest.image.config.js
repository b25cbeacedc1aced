import common from './jest.config.js';

/** Run by `make image-check`, and of compose.image.ts by `make compose-check`: containers of the built image.
 *  @type {import('jest').Config} */
export default {
  ...common,
  roots: ['<rootDir>/test/image'],
  testRegex: '\\.image\\.ts$',
  maxWorkers: 1,
  testTimeout: 300_000,
};
