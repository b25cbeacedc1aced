/** Numbers whose text has so many digits, or so large an exponent, that JavaScript may not keep them. */
const SUSPICIOUS = /[\d.]{16}|e[+-]?\d{3}/i;
/** The strings and numbers of a JSON text. A string is matched as a whole, so that the digits in it are not. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;

/** Whether JavaScript keeps a number that is written like this. Up to 9007199254740991 it keeps every whole number, and rounds
 *  decimal fractions to about 17 digits. A larger number must come out as the same decimal number, so 1e23 is kept and
 *  9007199254740993 is not. */
export function isExact(source: string): boolean {
  const value = Number(source);
  // Also a number in a notation of YAML that JavaScript does not have.
  if (!Number.isFinite(value)) return false;
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER || normalised(source) === normalised(String(value));
}

/** The value of a JSON text. A number that is not exact becomes Infinity, which `unstorable` finds and JSON cannot contain. Throws
 *  a SyntaxError. */
export const parseWrittenJson = (text: string): unknown => parse(text, () => '1e999');

/** The value of a JSON text from elsewhere. A number that is not exact becomes a string of its digits. Throws a SyntaxError. */
export const parseForeignJson = (text: string): unknown => parse(text, (digits) => `"${digits}"`);

/** Not with a reviver: it would take twenty times as long, and could exhaust the stack. */
function parse(text: string, replace: (digits: string) => string): unknown {
  // Also throws for a text that is not JSON, before anything in it is replaced.
  const value: unknown = JSON.parse(text);
  if (!SUSPICIOUS.test(text)) return value;
  const exact = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || !SUSPICIOUS.test(token) || isExact(token) ? token : replace(token),
  );
  return exact === text ? value : JSON.parse(exact);
}

/** A decimal number as its sign, its digits without zeros at the ends, and the exponent of the last digit. */
function normalised(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return `${sign === '-' ? '-' : ''}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
