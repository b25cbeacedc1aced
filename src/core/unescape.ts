/** A text without its escapes. */
interface Unescaped {
  text: string;
  /** For each UTF-16 unit of `text`, the index in the original text at which it starts. One more entry is the original's length. */
  starts: readonly number[];
}

/** Escapes inside of escapes that are resolved. */
const MAX_DEPTH = 6;
const ESCAPE =
  /(?:\\x[0-9a-f]{2})+|(?:%[0-9a-f]{2})+|\\u\{[0-9a-f]{1,6}\}|\\u[0-9a-f]{4}|\\[^]|&#x[0-9a-f]{1,6};|&#\d{1,7};|&[a-z]\w{1,5};|[+\r]/gi;

/** Resolves the escapes of JSON, JavaScript, URLs, forms and HTML, and again as long as the result has any. Returns each result, the
 *  first with the fewest resolved. A space, a `+` and a `%2B` become the same, and a carriage return disappears. A text and every
 *  escaped form of it therefore have the same last result. */
export function unescape(original: string): Unescaped[] {
  const results: Unescaped[] = [];
  while (results.length < MAX_DEPTH) {
    const last = results.at(-1);
    const next = resolve(last?.text ?? original, last?.starts);
    if (next === null || next.text === last?.text) break;
    results.push(next);
  }
  return results;
}

/** Resolves each escape once. */
function resolve(text: string, before?: readonly number[]): Unescaped | null {
  if (text.search(ESCAPE) < 0) return null;
  let result = '';
  const starts: number[] = [];
  const add = (char: string, at: number) => {
    result += char;
    for (let unit = 0; unit < char.length; unit += 1) starts.push(before ? before[at]! : at);
  };
  const copy = (from: number, to: number) => {
    result += text.slice(from, to);
    for (let at = from; at < to; at += 1) starts.push(before ? before[at]! : at);
  };
  let end = 0;
  for (const { 0: escape, index } of text.matchAll(ESCAPE)) {
    copy(end, index);
    end = index + escape.length;
    if (isBytes(escape)) for (const { char, at } of charactersOf(escape)) add(char, index + at);
    else add(characterOf(escape), index);
  }
  copy(end, text.length);
  starts.push(before ? before.at(-1)! : text.length);
  return { text: result, starts };
}

const isBytes = (escape: string) => escape.startsWith('%') || /^\\x/i.test(escape);

/** The characters of `%C3%B6…` or `\xc3\xb6…`. A byte that is not part of UTF-8 is a character of Latin-1. */
function* charactersOf(escape: string): Generator<{ char: string; at: number }> {
  const width = escape.startsWith('%') ? 3 : 4;
  const bytes = Buffer.from(escape.replaceAll(/%|\\x/gi, ''), 'hex');
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!;
    const length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const char = bytes.toString('utf8', at, at + length);
    const isValid = !char.includes('\ufffd');
    yield { char: isValid ? char : String.fromCharCode(lead), at: at * width };
    at += isValid ? length : 1;
  }
}

function characterOf(escape: string): string {
  if (escape === '+') return ' ';
  if (escape === '\r') return '';
  const number = /^(?:\\u\{?|&#x)([0-9a-f]{1,6})[};]?$/i.exec(escape);
  if (number) return fromCode(Number.parseInt(number[1]!, 16), escape);
  const decimal = /^&#(\d+);$/.exec(escape);
  if (decimal) return fromCode(Number(decimal[1]), escape);
  if (escape.startsWith('&')) return HTML_NAMES.get(escape) ?? escape;
  return CONTROLS[escape[1]!] ?? escape[1]!;
}

const fromCode = (code: number, escape: string) => (code <= 0x10_ff_ff ? String.fromCodePoint(code) : escape);

const CONTROLS: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', 0: '\0' };

/** The names that encoders write: those of markup, and those of Latin-1 in the order of their code points. */
const HTML_NAMES = new Map([
  ...Object.entries({ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" }),
  ...(
    'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para ' +
    'middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute ' +
    'Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute ' +
    'THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ' +
    'ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml'
  )
    .split(' ')
    .map((name, index) => [`&${name};`, String.fromCharCode(0xa0 + index)] as const),
]);
