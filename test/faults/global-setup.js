import { randomInt } from 'node:crypto';
import globalSetup from '../support/global-setup.js';

/** Chooses the seed once for all files, and says how to replay it. */
export default async function faultsSetup() {
  process.env.SEED ||= String(randomInt(1, 1_000_000));
  process.stdout.write(`\nseed ${process.env.SEED}; replay with: make faults SEED=${process.env.SEED}\n`);
  await globalSetup();
}
