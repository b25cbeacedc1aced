import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { cases } from '../../../test/support/triggers.js';
import { parseEntries } from './parse-entries.js';
import { parseYaml } from './parse-yaml.js';

it('gives the values of any document', () => {
  const jobs = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 12 });
  fc.assert(
    fc.property(jobs, fc.boolean(), fc.integer({ min: 1, max: 50 }), (map, isJson, batchTokens) => {
      const text = isJson ? JSON.stringify({ jobs: map }, null, 1) : stringify({ jobs: map });
      const { value, faults } = parseEntries(text, { map: 'jobs', max: 100, batchTokens });
      const whole = parseYaml(text);
      expect({ value, faults }).toEqual({ value: whole.value, faults: whole.faults });
    }),
    cases(100),
  );
});
