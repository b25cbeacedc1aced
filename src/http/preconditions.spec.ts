import { checkPreconditions, type PreconditionFailedError, type Preconditions } from './preconditions.js';

describe('preconditions', () => {
  it.each<[string, Preconditions, string | null, 'holds' | 'fails']>([
    ['no header', {}, '"a-1"', 'holds'],
    ['no header, without a resource', {}, null, 'holds'],
    ['If-Match with the current tag', { ifMatch: '"a-1"' }, '"a-1"', 'holds'],
    ['If-Match with another tag', { ifMatch: '"a-1"' }, '"a-2"', 'fails'],
    ['If-Match with several tags', { ifMatch: '"a-1" , "a-2"' }, '"a-2"', 'holds'],
    ['If-Match: *', { ifMatch: '*' }, '"a-1"', 'holds'],
    ['If-Match: *, without a resource', { ifMatch: '*' }, null, 'fails'],
    ['a weak tag', { ifMatch: 'W/"a-1"' }, '"a-1"', 'fails'],
    ['a tag without its quotes', { ifMatch: 'a-1' }, '"a-1"', 'fails'],
    ['an empty header', { ifMatch: '' }, '"a-1"', 'fails'],
    ['If-None-Match: *', { ifNoneMatch: '*' }, '"a-1"', 'fails'],
    ['If-None-Match: *, without a resource', { ifNoneMatch: '*' }, null, 'holds'],
    ['If-None-Match with the current tag', { ifNoneMatch: '"a-1"' }, '"a-1"', 'fails'],
    ['If-None-Match with another tag', { ifNoneMatch: '"a-1"' }, '"a-2"', 'holds'],
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
