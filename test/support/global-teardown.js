import { Client } from 'pg';

/** Stops the server of globalSetup, or drops the template on TEST_DATABASE_URL. Works after a failed setup too. */
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
