import { Module } from '@nestjs/common';
import { VersionsController } from './versions.controller.js';

/** Answers questions about the past from what is kept. It changes nothing. */
@Module({
  controllers: [VersionsController],
})
export class InsightModule {}
