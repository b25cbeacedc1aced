import {
  type Document,
  isNode,
  isScalar,
  LineCounter,
  parseAllDocuments,
  parseDocument,
  Scalar,
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
export const MAX_VALUES = 1_000_000;

export const tooManyValues = `With its aliases filled in, the file has more than ${MAX_VALUES} values`;

export const SECOND_DOCUMENT = 'A second document begins here; a file holds one';

/** What the parts of a document that are composed one after the other share. */
export class SharedValues {
  /** The values of the anchors in earlier parts. */
  readonly anchors = new Map<string, unknown>();
  /** See countValues. */
  readonly counted = new Map<object, number>();
  /** Long texts in double quotes, by their placeholders. The library would take 32 bytes for each character. */
  readonly longTexts = new Map<string, string>();
  /** The number of values, counting a shared one at each use. */
  count = 0;
}

/** Our own check for duplicate keys replaces the library's, which compares every key of a map with every other. */
export const OPTIONS = { prettyErrors: false, uniqueKeys: false } as const;

/** Parses a text that must be exactly one YAML document. Takes about one second per megabyte. A tag that YAML does not
 *  define is a fault, because its value would be read as a plain string. */
export function parseYaml(text: string, paths: PropertyKey[][] = []): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...OPTIONS, lineCounter });
  const { value, faults } = readDocument(text, document, [...document.errors, ...document.warnings], lineCounter);
  return { value, faults, lines: paths.map((path) => lineAt(lineCounter, offsetOf(document, path))) };
}

/** Parses a text of any number of documents; an empty text has none. Unknown tags are ignored. With `schema: 'json'`,
 *  scalars that JSON does not have are faults. */
export function parseYamlDocuments(text: string, schema: 'core' | 'json' = 'core'): YamlDocument[] {
  const lineCounter = new LineCounter();
  return [...parseAllDocuments(text, { ...OPTIONS, lineCounter, schema })].map((document) =>
    readDocument(text, document, document.errors, lineCounter),
  );
}

/** The value and the faults of a document, or of a part of it. */
export function readDocument(
  text: string,
  document: Document,
  errors: YAMLError[],
  lineCounter: LineCounter,
  shared = new SharedValues(),
): YamlDocument {
  const line = lineAt(lineCounter, offsetOf(document, []));
  const faults = errors.map(({ code, pos, message }) => ({
    line: lineAt(lineCounter, pos[0]),
    message: code === 'MULTIPLE_DOCS' ? SECOND_DOCUMENT : message,
  }));
  // In the order of the text. Alias.resolve would search the whole document for each alias.
  const anchors: string[] = [];
  const known = new Set<string>();
  const remember = ({ anchor }: { anchor?: string | undefined }) => {
    if (anchor === undefined) return;
    anchors.push(anchor);
    known.add(anchor);
  };
  if (faults.length === 0)
    visit(document, {
      Seq: (_key, list) => remember(list),
      Scalar: (_key, scalar) => {
        remember(scalar);
        keepText(scalar, shared);
        if (typeof scalar.value === 'number' && !isExact(scalar.source ?? '')) scalar.value = Infinity;
      },
      Alias: (_key, alias) => {
        if (known.has(alias.source)) return undefined;
        if (shared.anchors.has(alias.source)) return new Scalar(shared.anchors.get(alias.source));
        const offset = alias.range?.[0] ?? 0;
        const message = `Unresolved alias: no value before this one has the anchor &${alias.source}; put the text in quotes if it is no alias`;
        faults.push({ line: lineAt(lineCounter, offset), message });
        return undefined;
      },
      Map: (_key, map) => {
        remember(map);
        for (const { key } of map.items) if (isScalar(key)) keepText(key, shared);
        keepNumberKeys(map);
        for (const { offset, message } of keyFaults(map)) faults.push({ line: lineAt(lineCounter, offset), message });
      },
    });
  if (faults.length === 0) return valueOf(document, line, anchors, shared);
  return { value: undefined, faults: withQuoteHelp(faults, (number) => lineText(text, lineCounter, number)), line };
}

const QUOTED = /(?<=^|[\s:,[{])(?:"(?:[^"\\]|\\.)*"|'[^']*')/g;
/** The rest of a line from a value on that begins with a character to which YAML gives a meaning, where a text was meant. An alias
 *  with a name is none. */
const UNQUOTED = /(?:^|[[{]\s*|[:,-]\s+)(\*(?:[\s/,].*)?|[@%`?](?:[\s/,a-z].*)?)$/;
/** What follows a value in a map or list in braces: the next value, or the end. */
const AFTER_VALUE = /\s*(?:,\s.*|,$|[}\]].*)$/;
/** The same in a line in which no brace opens. There it may be part of the value, unless it stands at the end. */
const AT_END = /\s*,$|\s+[}\]]+,?$/;

/** What to do about a line with an unquoted cron expression such as `*\/5 * * * *`, `@daily` or `? * * * *`; the first, if there
 *  are several. Undefined for other lines. */
function quoteHelp(line: string): string | undefined {
  const bare = line.replaceAll(QUOTED, (text) => '_'.repeat(text.length)).replace(/(?:^|\s+)#.*$/, '');
  const rest = UNQUOTED.exec(bare)?.[1] ?? '';
  if (rest === '') return undefined;
  const start = bare.length - rest.length;
  const isInBraces = /[{[]/.test(bare.slice(0, start));
  const length = rest.replace(isInBraces ? AFTER_VALUE : AT_END, '').length;
  const value = line.slice(start, start + length);
  return `Put the value in quotes, as "${value}": in YAML, a text without quotes must not begin with ${value.charAt(0)}`;
}

/** A line with help has one fault: the parser reports several for the same cause. */
function withQuoteHelp(faults: YamlFault[], textOf: (line: number) => string): YamlFault[] {
  return [...Map.groupBy(faults, ({ line }) => line)].flatMap(([line, ofLine]) => {
    const message = quoteHelp(textOf(line));
    return message === undefined ? ofLine : [{ line, message }];
  });
}

/** Enough of a line to find the value in it. A line may be the whole of a large text. */
const MAX_LINE = 300;

function lineText(text: string, { lineStarts }: LineCounter, line: number): string {
  const start = lineStarts[line - 1] ?? 0;
  return text.slice(start, Math.min(lineStarts[line] ?? text.length, start + MAX_LINE)).trimEnd();
}

/** `anchors`: the names of the anchors in the order of the text. */
function valueOf(document: Document, line: number, anchors: string[], shared: SharedValues): YamlDocument {
  try {
    const values: unknown[] = [];
    // The library limits how often an anchor is used, which would refuse a policy that a hundred jobs share.
    const value: unknown = document.toJS({ maxAliasCount: -1, onAnchor: (one) => values.push(one) });
    for (const [index, anchor] of anchors.entries()) shared.anchors.set(anchor, values[index]);
    shared.count += countValues(value, shared.counted);
    if (shared.count <= MAX_VALUES) return { value, faults: [], line };
    return { value: undefined, faults: [{ line, message: tooManyValues }], line };
  } catch (error) {
    // An alias without an anchor.
    return { value: undefined, faults: [{ line, message: (error as Error).message }], line };
  }
}

/** Puts a long text in the place of its placeholder. The library joins a text in double quotes from single characters. Converting it to a
 *  number makes V8 store it as one piece, which takes a thirtieth of the memory. */
function keepText(scalar: Scalar, { longTexts }: SharedValues): void {
  if (typeof scalar.value !== 'string' || scalar.type !== Scalar.QUOTE_DOUBLE) return;
  Number(scalar.value);
  scalar.value = longTexts.get(scalar.value) ?? scalar.value;
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
export function countValues(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Infinity);
  const count = Object.values(value).reduce<number>((sum, child) => sum + countValues(child, known), 1);
  known.set(value, count);
  return count;
}

export const lineAt = (lineCounter: LineCounter, offset: number): number =>
  Math.max(1, lineCounter.linePos(offset).line);

export function offsetOf(document: Document, path: PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
