import { parentPort, workerData } from 'node:worker_threads';
import { parseYaml } from './parse-yaml.js';

const { text, paths } = workerData as { text: string; paths: PropertyKey[][] };
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort!.postMessage(parseYaml(text, paths));
