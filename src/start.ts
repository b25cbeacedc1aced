import 'reflect-metadata';
import { isatty } from 'node:tty';
import type { ModuleMetadata } from '@nestjs/common';
import { close, createApplication, serve } from './application.js';
import { readEnvironment } from './config/environment.js';
import { withSecretFiles } from './config/secret-file.js';
import { checkUrlFiles, loadEnvFile } from './config/setting-files.js';
import { CodedError } from './core/coded-error.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded-postgres.js';
import { migrate } from './database/migrate.js';
import type { Migrations } from './database/migration-sources.js';
import { refuseEncoding } from './database/refuse-encoding.js';
import { refusePooler } from './database/refuse-pooler.js';
import { waitForMigrations } from './database/wait-for-migrations.js';
import { watchEventLoop } from './health/watchdog.js';
import { Declarations } from './jobs/declared/declarations.js';
import { ServiceLogger } from './logging/service-logger.js';
import { StrayErrors } from './logging/stray-errors.js';
import { Executor } from './runs/worker/executor.js';

const STDIN = 0;

/** The argument of `startCronzimus`. See docs/writing-tasks.md. */
export interface StartOptions {
  /** Your own Nest modules, with your @Task classes among their providers. Default: none. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** Your own TypeORM migrations, for the default DataSource: classes, or paths as TypeORM takes them. They run after those of
   *  the service, and before anything of `imports` starts. Default: none. See docs/writing-tasks.md#the-database. */
  migrations?: Migrations;
}

/** Runs the service until SIGINT or SIGTERM, and then exits with code 0. With the command line argument `migrate` it only runs the
 *  migrations. It prints the error to stderr and exits with code 1 when the start fails, and when only a new process can free the
 *  worker slots that tasks hold after they ignored their abort signal. */
export async function startCronzimus(options: StartOptions = {}): Promise<void> {
  const undo: Undo[] = [];
  // Aborted with the error that ends the process, or with null by a signal.
  const stop = new AbortController();
  // Installed first, so that a signal during the start also stops everything that has started.
  process.on('SIGINT', () => stop.abort(null)).on('SIGTERM', () => stop.abort(null));
  const onTerminal = isatty(STDIN);
  process.on('SIGHUP', () => {
    // The terminal was closed. Otherwise SIGHUP means a reload of the jobs file.
    if (onTerminal && !isatty(STDIN)) stop.abort(null);
  });
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  try {
    await start(options, undo, stop);
    if (!migrating()) await stopped;
  } catch (error) {
    // Has no effect after a signal, which may have caused the error.
    stop.abort(error);
  }
  const failed = stop.signal.aborted && stop.signal.reason !== null;
  if (failed) process.stderr.write(`${describe(stop.signal.reason)}\n`);
  await undoAll(undo);
  process.exit(failed ? 1 : 0);
}

type Undo = () => Promise<unknown>;

const migrating = () => process.argv[2] === 'migrate';

/** The environment of the process, with variables from the file .env added, and secrets read from DATABASE_URL_FILE and HEARTBEAT_URL_FILE. */
function processEnvironment(): NodeJS.ProcessEnv {
  loadEnvFile('.env');
  return withSecretFiles(process.env, ['DATABASE_URL', 'HEARTBEAT_URL']);
}

async function start(
  { imports = [], migrations = [] }: StartOptions,
  undo: Undo[],
  stop: AbortController,
): Promise<void> {
  const variables = readEnvironment(processEnvironment(), { listens: !migrating() });
  checkUrlFiles(variables);
  const embedded = variables.DATABASE_URL === undefined ? await startEmbeddedPostgres(variables.DATA_DIR) : undefined;
  // Stopped last.
  if (embedded) undo.push(() => embedded.stop());
  const environment = { ...variables, DATABASE_URL: variables.DATABASE_URL ?? embedded!.url };
  await refusePooler(environment);
  await refuseEncoding(environment);
  if (environment.DATABASE_MIGRATE || migrating()) await migrate(environment, migrations, stop.signal);
  else await waitForMigrations(environment, migrations, stop.signal);
  if (migrating() || stop.signal.aborted) return;

  const app = await createApplication(environment, imports);
  undo.push(() => close(app));
  app.get(StrayErrors).watch();
  if (embedded) supervise(embedded, app.get(ServiceLogger), stop);
  // Before any task runs: the first one may already block the event loop, or ignore its abort signal.
  watchEventLoop();
  app.get(Executor).onExhausted((why) => stop.abort(why));
  undo.push(await serve(app, environment));
  process.on('SIGHUP', () => app.get(Declarations).reload());
  // Frees the 30 MB that only the start needed, which V8 would keep while the process is mostly idle. Only with --expose-gc on the
  // command line, as the image, `make run` and `npm start` have it. A plain gc() would free the objects and keep their pages.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Restarts the embedded database when the system has killed it. Ends the process when that fails again and again. */
function supervise(embedded: EmbeddedPostgres, logger: ServiceLogger, stop: AbortController): void {
  embedded.supervise({
    lost: (pid) => logger.error({ pid }, 'the embedded PostgreSQL has died and is started again', 'EmbeddedPostgres'),
    restarted: (pid) => logger.warn({ pid }, 'the embedded PostgreSQL runs again', 'EmbeddedPostgres'),
    failed: (err, inMs) =>
      logger.error({ err, inMs }, 'the embedded PostgreSQL could not be started', 'EmbeddedPostgres'),
    gaveUp: (error) => stop.abort(error),
  });
}

/** Runs all steps in reverse order, also when some of them fail. */
async function undoAll(undo: Undo[]): Promise<void> {
  for (const step of undo.toReversed())
    await step().catch((error: unknown) => process.stderr.write(`${describe(error)}\n`));
}

const describe = (error: unknown) =>
  error instanceof CodedError
    ? `${error.code}: ${error.message}`
    : error instanceof Error
      ? error.stack
      : String(error);
