/** The JSON pointer (RFC 6901) of a path; the empty path is the whole document, ''. */
export const jsonPointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
