import { mapIn } from './parse-entries.js';
import { countValues } from './parse-yaml.js';
import { type Batch, type Head, parseText, type YamlText } from './yaml-in-process.js';

/** The receiver reads as many values at once, or one entry that has more. */
const BATCH_VALUES = 20_000;

const batches: Batch[] = [];

process.on('message', (message: YamlText | 'next') =>
  process.send!(message === 'next' ? batches.shift()! : headOf(message)),
);
// The service has ended.
process.on('disconnect', () => process.exit());

function headOf(text: YamlText): Head {
  const parsed = parseText(text);
  const { map } = text.entries;
  const entries = mapIn(parsed.value, map);
  if (entries === null) return { parsed, map: null, batches: 0 };
  let left = 0;
  for (const entry of Object.entries(entries)) {
    if (left <= 0) {
      batches.push([]);
      left = BATCH_VALUES;
    }
    batches.at(-1)!.push(entry);
    left -= countValues(entry[1]);
  }
  const rest = Object.fromEntries(Object.entries(parsed.value as object).filter(([key]) => key !== map));
  return { parsed: { ...parsed, value: rest }, map, batches: batches.length };
}
