/** The JSON pointer (RFC 6901) for a path. An empty path gives '', which points to the whole document. */
export const jsonPointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
