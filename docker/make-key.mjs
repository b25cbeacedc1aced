// Makes the API key of compose.yaml at the first start, in the folder KEYS_DIR: `key` has its text, and `api-keys.yaml` its digest for
// the service. Later starts keep it. If API_KEY is set, that is the key. With the argument `show` it only prints the key.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIN_LENGTH = 16;
const folder = process.env.KEYS_DIR ?? '/keys';
const textFile = join(folder, 'key');
const digestFile = join(folder, 'api-keys.yaml');

if (process.argv[2] === 'show') {
  console.log(
    existsSync(textFile) ? readFileSync(textFile, 'utf8') : fail('There is no key yet; start the services first'),
  );
} else {
  const key = process.env.API_KEY || (existsSync(textFile) ? readFileSync(textFile, 'utf8') : makeKey());
  if (!/^[!-~]+$/.test(key) || key.length < MIN_LENGTH)
    fail(
      `API_KEY must be at least ${MIN_LENGTH} visible ASCII characters; leave it out, or make one with: openssl rand -base64 32`,
    );
  write(textFile, key, 0o600);
  const sha256 = createHash('sha256').update(key).digest('hex');
  write(digestFile, `- { name: trial, role: admin, sha256: ${sha256} }\n`, 0o644);
  console.log('The API key is ready. To see it: docker compose -f docker/compose.yaml run --rm key show');
}

function makeKey() {
  return randomBytes(32).toString('base64url');
}

/** The service may read the file at any time, so it is replaced as a whole. */
function write(path, text, mode) {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
