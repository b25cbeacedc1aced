import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type EntriesOptions, parseEntries } from './parse-entries.js';
import type { ParsedYaml } from './parse-yaml.js';

/** What to parse, and which values of it. */
export interface YamlText {
  text: string;
  /** True: the text must be JSON. */
  isJson?: boolean | undefined;
  entries: EntriesOptions;
}

export interface ParsedText extends ParsedYaml {
  /** Why the text is not JSON, although it must be. Then nothing else was parsed. */
  notJson?: string;
}

/** What the process sends first. The batches follow, one for each `next` that it gets. */
export interface Head {
  parsed: ParsedText;
  /** The map that is sent in batches, or null. It is not in `parsed`. */
  map: string | null;
  batches: number;
}
export type Batch = [key: string, value: unknown][];

/** Below this many characters, starting a process (about 0.1 s) takes longer than parsing. */
const LARGE_TEXT = 100_000;

const MAX_HEAP_MB = 256;

// Jest runs the TypeScript sources. Processes need the built file.
const FILE = import.meta.filename.endsWith('.ts') ? '../../../dist/core/yaml/yaml.process.js' : './yaml.process.js';

/** Parses one YAML document, and checks its limits. */
export function parseText({ text, isJson, entries }: YamlText): ParsedText {
  if (isJson) {
    try {
      JSON.parse(text);
    } catch (error) {
      return { value: undefined, faults: [], lines: [], notJson: (error as Error).message };
    }
  }
  return parseEntries(text, entries);
}

/** Like parseText, but parses a large text in a process of its own, and receives its values in batches, so that it does not block the
 *  event loop. A text that needs over 256 MB is a fault. In a thread, it would end the whole service: V8 ends the process if it cannot
 *  stop a thread in time whose heap is full. */
export async function parseTextInProcess(text: YamlText): Promise<ParsedText> {
  if (text.text.length < LARGE_TEXT) return parseText(text);
  const child = fork(new URL(FILE, import.meta.url), {
    // Of the environment it needs nothing, and credentials may be in it.
    env: {},
    execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    const head = (await responseTo(child, text)) as Head | null;
    if (head === null) {
      const message = `The text needs more than ${MAX_HEAP_MB} MB of memory to be parsed; split it into smaller ones`;
      return { value: undefined, faults: [{ line: 1, message }], lines: (text.entries.paths ?? []).map(() => 1) };
    }
    const { parsed, map, batches } = head;
    if (map === null) return parsed;
    const entries: Batch = [];
    for (let number = 0; number < batches; number += 1) entries.push(...((await responseTo(child, 'next')) as Batch));
    return { ...parsed, value: { ...(parsed.value as object), [map]: Object.fromEntries(entries) } };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Null: the process has run out of memory. Throws if it has ended for another reason. */
async function responseTo(child: ChildProcess, message: YamlText | 'next'): Promise<unknown> {
  const over = new AbortController();
  try {
    const response = once(child, 'message', { signal: over.signal });
    const exit = once(child, 'exit', { signal: over.signal });
    child.send(message, () => {});
    return await Promise.race([
      response.then(([value]: unknown[]) => value),
      exit.then(([code, signal]: unknown[]) => {
        if (code === 134 || signal === 'SIGABRT' || signal === 'SIGTRAP' || signal === 'SIGKILL') return null;
        throw new Error(`The process that parses a text has ended: ${String(signal ?? code)}`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
