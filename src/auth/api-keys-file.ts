import { z } from 'zod';
import { type ApiKey, apiKey, twins } from '../config/api-keys.js';
import { Problem } from '../core/problem.js';
import { type FileFault, parseYaml } from '../core/yaml.js';

const apiKeys = z
  .array(apiKey, 'must be a list of { name, role, sha256, expiresAt? }')
  .min(1, 'must name at least one key');

/** The keys of a file's text: YAML, or JSON as a part of it. Throws one Problem that names each fault with its line. */
export function parseApiKeys(path: string, text: string): ApiKey[] {
  const parsed = parseYaml(text);
  if (parsed.faults.length > 0) throw new ApiKeysFileError(path, parsed.faults);
  const { data, error } = apiKeys.safeParse(parsed.value);
  const faults = error
    ? error.issues.map((issue) => parsed.at(issue.path, issue.message))
    : twins(data).map(({ index, message }) => parsed.at([index], message));
  if (!data || faults.length > 0) throw new ApiKeysFileError(path, faults);
  return data;
}

class ApiKeysFileError extends Problem {
  constructor(path: string, faults: FileFault[]) {
    const lines = faults.map(({ line, pointer, message }) => `  line ${line}: ${pointer && `${pointer}: `}${message}`);
    super(500, 'API_KEYS_FILE_INVALID', `${path} has faults, so nothing of it was taken:\n${lines.join('\n')}`);
  }
}
