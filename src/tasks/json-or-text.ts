import { unstorable } from '../core/storable-json.js';

/** The value that a JSON text stands for; the text itself when it is no JSON or no run could store the value. */
export function jsonOrText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return unstorable(value) ? text : value;
  } catch {
    return text;
  }
}
