import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { referencesIn, replaceReferences } from './secret-reference.js';

const LARGEST_BYTES = 65_536;

/** Reads secrets from their files, anew for each attempt, so that a changed one counts from the next on. */
@Injectable()
export class Secrets {
  constructor(@Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'SECRETS_DIR'>) {}

  /** A checked input with its references filled in, and what was filled in. Throws SECRET_NOT_FOUND or SECRET_UNREADABLE. */
  async fillIn(input: unknown): Promise<{ input: unknown; secrets: string[] }> {
    const secrets = new Map<string, string>();
    for (const { name } of referencesIn(input)) if (name !== null) secrets.set(name, await this.read(name));
    if (secrets.size === 0) return { input, secrets: [] };
    return { input: replaceReferences(input, (name) => secrets.get(name)!), secrets: [...secrets.values()] };
  }

  /** Without the line break at the end that editors leave there. */
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
  const found = await stat(path);
  // Reading a pipe would never end.
  if (!found.isFile()) throw new Error('it is no file');
  if (found.size > LARGEST_BYTES) throw new Error(`it has more than ${LARGEST_BYTES} bytes`);
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

/** Says nothing of what is in the file. */
export class SecretUnreadableError extends Problem {
  constructor(
    readonly secret: string,
    { code, message }: NodeJS.ErrnoException,
  ) {
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is no UTF-8 text' : (code ?? message);
    super(500, 'SECRET_UNREADABLE', `The file of secret "${secret}" in SECRETS_DIR cannot be used: ${why}`);
  }
}
