// Starts the embedded server of the folder in its first argument, and stops it at SIGTERM.
import { startEmbeddedPostgres } from '../../dist/database/embedded-postgres.js';

const starting = startEmbeddedPostgres(process.argv[2]);
const end = async () => {
  await (await starting).stop();
  process.exit(0);
};
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void end());
process.once('disconnect', () => void end()); // Jest has ended. Listening to the channel also keeps this process alive.

try {
  const { url } = await starting;
  process.send({ url });
} catch (error) {
  process.send({ code: error.code, message: error.message }, () => process.exit(1));
}
