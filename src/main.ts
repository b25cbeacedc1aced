// As process 1 of a container, a signal is lost while nobody listens, and to load all of the service takes a second.
const end = () => process.exit(0);
process.on('SIGTERM', end).on('SIGINT', end);
const { startCronzimus } = await import('./start.js');
process.off('SIGTERM', end).off('SIGINT', end);
await startCronzimus();
