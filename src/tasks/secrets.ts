import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApiKeys } from '../auth/api-keys.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { OwnCredentials } from './own-credentials.js';
import { referencesIn, replaceReferences } from './secret-reference.js';

const MAX_BYTES = 65_536;
const KEEP_APART = 'a job could send it anywhere. Keep the credentials of the service in another folder';

/** Reads secrets from files in SECRETS_DIR. Every attempt reads them again, so a changed secret applies from the next attempt
 *  on. Files with credentials of the service itself are refused. */
@Injectable()
export class Secrets implements OnModuleInit {
  private readonly folder: string | undefined;
  private readonly own: OwnCredentials;

  constructor(@Inject(ENVIRONMENT) environment: Partial<Environment>, @Inject(ApiKeys) keys: Pick<ApiKeys, 'find'>) {
    this.folder = environment.SECRETS_DIR;
    this.own = new OwnCredentials(environment, keys);
  }

  /** Throws BAD_ENVIRONMENT when a file in SECRETS_DIR is or contains a credential of the service. */
  async onModuleInit(): Promise<void> {
    if (this.folder === undefined) return;
    const faults: string[] = [];
    for (const name of await readdir(this.folder).catch(() => [])) {
      const path = join(this.folder, name);
      const text = await readText(path).catch(() => null);
      const what = text === null ? null : await this.own.describe(path, text);
      if (what !== null) faults.push(`  SECRETS_DIR: the file "${name}" ${what}; ${KEEP_APART}`);
    }
    if (faults.length > 0)
      throw new Problem(500, 'BAD_ENVIRONMENT', `The environment has faults:\n${faults.join('\n')}`);
  }

  /** Returns the input with its references replaced, and the secrets that it now contains. Throws SECRET_NOT_FOUND,
   *  SECRET_UNREADABLE or SECRET_REFUSED. */
  async fillIn(input: unknown): Promise<{ input: unknown; secrets: string[] }> {
    const secrets = new Map<string, string>();
    for (const { name } of referencesIn(input)) if (name !== null) secrets.set(name, await this.read(name));
    if (secrets.size === 0) return { input, secrets: [] };
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
