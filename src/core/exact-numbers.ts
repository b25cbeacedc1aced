/** Numbers whose text has so many digits, or so large an exponent, that JavaScript may not keep them. */
const SUSPICIOUS = /[\d.]{16}|e[+-]?\d{3}/i;
/** The strings and numbers of a JSON text. A string is matched as a whole, so that the digits in it are not. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;

/** Closer to 0, JavaScript keeps fewer digits of a number. */
const LEAST_NORMAL = 2 ** -1022;

/** Whether JavaScript keeps a number that is written like this. Up to 9007199254740991 it keeps every whole number, and rounds
 *  decimal fractions to about 16 digits, which may make them whole. A larger number, and one closer to 0 than about 2.2e-308, must
 *  come out as the same decimal number: 1e23 is kept, 9007199254740993 and 1e-400 are not. */
export function isExact(source: string): boolean {
  const value = Number(source);
  // Also a number in a notation of YAML that JavaScript does not have.
  if (!Number.isFinite(value)) return false;
  const size = Math.abs(value);
  return (size >= LEAST_NORMAL && size <= Number.MAX_SAFE_INTEGER) || normalised(source) === normalised(String(value));
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

/** A decimal number as its sign, its digits without zeros at the ends, and the exponent of the last digit. 0 has no sign. */
function normalised(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(source) ?? [];
  const digits = whole + fraction;
  let [start, end] = [0, digits.length];
  while (digits[start] === '0') start++;
  // Not with /0+$/, which takes quadratic time.
  while (end > start && digits[end - 1] === '0') end--;
  if (start === end) return '0';
  return `${sign === '-' ? '-' : ''}${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
