import * as fc from 'fast-check';
import { hostileEncodings, hostileHeader } from './hostile.js';
import type { Operation } from './requests.js';

const etags = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('*', '{etag}') },
  { weight: 1, arbitrary: hostileHeader },
);
const OWN: Record<string, fc.Arbitrary<string>> = {
  'If-Match': etags,
  'If-None-Match': etags,
  'Idempotency-Key': fc.oneof({ weight: 3, arbitrary: fc.uuid() }, fc.constantFrom('once', 'twice'), hostileHeader),
};
const ODD = [
  'Authorization',
  'Accept',
  'Origin',
  'Host',
  'Range',
  'X-Forwarded-For',
  'Cookie',
  'X-HTTP-Method-Override',
];

/** Now and then the headers that the route uses. With `wild`, also others. */
export function headersOf({ parameters = [] }: Operation, wild: boolean): fc.Arbitrary<Record<string, string>> {
  const named = parameters.filter((one) => one.in === 'header').map(({ name }) => [name, OWN[name]!]);
  const own = fc.record(Object.fromEntries(named) as Record<string, fc.Arbitrary<string>>, { requiredKeys: [] });
  const odd = fc.tuple(fc.constantFrom(...ODD), hostileHeader).map(([name, value]) => ({ [name]: value }));
  const coded = hostileEncodings.map((encoding) => ({ 'Content-Encoding': encoding }));
  const yaml = fc.constant({ Accept: 'application/yaml' });
  const all = [onceIn(3, yaml), onceIn(3, own), ...(wild ? [onceIn(4, odd), onceIn(12, coded)] : [])];
  return fc.tuple(...all).map((chosen) => Object.assign({}, ...chosen) as Record<string, string>);
}

/** The value once in so many times, otherwise null. */
export const onceIn = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
