import { z } from 'zod';
import { type ApiKey, apiKey, duplicates } from '../config/api-keys.js';
import { Problem } from '../core/problem.js';
import { parseYaml, type YamlFault } from '../core/yaml/parse-yaml.js';

const apiKeys = z
  .array(apiKey, 'must be a list of { name, role, sha256, expiresAt? }')
  .min(1, 'must have at least one key');

/** Parses the text of a keys file, which is YAML or JSON. Throws API_KEYS_FILE_INVALID, whose message lists each fault with its line. */
export function parseApiKeys(path: string, text: string): ApiKey[] {
  const { value, faults } = parseYaml(text);
  if (faults.length > 0) throw new ApiKeysFileError(path, faults);
  const { data, error } = apiKeys.safeParse(value);
  const wrong: { path: PropertyKey[]; message: string }[] = error
    ? error.issues
    : duplicates(data).map(({ index, message }) => ({ path: [index], message }));
  if (data && wrong.length === 0) return data;
  const { lines } = parseYaml(
    text,
    wrong.map((fault) => fault.path),
  );
  const located = wrong.map((fault, index) => ({
    line: lines[index]!,
    message: [fault.path.map(String).join('.'), fault.message].filter((part) => part !== '').join(': '),
  }));
  throw new ApiKeysFileError(path, located);
}

class ApiKeysFileError extends Problem {
  constructor(path: string, faults: YamlFault[]) {
    const lines = faults.map(({ line, message }) => `  line ${line}: ${message}`);
    super(500, 'API_KEYS_FILE_INVALID', `${path} is not valid, so none of its keys were loaded:\n${lines.join('\n')}`);
  }
}
