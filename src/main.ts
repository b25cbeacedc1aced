// Process 1 of a container ignores a signal that has no handler. Loading the service takes a second, so these handle signals until then.
const end = () => process.exit(0);
process.on('SIGTERM', end).on('SIGINT', end);
const { startCronzimus } = await import('./start.js');
process.off('SIGTERM', end).off('SIGINT', end);
await startCronzimus();
