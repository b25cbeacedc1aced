import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ApiKeys } from '../auth/api-keys.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { MAX_SECRETS_LENGTH } from '../core/mask.js';
import { pathFault } from '../core/path-fault.js';
import { Problem } from '../core/problem.js';
import { RECOGNISABLE, SHORTEST } from '../core/secret-forms.js';
import { OwnCredentials } from './own-credentials.js';
import { referencesIn, replaceReferences } from './secret-reference.js';

const MAX_BYTES = 65_536;
const KEEP_APART = 'a job could send it anywhere. Keep the credentials of the service in another folder';

const LIMIT = `at most ${MAX_SECRETS_LENGTH} can be masked. Keep other files in another folder`;
/** Words that log lines, outputs and errors consist of. Shorter ones are not masked. */
const LOG_WORDS = new Set(
  `level time message hostname context error errors fields runid attempt name type stack code cause causes trace debug info
   warn warning fatal true false null undefined status headers body input output state`.split(/\s+/),
);

/** Reads secrets from files in SECRETS_DIR. Every attempt reads them again, so a changed secret applies from the next attempt
 *  on. Files with credentials of the service itself are refused. */
@Injectable()
export class Secrets implements OnModuleInit {
  private readonly folder: string | undefined;
  /** False in a process that runs no tasks, which needs no secrets. */
  private readonly isNeeded: boolean;
  private readonly own: OwnCredentials;
  private readonly logger = new Logger(Secrets.name);

  constructor(@Inject(ENVIRONMENT) environment: Partial<Environment>, @Inject(ApiKeys) keys: Pick<ApiKeys, 'find'>) {
    this.folder = environment.SECRETS_DIR;
    this.isNeeded = environment.ROLES?.includes('worker') ?? true;
    this.own = new OwnCredentials(environment, keys);
  }

  /** Throws BAD_ENVIRONMENT when a worker cannot read SECRETS_DIR, when a file in SECRETS_DIR is or contains a credential of the service, and when all files together are
   *  too long to be masked. Warns about values that cannot be masked well. */
  async onModuleInit(): Promise<void> {
    if (this.folder === undefined) return;
    const faults: string[] = [];
    const unusable = this.isNeeded ? pathFault(this.folder, 'folder') : null;
    if (unusable !== null) faults.push(`  SECRETS_DIR: ${unusable}`);
    const values = new Set<string>();
    for (const name of await readdir(this.folder).catch(() => [])) {
      const path = join(this.folder, name);
      const text = await readText(path).catch(() => null);
      if (text === null) continue;
      values.add(text);
      const what = await this.own.describe(path, text);
      const weakness = weaknessOf(text);
      if (weakness !== null)
        this.logger.warn(`SECRETS_DIR: the secret "${name}" ${weakness}. Use a longer random value`);
      if (what !== null) faults.push(`  SECRETS_DIR: the file "${name}" ${what}; ${KEEP_APART}`);
    }
    const length = lengthOf(values);
    if (length > MAX_SECRETS_LENGTH)
      faults.push(`  SECRETS_DIR: the files have ${length} characters together; ${LIMIT}`);
    if (faults.length > 0)
      throw new Problem(500, 'BAD_ENVIRONMENT', `The environment has faults:\n${faults.join('\n')}`);
  }

  /** Returns the input with its references replaced, and the secrets that it now contains. Throws SECRET_NOT_FOUND,
   *  SECRET_UNREADABLE or SECRET_REFUSED. */
  async fillIn(input: unknown): Promise<{ input: unknown; secrets: string[] }> {
    const secrets = new Map<string, string>();
    for (const { name } of referencesIn(input)) if (name !== null) secrets.set(name, await this.read(name));
    if (secrets.size === 0) return { input, secrets: [] };
    const length = lengthOf(new Set(secrets.values()));
    if (length > MAX_SECRETS_LENGTH) throw new SecretsTooLongError([...secrets.keys()], length);
    return { input: replaceReferences(input, (name) => secrets.get(name)!), secrets: [...secrets.values()] };
  }

  /** Without one line break at the end, which editors add. */
  private async read(name: string): Promise<string> {
    if (this.folder === undefined) throw new SecretNotFoundError(name, 'SECRETS_DIR is not set on this replica');
    const path = join(this.folder, name);
    try {
      const text = await readText(path);
      const what = await this.own.describe(path, text);
      if (what === null) return text;
      throw new SecretRefusedError(name, what);
    } catch (error) {
      if (error instanceof SecretRefusedError) throw error;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new SecretNotFoundError(name, 'SECRETS_DIR of this replica has no file of that name');
      throw new SecretUnreadableError(name, error as NodeJS.ErrnoException);
    }
  }
}

const lengthOf = (values: ReadonlySet<string>) => [...values].reduce((sum, value) => sum + value.length, 0);

/** Why the value of a secret cannot be masked well, or null. The text does not quote the value. */
function weaknessOf(value: string): string | null {
  if (value.length < SHORTEST) return `has fewer than ${SHORTEST} characters and is not masked`;
  if (LOG_WORDS.has(value.toLowerCase())) return 'is a word that occurs in ordinary logs, so it is masked there too';
  if (value.length < RECOGNISABLE)
    return `has fewer than ${RECOGNISABLE} characters, so ordinary words that contain it are masked too`;
  return null;
}

async function readText(path: string): Promise<string> {
  const stats = await stat(path);
  // Reading a pipe might never end.
  if (!stats.isFile()) throw new Error('it is not a file');
  if (stats.size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path)).replace(/\r?\n$/, '');
  if (text === '') throw new Error('it is empty');
  return text;
}

export class SecretNotFoundError extends Problem {
  constructor(
    readonly secret: string,
    why: string,
  ) {
    super(500, 'SECRET_NOT_FOUND', `There is no secret "${secret}": ${why}`);
  }
}

/** The message contains nothing of the file's content. */
export class SecretRefusedError extends Problem {
  constructor(
    readonly secret: string,
    what: string,
  ) {
    super(500, 'SECRET_REFUSED', `The file of secret "${secret}" in SECRETS_DIR ${what}; ${KEEP_APART}`);
  }
}

/** The message contains nothing of the file's content. */
export class SecretUnreadableError extends Problem {
  constructor(
    readonly secret: string,
    { code, message }: NodeJS.ErrnoException,
  ) {
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : (code ?? message);
    super(500, 'SECRET_UNREADABLE', `The file of secret "${secret}" in SECRETS_DIR cannot be used: ${why}`);
  }
}

/** The message contains nothing of the files' content. */
export class SecretsTooLongError extends Problem {
  constructor(names: string[], length: number) {
    const list = names.map((name) => `"${name}"`).join(', ');
    super(500, 'SECRET_UNREADABLE', `The secrets ${list} have ${length} characters together; ${LIMIT}`);
  }
}
