import { checkPreconditions, type PreconditionFailedError, type Preconditions } from './preconditions.js';

describe('preconditions', () => {
  it.each<[string, Preconditions, string | null, 'holds' | 'fails']>([
    ['none', {}, '"a-1"', 'holds'],
    ['none, for nothing', {}, null, 'holds'],
    ['If-Match of this version', { ifMatch: '"a-1"' }, '"a-1"', 'holds'],
    ['If-Match of another version', { ifMatch: '"a-1"' }, '"a-2"', 'fails'],
    ['If-Match of several', { ifMatch: '"a-1" , "a-2"' }, '"a-2"', 'holds'],
    ['If-Match of anything', { ifMatch: '*' }, '"a-1"', 'holds'],
    ['If-Match of anything, for nothing', { ifMatch: '*' }, null, 'fails'],
    ['a weak tag', { ifMatch: 'W/"a-1"' }, '"a-1"', 'fails'],
    ['a tag without its quotes', { ifMatch: 'a-1' }, '"a-1"', 'fails'],
    ['an empty header', { ifMatch: '' }, '"a-1"', 'fails'],
    ['If-None-Match of anything', { ifNoneMatch: '*' }, '"a-1"', 'fails'],
    ['If-None-Match of anything, for nothing', { ifNoneMatch: '*' }, null, 'holds'],
    ['If-None-Match of this version', { ifNoneMatch: '"a-1"' }, '"a-1"', 'fails'],
    ['If-None-Match of another version', { ifNoneMatch: '"a-1"' }, '"a-2"', 'holds'],
  ])('%s', (_case, preconditions, etag, verdict) => {
    expect(failure(etag, preconditions)).toBe(verdict === 'holds' ? undefined : 'PRECONDITION_FAILED');
  });
});

function failure(etag: string | null, preconditions: Preconditions): string | undefined {
  try {
    checkPreconditions(etag, preconditions);
    return undefined;
  } catch (error) {
    return (error as PreconditionFailedError).code;
  }
}
