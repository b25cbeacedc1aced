import { startCronzimus } from './start.js';

await startCronzimus();
