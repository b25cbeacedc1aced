import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ParsedYaml, parseYaml } from './parse-yaml.js';

/** What to parse, and which values of it. */
export interface YamlText {
  text: string;
  /** Paths whose lines are wanted. Default: none. */
  paths?: PropertyKey[][];
  /** True: the text must be JSON. */
  isJson?: boolean | undefined;
  /** The map of this name in the document may have at most `max` entries. */
  limit?: { map: string; max: number };
}

export interface ParsedText extends ParsedYaml {
  /** Why the text is not JSON, although it must be. Then nothing else was parsed. */
  notJson?: string;
}

/** What a thread posts first. The batches follow, one for each `next` that it gets. */
export interface Head {
  parsed: ParsedText;
  /** The map that is sent in batches, or null. It is not in `parsed`. */
  map: string | null;
  batches: number;
}
export type Batch = [key: string, value: unknown][];

/** Below this many characters, starting a thread (about 0.1 s) takes longer than parsing. */
const LARGE_TEXT = 100_000;

/** The heap of a thread, so that it leaves memory to the rest of the process. */
const MAX_HEAP_MB = 256;

// Jest runs the TypeScript sources. Threads need the built file.
const THREAD = import.meta.filename.endsWith('.ts') ? '../../../dist/core/yaml/yaml.thread.js' : './yaml.thread.js';

/** Parses one YAML document, and checks its limits. */
export function parseText({ text, paths, isJson, limit }: YamlText): ParsedText {
  if (isJson) {
    try {
      JSON.parse(text);
    } catch (error) {
      return { value: undefined, faults: [], lines: [], notJson: (error as Error).message };
    }
  }
  const parsed = parseYaml(text, paths);
  const entries = limit ? mapIn(parsed.value, limit.map) : null;
  const count = entries ? Object.keys(entries).length : 0;
  if (!limit || count <= limit.max) return parsed;
  const line = parseYaml(text, [[limit.map]]).lines[0]!;
  const message = `${limit.map} has ${count} entries, and at most ${limit.max} are allowed; split the file`;
  return { ...parsed, value: undefined, faults: [{ line, message }] };
}

/** The map of this name in a document, if there is one. */
export function mapIn(value: unknown, name: string): object | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return null;
  const map = (value as Record<string, unknown>)[name];
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? map : null;
}

/** Like parseText, but parses a large text in a worker thread, and receives its values in batches, so that it does not block the
 *  event loop. A text that needs over 256 MB is a fault. */
export async function parseTextInThread(text: YamlText): Promise<ParsedText> {
  if (text.text.length < LARGE_TEXT) return parseText(text);
  const thread = new Worker(new URL(THREAD, import.meta.url), {
    workerData: text,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  try {
    const [{ parsed, map, batches }] = (await once(thread, 'message')) as [Head];
    if (map === null) return parsed;
    const entries: Batch = [];
    for (let number = 0; number < batches; number += 1) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.postMessage('next');
      const [batch] = (await once(thread, 'message')) as [Batch];
      entries.push(...batch);
    }
    return { ...parsed, value: { ...(parsed.value as object), [map]: Object.fromEntries(entries) } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
    const message = 'The text has too many values to be parsed; split it into smaller ones';
    return { value: undefined, faults: [{ line: 1, message }], lines: (text.paths ?? []).map(() => 1) };
  } finally {
    void thread.terminate();
  }
}
