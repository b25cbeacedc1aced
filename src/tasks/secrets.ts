import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { referencesIn, replaceReferences } from './secret-reference.js';

const MAX_BYTES = 65_536;

/** Reads secrets from files in SECRETS_DIR. Every attempt reads them again, so a changed secret applies from the next attempt
 *  on. */
@Injectable()
export class Secrets {
  constructor(@Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'SECRETS_DIR'>) {}

  /** Returns the input with its references replaced, and the secrets that it now contains. Throws SECRET_NOT_FOUND or
   *  SECRET_UNREADABLE. */
  async fillIn(input: unknown): Promise<{ input: unknown; secrets: string[] }> {
    const secrets = new Map<string, string>();
    for (const { name } of referencesIn(input)) if (name !== null) secrets.set(name, await this.read(name));
    if (secrets.size === 0) return { input, secrets: [] };
    return { input: replaceReferences(input, (name) => secrets.get(name)!), secrets: [...secrets.values()] };
  }

  /** Without one line break at the end, which editors add. */
  private async read(name: string): Promise<string> {
    const folder = this.environment.SECRETS_DIR;
    if (folder === undefined) throw new SecretNotFoundError(name, 'SECRETS_DIR is not set on this replica');
    try {
      return await readText(join(folder, name));
    } catch (error) {
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
export class SecretUnreadableError extends Problem {
  constructor(
    readonly secret: string,
    { code, message }: NodeJS.ErrnoException,
  ) {
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : (code ?? message);
    super(500, 'SECRET_UNREADABLE', `The file of secret "${secret}" in SECRETS_DIR cannot be used: ${why}`);
  }
}
