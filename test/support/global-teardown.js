import { Client } from 'pg';

/** Stops the server that globalSetup started; on a server of the user's, drops the template. Also after half a setup. */
export async function globalTeardown() {
  if (globalThis.testServer) {
    await globalThis.testServer.stop();
    return;
  }
  const { TEST_DATABASE_URL, TEST_TEMPLATE } = process.env;
  if (!TEST_DATABASE_URL || !TEST_TEMPLATE) return;
  const server = new Client({ connectionString: TEST_DATABASE_URL });
  await server.connect();
  try {
    await server.query(`DROP DATABASE IF EXISTS ${TEST_TEMPLATE}`);
  } finally {
    await server.end();
  }
}

export default globalTeardown;
