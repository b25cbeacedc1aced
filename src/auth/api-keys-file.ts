import { z } from 'zod';
import { type ApiKey, apiKey, duplicateFault } from '../config/api-keys.js';
import { Problem } from '../core/problem.js';
import { parseYaml, type YamlFault } from '../core/yaml/parse-yaml.js';

const entries = z
  .array(z.unknown(), 'must be a list of { name, role, sha256, expiresAt? }')
  .min(1, 'must have at least one key');

export interface ReadApiKeys {
  keys: ApiKey[];
  /** API_KEYS_FILE_INVALID, whose message lists each fault with its line. Null for a file without faults. */
  error: Problem | null;
}

/** Parses the text of a keys file, which is YAML or JSON. In a file with faults, the valid entries are keys. So a key whose entry was
 *  removed or changed is withdrawn, whatever else is wrong in the file. Keys in use stay valid as they were when their entry has a
 *  fault but still shows their digest, and all of them when the text cannot be parsed. */
export function readApiKeys(path: string, text: string, inUse: ApiKey[]): ReadApiKeys {
  const { value, faults: unparsable } = parseYaml(text);
  if (unparsable.length > 0) return { keys: inUse, error: new ApiKeysFileError(path, unparsable) };
  const list = entries.safeParse(value);
  if (!list.success) return { keys: [], error: new ApiKeysFileError(path, located(text, list.error.issues)) };

  const keys: ApiKey[] = [];
  const faulty: unknown[] = [];
  const faults: EntryFault[] = [];
  for (const [index, entry] of list.data.entries()) {
    const { data, error } = apiKey.safeParse(entry);
    const duplicate = data && duplicateFault(data, keys);
    const issues = error?.issues ?? (duplicate === undefined ? [] : [{ path: [], message: duplicate }]);
    if (issues.length === 0) keys.push(data!);
    else faulty.push(entry);
    faults.push(...issues.map(({ path: inEntry, message }) => ({ path: [index, ...inEntry], message })));
  }
  if (faults.length === 0) return { keys, error: null };
  const shown = new Set(faulty.map(digestIn));
  const kept = inUse.filter(({ sha256 }) => shown.has(sha256) && !keys.some((key) => key.sha256 === sha256));
  return { keys: [...keys, ...kept], error: new ApiKeysFileError(path, located(text, faults)) };
}

interface EntryFault {
  path: PropertyKey[];
  message: string;
}

const withDigest = z.object({ sha256: z.string().toLowerCase() });
const digestIn = (entry: unknown): string | undefined => withDigest.safeParse(entry).data?.sha256;

function located(text: string, faults: EntryFault[]): YamlFault[] {
  const { lines } = parseYaml(
    text,
    faults.map(({ path }) => path),
  );
  return faults.map(({ path, message }, index) => ({
    line: lines[index]!,
    message: [path.map(String).join('.'), message].filter((part) => part !== '').join(': '),
  }));
}

class ApiKeysFileError extends Problem {
  constructor(path: string, faults: YamlFault[]) {
    const lines = faults.map(({ line, message }) => `  line ${line}: ${message}`);
    super(500, 'API_KEYS_FILE_INVALID', `${path} has errors:\n${lines.join('\n')}`);
  }
}
