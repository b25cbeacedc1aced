import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Compute } from './compute.js';
import { ReadsInTurn } from './reads-in-turn.interceptor.js';

/** Bounds what requests may cost: computations have a thread and a queue, and reads are served in turn. */
@Global()
@Module({
  providers: [Compute, ReadsInTurn, { provide: APP_INTERCEPTOR, useExisting: ReadsInTurn }],
  exports: [Compute],
})
export class ComputeModule {}
