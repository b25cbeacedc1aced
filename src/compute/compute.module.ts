import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Compute } from './compute.js';
import { ReadsInTurn } from './reads-in-turn.interceptor.js';

/** Bounds what requests may cost: computations have a thread and a queue, and reads are served in turn. */
@Global()
@Module({
  providers: [Compute, { provide: APP_INTERCEPTOR, useClass: ReadsInTurn }],
  exports: [Compute],
})
export class ComputeModule {}
