import type { Role } from '../config/api-roles.js';
import { Problem } from '../core/problem.js';

export class NoKeyError extends Problem {
  constructor() {
    super(401, 'NO_KEY', 'Send an API key: Authorization: Bearer <key>');
  }
}

export class WrongKeyError extends Problem {
  constructor() {
    super(
      401,
      'WRONG_KEY',
      'This API key does not exist; it may have been revoked. Ask an admin of this service for a new one',
    );
  }
}

export class KeyExpiredError extends Problem {
  constructor(
    readonly key: string,
    expiresAt: string,
  ) {
    super(
      401,
      'KEY_EXPIRED',
      `The API key "${key}" expired at ${expiresAt}; ask an admin of this service for a new one`,
    );
  }
}

export class RoleTooLowError extends Problem {
  constructor(
    readonly role: Role | null,
    required: Role,
    why = '',
  ) {
    super(403, 'ROLE_TOO_LOW', `The role ${required} is needed${why && ` ${why}`}; this API key has ${role ?? 'none'}`);
  }
}

export class RouteClosedError extends Problem {
  constructor() {
    super(
      403,
      'ROUTE_CLOSED',
      'This route is closed, because its code declares no role; it needs @Role(…) or @Public()',
    );
  }
}

export class TooManyWrongKeysError extends Problem {
  constructor(readonly seconds: number) {
    super(429, 'TOO_MANY_WRONG_KEYS', `This address sent too many wrong API keys; try again in ${seconds} s`);
  }
}
