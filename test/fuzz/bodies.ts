import * as fc from 'fast-check';
import { hostileBodies, hostileTypes, hostileYaml } from './hostile.js';
import type { Operation } from './requests.js';
import { type Schema, valuesOf } from './values.js';

export interface Body {
  type: string;
  text: string;
}

const none = fc.constant(null);

/** A body that the route takes. With `wild`, also one that it does not, and bodies for routes that take none. */
export function bodyOf(
  { requestBody }: Operation,
  schemas: Record<string, Schema>,
  wild: boolean,
): fc.Arbitrary<Body | null> {
  if (!requestBody && !wild) return none;
  if (!requestBody)
    return fc.oneof({ weight: 9, arbitrary: none }, { weight: 1, arbitrary: hostile('application/json') });
  const [{ schema }] = Object.values(requestBody.content) as [{ schema: Schema }];
  const types = fc.constantFrom(...Object.keys(requestBody.content));
  const texts = valuesOf(schema, schemas, wild).map((value) => JSON.stringify(value) ?? '');
  const meant = fc.record({ type: types, text: texts });
  if (!wild) return meant;
  return fc.oneof(
    { weight: 12, arbitrary: meant },
    { weight: 4, arbitrary: types.chain(hostile) },
    { weight: 1, arbitrary: none },
  );
}

const hostile = (type: string): fc.Arbitrary<Body> =>
  fc.record({
    type: fc.oneof({ weight: 3, arbitrary: fc.constant(type) }, { weight: 1, arbitrary: hostileTypes }),
    text: fc.oneof(hostileBodies, hostileYaml, fc.string({ unit: 'binary', maxLength: 300 })),
  });
