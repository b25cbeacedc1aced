import { appendFileSync } from 'node:fs';

/** Preloaded by the processes that tests start. Appends their warnings to a file, which fail-on-warnings.js reads. */
const file = new URL(import.meta.url).searchParams.get('file');

process.on('warning', (warning) => {
  appendFileSync(file, `process ${process.pid} (${process.argv.slice(1).join(' ')}): ${warning.stack ?? warning}\n`);
});
