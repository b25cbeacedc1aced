import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { ModuleMetadata } from '@nestjs/common';
import { close, createApplication, serve } from './application.js';
import { type Environment, readEnvironment, type Variables } from './config/environment.js';
import { withSecretFiles } from './config/secret-file.js';
import { CodedError } from './core/coded-error.js';
import { releaseMemory } from './core/release-memory.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { migrate } from './database/migrate.js';
import type { Migrations } from './database/migration-sources.js';
import { refusePooler } from './database/refuse-pooler.js';
import { waitForMigrations } from './database/wait-for-migrations.js';
import { watchEventLoop } from './health/watchdog.js';
import { Declarations } from './jobs/declared/declarations.js';
import { Executor } from './runs/worker/executor.js';

const STDIN = 0;

export interface StartOptions {
  /** The user's own Nest modules, with their @Task classes. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** The user's own TypeORM migrations, for the default DataSource; they run after ours, before anything of `imports`. */
  migrations?: Migrations;
}

/** Runs the service until a signal ends it; with the argument `migrate`, migrates and returns. A failed start ends the process with 1. */
export async function startCronzimus(options: StartOptions = {}): Promise<void> {
  const undo: Undo[] = [];
  // Aborted with what went wrong, or with null by a signal.
  const stop = new AbortController();
  // Before anything starts, so that whatever has been started when a signal comes is stopped again.
  process.on('SIGINT', () => stop.abort(null)).on('SIGTERM', () => stop.abort(null));
  const onTerminal = isatty(STDIN);
  process.on('SIGHUP', () => {
    // From the end of the terminal, and not from somebody who asks for a reload.
    if (onTerminal && !isatty(STDIN)) stop.abort(null);
  });
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  try {
    await start(options, undo, stop);
    if (!migrating()) await stopped;
  } catch (error) {
    // Without effect after a signal, which may have been the cause.
    stop.abort(error);
  }
  const failed = stop.signal.aborted && stop.signal.reason !== null;
  if (failed) process.stderr.write(`${describe(stop.signal.reason)}\n`);
  await undoAll(undo);
  process.exit(failed ? 1 : 0);
}

type Undo = () => Promise<unknown>;

const migrating = () => process.argv[2] === 'migrate';

/** The environment of the process, then those of a file .env beside it, then those that lie in files of their own. */
function processEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return withSecretFiles(process.env, ['DATABASE_URL']);
}

async function start(
  { imports = [], migrations = [] }: StartOptions,
  undo: Undo[],
  stop: AbortController,
): Promise<void> {
  const environment = await withDatabase(readEnvironment(processEnvironment(), { listens: !migrating() }), undo);
  await refusePooler(environment);
  if (environment.DATABASE_MIGRATE || migrating()) await migrate(environment, migrations, stop.signal);
  else await waitForMigrations(environment, migrations, stop.signal);
  if (migrating() || stop.signal.aborted) return;

  const app = await createApplication(environment, imports);
  undo.push(() => close(app));
  // Before anything runs: the first task may be the one that blocks, or that does not end.
  watchEventLoop();
  app.get(Executor).exhausted = (why) => stop.abort(why);
  undo.push(await serve(app, environment));
  process.on('SIGHUP', () => app.get(Declarations).reload());
  releaseMemory();
}

/** The given database, or the embedded one, which is stopped last. */
async function withDatabase(variables: Variables, undo: Undo[]): Promise<Environment> {
  if (variables.DATABASE_URL !== undefined) return { ...variables, DATABASE_URL: variables.DATABASE_URL };
  const embedded = await startEmbeddedPostgres(variables.DATA_DIR);
  undo.push(() => embedded.stop());
  return { ...variables, DATABASE_URL: embedded.url };
}

/** In reverse, whatever of it fails. */
async function undoAll(undo: Undo[]): Promise<void> {
  for (const step of undo.toReversed())
    await step().catch((error: unknown) => process.stderr.write(`${describe(error)}\n`));
}

const describe = (error: unknown) =>
  error instanceof CodedError ? `${error.code}: ${error.message}` : error instanceof Error ? error.stack : String(error);
