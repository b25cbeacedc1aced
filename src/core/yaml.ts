import { isNode, LineCounter, parseDocument } from 'yaml';

export interface FileFault {
  /** From 1. */
  line: number;
  /** Such as `jobs.ping.trigger.everySeconds`; empty for the whole file. */
  pointer: string;
  message: string;
}

export interface ParsedYaml {
  value: unknown;
  /** Of the syntax. */
  faults: FileFault[];
  /** A fault at the nearest place of this path that the text has. */
  at(path: PropertyKey[], message: string): FileFault;
}

/** Parses one YAML document and remembers where each value stands. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number) => Math.max(1, lines.linePos(offset).line);
  const faults = document.errors.map(({ pos, message }) => ({ line: lineOf(pos[0]), pointer: '', message }));

  const at = (path: PropertyKey[], message: string): FileFault => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range)
        return { line: lineOf(node.range[0]), pointer: path.map(String).join('.'), message };
    }
    return { line: 1, pointer: path.map(String).join('.'), message };
  };

  if (faults.length > 0) return { value: undefined, faults, at };
  try {
    return { value: document.toJS(), faults, at };
  } catch (error) {
    // Too many aliases, or one to nothing.
    return { value: undefined, faults: [{ line: 1, pointer: '', message: (error as Error).message }], at };
  }
}
