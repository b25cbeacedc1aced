import { parentPort, workerData } from 'node:worker_threads';
import { countValues } from './parse-yaml.js';
import { type Batch, type Head, mapIn, parseText, type YamlText } from './yaml-in-thread.js';

/** The receiver reads as many values at once, or one entry that has more. */
const BATCH_VALUES = 20_000;

const port = parentPort!;
const text = workerData as YamlText;
const parsed = parseText(text);
const map = text.limit?.map ?? null;
const entries = map === null ? null : mapIn(parsed.value, map);

const batches: Batch[] = [];
let room = 0;
for (const entry of Object.entries(entries ?? {})) {
  if (room <= 0) {
    batches.push([]);
    room = BATCH_VALUES;
  }
  batches.at(-1)!.push(entry);
  room -= countValues(entry[1]);
}

port.on('message', () => post(batches.shift()!));
if (map === null || entries === null) post({ parsed, map: null, batches: 0 } satisfies Head);
else {
  const rest = Object.fromEntries(Object.entries(parsed.value as object).filter(([key]) => key !== map));
  post({ parsed: { ...parsed, value: rest }, map, batches: batches.length } satisfies Head);
}

function post(message: Head | Batch): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  port.postMessage(message);
}
