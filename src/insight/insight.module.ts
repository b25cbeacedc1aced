import { Module } from '@nestjs/common';
import { CheckLedger } from './check-ledger.task.js';
import { ExplainController } from './explain.controller.js';
import { ExplainService } from './explain.service.js';
import { LedgerCheck } from './ledger-check.js';
import { LedgerMetrics } from './ledger-metrics.js';
import { LedgerController } from './ledger.controller.js';
import { LedgerService } from './ledger.service.js';
import { VersionsController } from './versions.controller.js';

/** Answers questions about the past from what is kept. */
@Module({
  controllers: [VersionsController, LedgerController, ExplainController],
  providers: [LedgerCheck, LedgerService, ExplainService, CheckLedger, LedgerMetrics],
})
export class InsightModule {}
