import ts from 'typescript';
import { lineAt, type SourceFile } from './sources.js';

export const parse = ({ path, text }: SourceFile): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);

/** The string literals and templates of a file, without their quotes. In a template, `*` and `*` enclose the name of a constant that
 *  is filled in, and nothing where it is an expression. */
export function textsOf(tree: ts.SourceFile): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const line = lineAt(tree.text, node.getStart(tree));
    if (ts.isStringLiteralLike(node)) found.push({ text: node.getText(tree).slice(1, -1), line });
    if (ts.isTemplateExpression(node)) found.push({ text: templateText(node, tree), line });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** With as many lines as in the file. */
function templateText({ head, templateSpans }: ts.TemplateExpression, tree: ts.SourceFile): string {
  const spans = templateSpans.map(({ expression, literal }) => {
    const name = ts.isIdentifier(expression) ? expression.text : '';
    const filledIn = tree.text.slice(expression.getFullStart(), literal.getStart(tree));
    return `*${name}*${filledIn.replaceAll(/[^\n]/g, '')}${literal.getText(tree).slice(1)}`;
  });
  return (head.getText(tree) + spans.join('')).replaceAll('${', '').slice(1, -1);
}
