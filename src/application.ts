import { Logger, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { ApiKeys } from './auth/api-keys.js';
import { Authentication } from './auth/authentication.js';
import type { Environment } from './config/environment.js';
import type { ProcessRole } from './config/process-roles.js';
import { CodedError } from './core/coded-error.js';
import { isLoopback } from './core/ip.js';
import { Problem } from './core/problem.js';
import { HealthController } from './health/health.controller.js';
import { API } from './http/api.js';
import { setUpDocs } from './http/docs.js';
import { setUpHttp } from './http/set-up-http.js';
import { SchedulerLifecycle } from './scheduler/lifecycle.js';
import { jobsFileBody } from './jobs/api/jobs-file.controller.js';
import { JobsService } from './jobs/api/jobs.service.js';
import { SchedulerSwitch } from './scheduler/scheduler-switch.js';
import { ServiceLogger } from './logging/service-logger.js';
import { HttpMetrics } from './metrics/http-metrics.js';

const MAX_REQUEST_MS = 5_000;
/** The share of the API's database connections that the requests of one client may use. */
const CLIENT_SHARE = 0.75;

/** Creates the application, which does not listen yet. Throws when a module or its configuration is invalid. */
export async function createApplication(
  environment: Environment,
  imports: NonNullable<ModuleMetadata['imports']>,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(environment, imports), {
    bodyParser: false,
    bufferLogs: true,
    // Nest logs an error with its stack. Of an error with a code, the caller prints only the message.
    autoFlushLogs: false,
    abortOnError: false,
  }).catch((error: unknown) => {
    if (!(error instanceof CodedError)) Logger.flush();
    throw error;
  });
  app.useLogger(app.get(ServiceLogger));
  app.flushLogs();
  setUpHttp(app, {
    observe: app.get(HttpMetrics).observe,
    // With API keys this check is not needed: a page of another site does not have a key.
    localOnly: environment.AUTH_MODE === 'none' && isLoopback(environment.HOST),
    apiOff: !environment.ROLES.includes('api'),
    respond: app.get(HealthController).respond,
    docsOff: !environment.DOCS,
    authenticate: app.get(Authentication).middleware,
    trustProxy: environment.TRUST_PROXY,
    onUntrustedProxy: isLoopback(environment.HOST) ? undefined : (header) => warnOfProxy(app, header),
    textBodies: [jobsFileBody],
    maxBodyBytes: environment.HTTP_MAX_BODY_BYTES,
    requestLimits: {
      clientOf: app.get(Authentication).clientOf,
      inFlight: environment.HTTP_MAX_REQUESTS_PER_KEY,
      handled: Math.max(1, Math.floor(environment.DATABASE_POOL_MAX * CLIENT_SHARE)),
    },
    connections: { max: environment.HTTP_MAX_CONNECTIONS, onLimit: app.get(HttpMetrics).connectionClosed },
  });
  setUpDocs(app);
  return app;
}

/** Listens, starts all loops and logs the address. Returns a function that stops the loops and waits until running attempts have ended.
 *  Call that before `close`. Throws PORT_IN_USE or HOST_UNKNOWN. */
export async function serve(app: NestExpressApplication, environment: Environment): Promise<() => Promise<void>> {
  const { HOST, PORT, ROLES } = environment;
  await app.init();
  const lifecycle = app.get(SchedulerLifecycle);
  await lifecycle.read();
  if (environment.START_PAUSED) await pause(app);
  await app.listen(PORT, HOST).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new Problem(500, 'PORT_IN_USE', `Another process uses ${HOST}:${PORT}; stop that process, or set PORT`);
    if (/^(EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN)$/.test(error.code ?? ''))
      throw new Problem(
        500,
        'HOST_UNKNOWN',
        `HOST "${HOST}" is not an address of this machine; 0.0.0.0 means all its addresses`,
      );
    throw error;
  });
  const keys = app.get(ApiKeys);
  const stop = async () => {
    await Promise.all([keys.stop(), lifecycle.stop()]);
  };
  try {
    await lifecycle.start();
    keys.watch();
    await announce(app, ROLES);
  } catch (error) {
    // An error while stopping would hide the error of the start.
    await stop().catch(() => {});
    throw error;
  }
  return stop;
}

/** Closes the application. Requests that have not ended after five seconds are aborted. */
export async function close(app: NestExpressApplication): Promise<void> {
  const timeout = setTimeout(() => app.getHttpServer().closeAllConnections(), MAX_REQUEST_MS);
  await app.close();
  clearTimeout(timeout);
}

/** Must run before the application listens, because an edit over the API dispatches what is due. */
async function pause(app: NestExpressApplication): Promise<void> {
  await app.get(SchedulerSwitch).hold({ name: 'START_PAUSED', role: null, origin: null });
  app
    .get(ServiceLogger)
    .warn(
      `START_PAUSED: the scheduler is paused on all replicas. No run starts until POST /${API}/scheduler/resume. ` +
        'Remove START_PAUSED then, because every start with it pauses the scheduler again.',
    );
}

function warnOfProxy(app: NestExpressApplication, header: string): void {
  app
    .get(ServiceLogger)
    .warn(
      `A request has the header ${header}, but TRUST_PROXY is not set. If there is a proxy in front of the service, its address ` +
        'counts as that of every client: in the audit, in the log, and when wrong API keys are counted. Set TRUST_PROXY to the ' +
        'number of proxies or to their addresses. They must send X-Forwarded-For.',
    );
}

/** Tasks already run, so an error while reading the next runs must not stop the process. */
async function announce(app: NestExpressApplication, roles: ProcessRole[]): Promise<void> {
  const url = await app.getUrl();
  const logger = app.get(ServiceLogger);
  const next = await nextRuns(app).catch(() => 'the next runs are unknown, because the database did not answer');
  const address = roles.includes('api') ? `try ${url}/docs` : `its health is at ${url}/health`;
  logger.log(`Cronzimus is running as ${roles.join(', ')}; ${address}`);
  logger.log(next);
}

async function nextRuns(app: NestExpressApplication): Promise<string> {
  const { items } = await app.get(JobsService).list({ sort: 'nextRunAt', limit: 3, state: 'active' });
  if (items.length === 0) return 'no active job has a next run';
  return `next: ${items.map(({ name, nextRunAt }) => `${name} at ${nextRunAt?.toISOString()}`).join(', ')}`;
}
