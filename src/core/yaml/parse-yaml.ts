import { type Document, isNode, isScalar, LineCounter, parseDocument, visit, YAMLMap } from 'yaml';

export interface YamlFault {
  /** From 1. */
  line: number;
  message: string;
}

export interface ParsedYaml {
  /** Undefined where there are faults. Where the text has aliases, parts of it are one and the same object. */
  value: unknown;
  /** Of the syntax. */
  faults: YamlFault[];
  /** For each path that was asked for, the line of the nearest place that the text has. */
  lines: number[];
}

/** With all aliases filled in. */
const MOST_VALUES = 1_000_000;

/** Parses one YAML document. Takes about a second per megabyte. */
export function parseYaml(text: string, paths: PropertyKey[][] = []): ParsedYaml {
  const counter = new LineCounter();
  const lineOf = (offset: number) => Math.max(1, counter.linePos(offset).line);
  // The library compares each key with all others of its map.
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: false });
  // A warning is of a tag that means nothing here: its value would be taken for a text.
  const faults = [...document.errors, ...document.warnings].map(({ code, pos, message }) => ({
    line: lineOf(pos[0]),
    message: code === 'MULTIPLE_DOCS' ? 'A second document begins here; a file holds one' : message,
  }));
  const lines = paths.map((path) => lineOf(offsetOf(document, path)));
  if (faults.length > 0) return { value: undefined, faults, lines };
  visit(document, {
    Map: (_key, map) => {
      for (const { offset, message } of keyFaults(map)) faults.push({ line: lineOf(offset), message });
    },
  });
  if (faults.length > 0) return { value: undefined, faults, lines };
  return { ...valueOf(document), lines };
}

function valueOf(document: Document): { value: unknown; faults: YamlFault[] } {
  try {
    // The library counts the uses of an anchor, and so refuses a policy that a hundred jobs share.
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    if (weigh(value) <= MOST_VALUES) return { value, faults: [] };
    const message = `With its aliases filled in, the file has more than ${MOST_VALUES} values`;
    return { value: undefined, faults: [{ line: 1, message }] };
  } catch (error) {
    // An alias to nothing.
    return { value: undefined, faults: [{ line: 1, message: (error as Error).message }] };
  }
}

function keyFaults(map: YAMLMap): { offset: number; message: string }[] {
  const keys = new Set<string>();
  return map.items.flatMap(({ key }) => {
    const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
    if (!isScalar(key)) return [{ offset, message: 'A map key must be a text' }];
    const name = String(key.value);
    if (keys.has(name)) return [{ offset, message: `Map keys must be unique; "${name}" is there before` }];
    keys.add(name);
    return [];
  });
}

/** How many values there are, one that is used twice counted twice. Infinity for a value within itself. */
function weigh(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Infinity);
  const weight = Object.values(value).reduce<number>((sum, child) => sum + weigh(child, known), 1);
  known.set(value, weight);
  return weight;
}

function offsetOf(document: Document, path: PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
