import ts from 'typescript';
import { parse, textsOf } from './code-texts.js';
import { lineAt, type SourceFile } from './sources.js';

/** A place in the code that writes a table. */
export interface TableWrite {
  path: string;
  line: number;
  /** Null: the name is computed, so that nobody can see which table it is. */
  table: string | null;
  /** `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `MERGE`, `COPY`, or the method of TypeORM. */
  verb: string;
  /** The columns of an UPDATE in SQL, where `*` stands for a computed part of a name; null: any. */
  columns: string[] | null;
}

/** All places in these files that write one of the tables, in SQL or by TypeORM. */
export function tableWrites(files: SourceFile[], tables: string[]): TableWrite[] {
  const entities = entityTables(files);
  return files.flatMap((file) => {
    const tree = parse(file);
    return [...sqlWrites(file, tree, tables), ...typeOrmWrites(file, tree, entities)];
  });
}

/** The tables of the classes with @Entity, by the names of the classes. */
const entityTables = (files: SourceFile[]) =>
  new Map(
    files.flatMap(({ text }) =>
      [...text.matchAll(/@Entity\(\s*'(\w+)'[^)]*\)\s*export class (\w+)/g)].map(
        ([, table, entity]) => [entity!, table!] as const,
      ),
    ),
  );

// A name as SQL has it: perhaps quoted, perhaps after a schema, either perhaps computed.
const NAME = String.raw`(?:"?[\w*]+"?\.)?"?(?<table>[\w*]+)"?`;
const STATEMENTS = {
  INSERT: String.raw`INSERT\s+INTO\s+${NAME}`,
  // Neither FOR UPDATE nor DO UPDATE, nor the UPDATE of a trigger.
  UPDATE: String.raw`(?<!\b(?:FOR|KEY|DO|OR|AFTER|BEFORE)\s+)UPDATE\s+(?:ONLY\s+)?${NAME}(?:\s+(?:AS\s+)?\w+)?\s+SET\b`,
  DELETE: String.raw`DELETE\s+FROM\s+(?:ONLY\s+)?${NAME}`,
  TRUNCATE: String.raw`TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?${NAME}`,
  MERGE: String.raw`MERGE\s+INTO\s+(?:ONLY\s+)?${NAME}`,
  COPY: String.raw`COPY\s+${NAME}\s*(?:\([^)]*\)\s*)?FROM\b`,
};

function sqlWrites(file: SourceFile, tree: ts.SourceFile, tables: string[]): TableWrite[] {
  const found: TableWrite[] = [];
  for (const { text, line } of textsOf(tree))
    for (const [verb, pattern] of Object.entries(STATEMENTS))
      for (const match of text.matchAll(new RegExp(String.raw`\b${pattern}`, 'gi'))) {
        // `UPDATE ${replicas} SET` writes the table that the constant is named after.
        const name = match.groups!['table']!.toLowerCase().replace(/^\*(\w+)\*$/, '$1');
        const isComputed = name.includes('*') || (match.groups!['table']!.includes('*') && !tables.includes(name));
        if (!isComputed && !tables.includes(name)) continue;
        found.push({
          path: file.path,
          line: line + lineAt(text, match.index) - 1,
          table: isComputed ? null : name,
          verb,
          columns: verb === 'UPDATE' ? columnsSet(text.slice(match.index + match[0].length)) : null,
        });
      }
  return found;
}

/** The columns on the left of the list that follows SET. */
function columnsSet(text: string): string[] {
  let depth = 0;
  let end = 0;
  let list = '';
  for (; end < text.length; end += 1) {
    const character = text[end]!;
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth < 0 || character === ';' || (depth === 0 && /^\s(?:FROM|WHERE|RETURNING)\b/i.test(text.slice(end))))
      break;
    list += depth > 0 && character === ',' ? ' ' : character;
  }
  const columns = list.split(',').map((assignment) => assignment.split('=')[0]!.trim());
  return columns.map((column) =>
    column
      .replaceAll(/\*\w*\*/g, '*')
      .replaceAll('"', '')
      .toLowerCase(),
  );
}

/** What writes in TypeORM's managers, repositories and query builders. */
const METHODS =
  /^(?:insert|update|upsert|delete|softDelete|restore|save|remove|softRemove|recover|increment|decrement|clear|into)$/;

function typeOrmWrites(file: SourceFile, tree: ts.SourceFile, entities: Map<string, string>): TableWrite[] {
  const found: TableWrite[] = [];
  const add = (node: ts.Node, verb: string, table: string | null) =>
    found.push({ path: file.path, line: lineAt(tree.text, node.getStart(tree)), table, verb, columns: null });
  const tableOf = (name = '') => entities.get(name) ?? null;
  const visit = (node: ts.Node): void => {
    // Whoever has a repository can do anything to its table.
    if (ts.isTypeReferenceNode(node)) {
      const table = tableOf(/^Repository<(\w+)>$/.exec(node.getText(tree))?.[1]);
      if (table !== null) add(node, 'Repository', table);
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      const receiver = expression.getText(tree);
      const entity = tableOf(node.arguments[0]?.getText(tree));
      const builtFor = tableOf(/\b(?:createQueryBuilder|getRepository)\((\w+)/.exec(receiver)?.[1]);
      const deletes = name.text === 'from' && /\.(?:delete|softDelete)\(\)$/.test(receiver);
      const table = METHODS.test(name.text) ? (entity ?? builtFor) : deletes ? entity : null;
      // Of an object, the text does not say what it is.
      const isUnknown =
        /^(?:save|remove|softRemove|recover)$/.test(name.text) && /^(?:tx|manager|entityManager)$/.test(receiver);
      if (table !== null || isUnknown) add(name, name.text, table);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}
