import { createApplication, serve } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';

/** Runs the service with a module of tasks until SIGTERM. Sends its address to the parent when it runs. */
export async function serveTasks(Tasks) {
  const environment = readEnvironment(process.env);
  const app = await createApplication(environment, [Tasks]);
  const stop = await serve(app, environment);
  process.once('SIGTERM', () => void end());
  process.send(await app.getUrl());

  async function end() {
    await stop();
    await app.close();
    process.exit(0);
  }
}
