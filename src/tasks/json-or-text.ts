import { parseForeignJson } from '../core/exact-numbers.js';
import { unstorable } from '../core/storable-json.js';

/** The value of a JSON text, with numbers that JavaScript would change as text. The text itself when it is not JSON, or when the
 *  database cannot store the value. */
export function jsonOrText(text: string): unknown {
  try {
    const value = parseForeignJson(text);
    return unstorable(value) ? text : value;
  } catch {
    return text;
  }
}
