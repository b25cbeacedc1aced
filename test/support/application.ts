import type { ModuleMetadata } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApplication } from '../../src/application.js';
import { readEnvironment } from '../../src/config/environment.js';

/** The application on a database, in this process. It is initialised, but none of its loops run. */
export async function createTestApplication(
  databaseUrl: string,
  variables: Record<string, string> = {},
  imports: NonNullable<ModuleMetadata['imports']> = [],
): Promise<NestExpressApplication> {
  const environment = readEnvironment({ DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'silent', ...variables });
  const app = await createApplication({ ...environment, DATABASE_URL: databaseUrl }, imports);
  return app.init();
}
