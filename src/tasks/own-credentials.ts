import { readFile, stat } from 'node:fs/promises';
import type { ApiKeys } from '../auth/api-keys.js';
import type { Environment } from '../config/environment.js';

/** Characters. A shorter word in a file is not compared with the API keys, unless it is all of the file. */
const SHORTEST_KEY = 8;

/** The credentials of the service itself: its files, database URLs, passwords and API keys. No task may get one as a secret, because
 *  a job can send its secrets anywhere. */
export class OwnCredentials {
  private readonly environment: [name: string, value: unknown][];

  constructor(
    environment: Partial<Environment>,
    private readonly keys: Pick<ApiKeys, 'find'>,
  ) {
    this.environment = Object.entries(environment);
  }

  /** What the file with this content is or contains, or null if it is none of them. The text never quotes the content. */
  async describe(path: string, text: string): Promise<string | null> {
    return (await this.asFile(path, text)) ?? this.asUrl(text) ?? this.asApiKey(text);
  }

  /** The same file also under another name: through symlinks, as Kubernetes mounts them, as a hard link, or as a copy. The jobs file
   *  is not a credential. */
  private async asFile(path: string, text: string): Promise<string | null> {
    const { dev, ino } = await stat(path, { bigint: true });
    for (const [name, file] of this.environment) {
      if (!name.endsWith('_FILE') || name === 'JOBS_FILE' || typeof file !== 'string') continue;
      const own = await stat(file, { bigint: true }).catch(() => null);
      if (own?.dev === dev && own.ino === ino) return `is the file that ${name} names`;
      const content = await readFile(file, 'utf8').catch(() => null);
      if (content?.trim() === text.trim()) return `is a copy of the file that ${name} names`;
    }
    return null;
  }

  private asUrl(text: string): string | null {
    for (const [name, url] of this.environment) {
      if (!name.endsWith('_URL') || typeof url !== 'string' || !URL.canParse(url)) continue;
      if (text.includes(url)) return `contains ${name}`;
      const { password } = new URL(url);
      if (password === '') continue;
      if (
        text.includes(`:${password}@`) ||
        [text, ...wordsIn(text)].some((word) => [password, decoded(password)].includes(word))
      )
        return `contains the password of ${name}`;
    }
    return null;
  }

  private asApiKey(text: string): string | null {
    const words = wordsIn(text).filter((word) => word.length >= SHORTEST_KEY);
    const key = [text, ...words].map((word) => this.keys.find(word)).find((found) => found !== undefined);
    return key ? `contains the API key "${key.name}"` : null;
  }
}

const wordsIn = (text: string) => text.split(/[\s"',]+/);

function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}
