import { join } from 'node:path';
import type { Manifest } from './helm.js';

// Imported by path at run time, so that the compiler does not resolve their dependencies. Only `make chart-check` installs those.
const tools = join(import.meta.dirname, '..', '..', 'tools', 'chart');

interface Promql {
  fault: string | null;
  names: string[];
}
interface Row {
  path: string;
  value: unknown;
}

export const { manifestFaults } = (await import(join(tools, 'manifests.js'))) as {
  manifestFaults: (manifests: Manifest[]) => Promise<string[]>;
};
export const { readPromql } = (await import(join(tools, 'promql.js'))) as {
  readPromql: (expression: string) => Promql;
};
export const { valueRows, withTable } = (await import(join(tools, 'values-table.js'))) as {
  valueRows: (text: string) => Row[];
  withTable: (readme: string, values: string) => string;
};
