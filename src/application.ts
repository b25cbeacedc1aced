import type { ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { ApiKeys } from './auth/api-keys.js';
import { Authentication } from './auth/authentication.js';
import type { Environment } from './config/environment.js';
import type { ProcessRole } from './config/process-roles.js';
import { isLoopback } from './core/ip.js';
import { Problem } from './core/problem.js';
import { API } from './http/api.js';
import { setUpOpenApi } from './http/openapi.js';
import { setUpHttp } from './http/set-up-http.js';
import { Clockwork } from './scheduler/lifecycle.js';
import { jobsFileBody } from './jobs/api/jobs-file.controller.js';
import { JobsService } from './jobs/api/jobs.service.js';
import { SchedulerSwitch } from './scheduler/scheduler-switch.js';
import { ServiceLogger } from './logging/service-logger.js';
import { HttpMetrics } from './metrics/http-metrics.js';

const LONGEST_REQUEST_MS = 5_000;

/** The application, wired and not yet listening. Throws what is wrong with it. */
export async function createApplication(
  environment: Environment,
  imports: NonNullable<ModuleMetadata['imports']>,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(environment, imports), {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(ServiceLogger));
  setUpHttp(app, {
    observe: app.get(HttpMetrics).observe,
    // With keys a page of another site gets nowhere: its browser does not know them.
    localOnly: environment.AUTH_MODE === 'none' && isLoopback(environment.HOST),
    apiOff: !environment.ROLES.includes('api'),
    beforeBodies: app.get(Authentication).beforeBodies,
    trustProxy: environment.TRUST_PROXY,
    textBodies: [jobsFileBody],
  });
  setUpOpenApi(app);
  return app;
}

/** Listens, starts what ticks, and says where things are. Answers how to stop that again: drain, before anything closes. */
export async function serve(app: NestExpressApplication, environment: Environment): Promise<() => Promise<void>> {
  const { HOST, PORT, ROLES } = environment;
  await app.init();
  const clockwork = app.get(Clockwork);
  await clockwork.read();
  if (environment.START_PAUSED) await pause(app);
  await app.listen(PORT, HOST).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new Problem(500, 'PORT_IN_USE', `${HOST}:${PORT} is taken by another process; stop that one, or set PORT`);
    if (/^(EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/.test(error.code ?? ''))
      throw new Problem(500, 'HOST_UNKNOWN', `HOST "${HOST}" is no address of this machine; 0.0.0.0 means all of them`);
    throw error;
  });
  const keys = app.get(ApiKeys);
  const stop = async () => {
    await Promise.all([keys.stop(), clockwork.stop()]);
  };
  try {
    await clockwork.start();
    keys.watch();
    await announce(app, ROLES);
  } catch (error) {
    // What stopping says would hide this one.
    await stop().catch(() => {});
    throw error;
  }
  return stop;
}

/** Closes everything; a request that hangs gets five seconds. */
export async function close(app: NestExpressApplication): Promise<void> {
  const impatience = setTimeout(() => app.getHttpServer().closeAllConnections(), LONGEST_REQUEST_MS);
  await app.close();
  clearTimeout(impatience);
}

/** Before anything listens, since also an edit over the API dispatches what is due. */
async function pause(app: NestExpressApplication): Promise<void> {
  await app.get(SchedulerSwitch).hold({ name: 'START_PAUSED', role: null, origin: null });
  app
    .get(ServiceLogger)
    .warn(
      `START_PAUSED: the scheduler is paused on all replicas, and nothing starts until POST /${API}/scheduler/resume; ` +
        'take START_PAUSED out then, since each start with it pauses again',
    );
}

/** By now it runs tasks, which must not end because nobody can say what comes next. */
async function announce(app: NestExpressApplication, roles: ProcessRole[]): Promise<void> {
  const url = await app.getUrl();
  const logger = app.get(ServiceLogger);
  const next = await nextRuns(app).catch(() => 'the database does not say which job is next');
  const address = roles.includes('api') ? `try ${url}/docs` : `${url}/health tells how it is`;
  logger.log(`Cronzimus is running as ${roles.join(', ')}; ${address}`);
  logger.log(next);
}

async function nextRuns(app: NestExpressApplication): Promise<string> {
  const { items } = await app.get(JobsService).list({ sort: 'nextRunAt', limit: 3, state: 'active' });
  if (items.length === 0) return 'no job is waiting for its time';
  return `next: ${items.map(({ name, nextRunAt }) => `${name} at ${nextRunAt?.toISOString()}`).join(', ')}`;
}
