import { randomUUID } from 'node:crypto';
import { Composer, type CST, type Document, isMap, isScalar, Lexer, LineCounter, Parser } from 'yaml';
import {
  lineAt,
  MAX_VALUES,
  offsetOf,
  OPTIONS,
  type ParsedYaml,
  readDocument,
  SECOND_DOCUMENT,
  SharedValues,
  tooManyValues,
  type YamlFault,
} from './parse-yaml.js';

/** Tokens of the syntax after which complete entries are composed. */
const BATCH_TOKENS = 20_000;
/** Tokens of the syntax that may be kept at once: those of one entry, or of a text without entries. */
const MAX_TOKENS = 500_000;
/** A comment after an entry may still be added to it. */
const OPEN_ENTRIES = 2;

export interface Entries {
  /** The name of the map in the document whose entries are parsed a few at a time. */
  map: string;
  /** How many entries it may have. */
  max: number;
}

export interface EntriesOptions extends Entries {
  /** Paths whose lines are wanted. Default: none. */
  paths?: PropertyKey[][] | undefined;
  /** Default: 20,000. */
  batchTokens?: number;
}

/** Characters above which a text in double quotes is parsed here. */
const LONG_TEXT = 10_000;

type OpenMap = CST.BlockMap | CST.FlowCollection;
type Item = CST.CollectionItem;

/** Parses a text like parseYaml. Keeps the syntax tree of a few entries of one map only, since a tree takes up to a hundred times the
 *  memory of its text. One entry may have up to 500,000 tokens: values, punctuation, line breaks and comments. */
export const parseEntries = (text: string, options: EntriesOptions): ParsedYaml =>
  new EntriesParser(text, options).parse();

class EntriesParser {
  private readonly lineCounter = new LineCounter();
  private readonly parser = new Parser(this.lineCounter.addNewLine);
  private readonly shared = new SharedValues();
  /** The map whose complete entries are taken out of the syntax tree. Null: none was taken. */
  private opened: OpenMap | null = null;
  private readonly names = new Set<string>();
  private readonly entries: [string, unknown][] = [];
  private readonly syntaxFaults: YamlFault[] = [];
  private readonly faults: YamlFault[] = [];
  private readonly lines: number[];
  private readonly id = randomUUID();

  constructor(
    private readonly text: string,
    private readonly options: EntriesOptions,
  ) {
    this.lines = (options.paths ?? []).map(() => 0);
  }

  parse(): ParsedYaml {
    const { batchTokens = BATCH_TOKENS } = this.options;
    const tokens: CST.Token[] = [];
    let kept = 0;
    // An anchor before the map may be its own, or that of a value that is composed after it.
    let anchored = false;
    this.lineCounter.addNewLine(0);
    for (const lexeme of new Lexer().lex(this.text)) {
      tokens.push(...this.next(lexeme));
      kept += 1;
      if (lexeme.startsWith('&') && !this.openMap()) anchored = true;
      if (kept % batchTokens > 0) continue;
      if (!anchored && tokens.length === 0 && this.takeEntries()) kept = 0;
      if (kept > MAX_TOKENS) return this.refused(this.tooManyTokens());
      if (this.shared.count > MAX_VALUES)
        return this.refused({ line: this.lineOf(this.parser.stack[1]?.offset ?? 0), message: tooManyValues });
    }
    tokens.push(...this.parser.end());
    return this.finish(tokens);
  }

  /** Passes on a token, or a placeholder for a long text. */
  private *next(lexeme: string): Generator<CST.Token, void> {
    const text = lexeme.startsWith('"') && lexeme.length > LONG_TEXT ? textIn(lexeme) : undefined;
    if (text === undefined) yield* this.parser.next(lexeme);
    else {
      const placeholder = `${this.id} ${this.shared.longTexts.size}`;
      this.shared.longTexts.set(placeholder, text);
      yield* this.parser.next(`"${placeholder}"`);
      this.parser.offset += lexeme.length - placeholder.length - 2;
    }
  }

  /** The map that the parser is reading, if it is the one of this name at the top of the document. */
  private openMap(): OpenMap | undefined {
    const [document, root, map] = this.parser.stack;
    if (document?.type !== 'document' || !root || !map || !isOpenMap(root) || !isOpenMap(map)) return undefined;
    const { key, sep } = (root.items as Item[]).at(-1) ?? {};
    const isNamed = key != null && sep != null && nameOf(key) === this.options.map;
    return isNamed && (this.opened === null || this.opened === map) ? map : undefined;
  }

  /** Takes the complete entries out of the syntax tree. Returns false if there is none. */
  private takeEntries(): boolean {
    const map = this.openMap();
    if (!map || map.items.length <= OPEN_ENTRIES) return false;
    this.compose(map, (map.items as Item[]).splice(0, map.items.length - OPEN_ENTRIES));
    return true;
  }

  private compose(map: OpenMap, items: Item[]): void {
    if (map.type === 'flow-collection' && this.opened) this.removeComma(items[0]!);
    this.opened = map;
    const offset = items[0]!.start[0]?.offset ?? items[0]!.key?.offset ?? map.offset;
    const value = {
      ...map,
      offset,
      items,
      ...(map.type === 'flow-collection' && { end: [this.endOf(map)] }),
    } as OpenMap;
    const [document] = new Composer(OPTIONS).compose([{ type: 'document', offset, start: [], value }]);
    this.add(document!);
  }

  /** Between the entries of a flow map; it belongs to the entry after it. */
  private removeComma(item: Item): void {
    const index = item.start.findIndex(({ type }) => type === 'comma');
    if (index >= 0) item.start.splice(index, 1);
    else
      this.syntaxFaults.push({
        line: this.lineOf(item.key?.offset ?? 0),
        message: 'Missing , between flow map items',
      });
  }

  private endOf({ indent }: CST.FlowCollection): CST.SourceToken {
    return { type: 'flow-map-end', offset: this.parser.offset, indent, source: '}' };
  }

  /** Keeps the values of entries, and their faults. */
  private add(document: Document.Parsed): void {
    const { value, faults } = this.read(document);
    const keys = isMap(document.contents) ? document.contents.items.map(({ key }) => key) : [];
    const added = new Set<string>();
    for (const key of keys) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      if (this.names.has(name)) {
        const message = `Map keys must be unique; "${name}" is already used above`;
        this.faults.push({ line: this.lineOf(key.range?.[0] ?? 0), message });
      }
      added.add(name);
    }
    for (const name of added) this.names.add(name);
    this.placePaths(document, ([map, name]) => map === this.options.map && added.has(String(name)), 1);
    if (faults.length === 0 && this.names.size <= this.options.max)
      this.entries.push(...Object.entries(value as object));
  }

  private read(document: Document.Parsed) {
    const errors = [...document.errors, ...document.warnings];
    const read = readDocument(this.text, document, errors, this.lineCounter, this.shared);
    (errors.length > 0 ? this.syntaxFaults : this.faults).push(...read.faults);
    return read;
  }

  /** Notes the lines of the paths that `isIn` the document, without their first `skipped` keys. */
  private placePaths(document: Document, isIn: (path: PropertyKey[]) => boolean, skipped: number): void {
    for (const [index, path] of (this.options.paths ?? []).entries())
      if (this.lines[index] === 0 && isIn(path))
        this.lines[index] = this.lineOf(offsetOf(document, path.slice(skipped)));
  }

  /** Composes what is left: the document without its entries. */
  private finish(tokens: CST.Token[]): ParsedYaml {
    if (this.opened && this.opened.items.length > 0) this.compose(this.opened, (this.opened.items as Item[]).splice(0));
    const { map, max } = this.options;
    const [document, second] = new Composer(OPTIONS).compose(tokens, true, this.text.length);
    const { value, line } = this.read(document!);
    if (second) this.syntaxFaults.push({ line: this.lineOf(second.range[0]), message: SECOND_DOCUMENT });
    this.placePaths(document!, () => true, 0);
    if (this.shared.count > MAX_VALUES) return this.refused({ line, message: tooManyValues });
    const faults = this.syntaxFaults.length > 0 ? this.syntaxFaults : this.faults;
    if (faults.length > 0)
      return { value: undefined, faults: faults.toSorted((a, b) => a.line - b.line), lines: this.lines };
    const values = this.opened ? { ...(value as object), [map]: Object.fromEntries(this.entries) } : value;
    const count = this.opened ? this.names.size : Object.keys(mapIn(value, map) ?? {}).length;
    if (count <= max) return { value: values, faults: [], lines: this.lines };
    const message = `${map} has ${count} entries, and at most ${max} are allowed; split the file`;
    return this.refused({ line: this.lineOf(offsetOf(document!, [map])), message });
  }

  private refused(fault: YamlFault): ParsedYaml {
    return { value: undefined, faults: [fault], lines: this.lines.map((line) => Math.max(1, line)) };
  }

  private tooManyTokens(): YamlFault {
    const [, , open] = this.parser.stack;
    const item = open && isOpenMap(open) ? (open.items as Item[]).at(-1) : undefined;
    const name = item?.key ? `"${nameOf(item.key)}"` : 'A value';
    const message = `${name} has more than ${MAX_TOKENS} values, punctuation marks, line breaks and comments; make it smaller`;
    return { line: this.lineOf(item?.key?.offset ?? 0), message };
  }

  private lineOf(offset: number): number {
    return lineAt(this.lineCounter, offset);
  }
}

/** The map of this name in a document, if there is one. */
export function mapIn(value: unknown, name: string): object | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return null;
  const map = (value as Record<string, unknown>)[name];
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? map : null;
}

const isOpenMap = (token: CST.Token): token is OpenMap =>
  token.type === 'block-map' || (token.type === 'flow-collection' && token.start.source === '{');

const nameOf = (key: CST.Token): string =>
  'source' in key && typeof key.source === 'string' ? key.source.replaceAll(/^["']|["']$/g, '') : '';

/** The text of a token in double quotes, if JSON has the same. */
function textIn(token: string): string | undefined {
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}
