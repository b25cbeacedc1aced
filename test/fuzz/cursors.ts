import * as fc from 'fast-check';

const AT = '2026-01-01T00:00:00.000Z';
const places: unknown[] = [
  null,
  {},
  [[[]]],
  ['1'],
  [AT, 'x'],
  ['019e830e-1a7b-7000-8000-000000000000'],
  ['00000000-0000-0000-0000-000000000000'],
  [AT, '9'.repeat(18)],
  [AT, '9'.repeat(19)],
  ['name', null, 'a'],
  ['name', 'infinity', '\0'],
  ['-updatedAt', 'infinity', 'a'],
  ['nextRunAt', '9999-12-31T23:59:59.999Z', 'a'],
];

/** Cursors that the service returned, forged positions, and texts that are no positions. */
export const cursors = fc.oneof(
  fc.constantFrom('{cursor}', '', '0'),
  fc.constantFrom(...places).map((place) => Buffer.from(JSON.stringify(place)).toString('base64url')),
  fc.base64String({ maxLength: 60 }),
);
