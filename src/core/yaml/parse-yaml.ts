import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  type Document,
  isNode,
  isScalar,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  visit,
  type YAMLError,
  YAMLMap,
} from 'yaml';
import { isExact } from '../exact-numbers.js';

export interface YamlFault {
  /** From 1. */
  line: number;
  message: string;
}

export interface YamlDocument {
  /** Undefined when there are faults. Nodes that aliases refer to are one shared object. A number that JavaScript would change is
   *  Infinity, which `unstorable` finds. A key is the text in the file, also if it looks like a number. */
  value: unknown;
  faults: YamlFault[];
  /** Where the content begins, from 1. */
  line: number;
}

export interface ParsedYaml extends Omit<YamlDocument, 'line'> {
  /** For each path that was asked for: the line of its node, or of the nearest parent that exists. */
  lines: number[];
}

/** Upper limit with all aliases expanded. */
const MAX_VALUES = 1_000_000;

/** Below this many characters, starting a thread (about 0.1 s) takes longer than parsing. */
const LARGE_TEXT = 100_000;

/** The heap of a thread, so that it leaves memory to the rest of the process. */
const MAX_HEAP_MB = 256;

// Jest runs the TypeScript sources. Threads need the built file.
const THREAD = import.meta.filename.endsWith('.ts') ? '../../../dist/core/yaml/yaml.thread.js' : './yaml.thread.js';

/** Our own check for duplicate keys replaces the library's, which compares every key of a map with every other. */
const OPTIONS = { prettyErrors: false, uniqueKeys: false } as const;

/** Parses a text that must be exactly one YAML document. Takes about one second per megabyte. A tag that YAML does not
 *  define is a fault, because its value would be read as a plain string. */
export function parseYaml(text: string, paths: PropertyKey[][] = []): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...OPTIONS, lineCounter });
  const { value, faults } = readDocument(document, [...document.errors, ...document.warnings], lineCounter);
  return { value, faults, lines: paths.map((path) => lineAt(lineCounter, offsetOf(document, path))) };
}

/** Like parseYaml, but parses a large text in a worker thread, so that it does not block the event loop. A text that needs over 256 MB
 *  is a fault. */
export async function parseYamlInThread(text: string, paths: PropertyKey[][] = []): Promise<ParsedYaml> {
  if (text.length < LARGE_TEXT) return parseYaml(text, paths);
  const thread = new Worker(new URL(THREAD, import.meta.url), {
    workerData: { text, paths },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  try {
    const [parsed] = (await once(thread, 'message')) as [ParsedYaml];
    return parsed;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
    const message = 'The text has too many values to be parsed; split it into smaller ones';
    return { value: undefined, faults: [{ line: 1, message }], lines: paths.map(() => 1) };
  }
}

/** Parses a text of any number of documents; an empty text has none. Unknown tags are ignored. With `schema: 'json'`,
 *  scalars that JSON does not have are faults. */
export function parseYamlDocuments(text: string, schema: 'core' | 'json' = 'core'): YamlDocument[] {
  const lineCounter = new LineCounter();
  return [...parseAllDocuments(text, { ...OPTIONS, lineCounter, schema })].map((document) =>
    readDocument(document, document.errors, lineCounter),
  );
}

function readDocument(document: Document, errors: YAMLError[], lineCounter: LineCounter): YamlDocument {
  const line = lineAt(lineCounter, offsetOf(document, []));
  const faults = errors.map(({ code, pos, message }) => ({
    line: lineAt(lineCounter, pos[0]),
    message: code === 'MULTIPLE_DOCS' ? 'A second document begins here; a file holds one' : message,
  }));
  if (faults.length === 0)
    visit(document, {
      Scalar: (_key, scalar) => {
        if (typeof scalar.value === 'number' && !isExact(scalar.source ?? '')) scalar.value = Infinity;
      },
      Map: (_key, map) => {
        keepNumberKeys(map);
        for (const { offset, message } of keyFaults(map)) faults.push({ line: lineAt(lineCounter, offset), message });
      },
    });
  return faults.length > 0 ? { value: undefined, faults, line } : valueOf(document, line);
}

function valueOf(document: Document, line: number): YamlDocument {
  try {
    // The library limits how often an anchor is used, which would refuse a policy that a hundred jobs share.
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    if (countValues(value) <= MAX_VALUES) return { value, faults: [], line };
    const message = `With its aliases filled in, the file has more than ${MAX_VALUES} values`;
    return { value: undefined, faults: [{ line, message }], line };
  } catch (error) {
    // An alias without an anchor.
    return { value: undefined, faults: [{ line, message: (error as Error).message }], line };
  }
}

/** A key such as 1.10 or 9007199254740993 would otherwise become 1.1 or another number. */
function keepNumberKeys({ items }: YAMLMap): void {
  for (const { key } of items)
    if (isScalar(key) && typeof key.value === 'number' && key.source !== undefined) key.value = key.source;
}

function keyFaults(map: YAMLMap): { offset: number; message: string }[] {
  const keys = new Set<string>();
  return map.items.flatMap(({ key }) => {
    const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
    if (!isScalar(key)) return [{ offset, message: 'A map key must be a text' }];
    const name = String(key.value);
    if (keys.has(name)) return [{ offset, message: `Map keys must be unique; "${name}" is already used above` }];
    keys.add(name);
    return [];
  });
}

/** How many values there are, counting a shared one at each use. Infinity for a value that contains itself. */
function countValues(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Infinity);
  const count = Object.values(value).reduce<number>((sum, child) => sum + countValues(child, known), 1);
  known.set(value, count);
  return count;
}

const lineAt = (lineCounter: LineCounter, offset: number): number => Math.max(1, lineCounter.linePos(offset).line);

function offsetOf(document: Document, path: PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
