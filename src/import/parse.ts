import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { Problem } from '../core/problem.js';

export interface Parsed {
  value: unknown;
  /** Where the document begins, from 1. */
  line: number;
}

/** The documents of a YAML or JSON text. Throws a Problem that names the line of the first fault. */
export function parseDocuments(text: string, kind: 'YAML' | 'JSON'): Parsed[] {
  const lineCounter = new LineCounter();
  const lineOf = (offset: number) => Math.max(1, lineCounter.linePos(offset).line);
  const options = { lineCounter, prettyErrors: false, ...(kind === 'JSON' && { schema: 'json' as const }) };
  const documents = parseAllDocuments(text, options);
  return (Array.isArray(documents) ? documents : []).map((document: Document.Parsed) => {
    const [fault] = document.errors;
    if (fault) throw unreadable(`line ${lineOf(fault.pos[0])}: ${fault.message}`);
    const line = lineOf(document.contents?.range[0] ?? 0);
    try {
      return { value: document.toJS() as unknown, line };
    } catch (error) {
      // Too many aliases, or one to nothing.
      throw unreadable(`line ${line}: ${(error as Error).message}`);
    }
  });
}

export const unreadable = (message: string): Problem => new Problem(422, 'IMPORT_UNREADABLE', message);
