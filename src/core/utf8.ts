import { isUtf8 } from 'node:buffer';

/** What to do about a text that is not UTF-8. */
export const utf8Help =
  'This line is not UTF-8 text; save the file as UTF-8, such as with iconv -f ISO-8859-1 -t UTF-8';

/** The number of the first line that is not UTF-8 text, from 1. Undefined when all are. Decoding such a text would replace its
 *  letters by U+FFFD without an error. */
export function lineNotUtf8(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined;
  // No character of several bytes contains the byte of a line break.
  for (let line = 1, start = 0; ; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
