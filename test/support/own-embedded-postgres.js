// A process that owns the embedded server of the folder in its first argument, until it is told to end.
import { startEmbeddedPostgres } from '../../dist/database/embedded-postgres.js';

const starting = startEmbeddedPostgres(process.argv[2]);
const end = async () => {
  await (await starting).stop();
  process.exit(0);
};
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void end());
process.once('disconnect', () => void end()); // Jest is gone. Listening to the channel also keeps this process alive.

try {
  const { url } = await starting;
  process.send({ url });
} catch (error) {
  process.send({ code: error.code, message: error.message }, () => process.exit(1));
}
