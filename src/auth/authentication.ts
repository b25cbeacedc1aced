import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { clientNetwork, withoutIPv4Mapping } from '../core/ip.js';
import type { Actor, AuthenticatedRequest } from './actor.js';
import { ApiKeys } from './api-keys.js';
import { KeyExpiredError, NoKeyError, TooManyWrongKeysError, WrongKeyError } from './auth-errors.js';
import { FailedLogins } from './failed-logins.js';

const BEARER = /^Bearer +(?<key>[!-~]+) *$/i;

/** Authenticates requests. */
@Injectable()
export class Authentication {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly keys: ApiKeys,
    private readonly failedLogins: FailedLogins,
  ) {}

  /** The actor of a request, which is authenticated once. Throws NO_KEY, WRONG_KEY, KEY_EXPIRED or TOO_MANY_WRONG_KEYS. */
  actorOf(request: Request & AuthenticatedRequest): Actor {
    return (request.actor ??= this.identify(request));
  }

  /** Middleware for the whole API, so that a client without a valid key does not learn which paths exist. It does not check roles; the
   *  guard does. */
  readonly middleware = (request: Request, _response: Response, next: NextFunction): void => {
    this.actorOf(request);
    next();
  };

  /** Whose requests are counted together: those with one key, or those from one network when no key was checked. */
  readonly clientOf = ({ actor, ip }: Request & AuthenticatedRequest): string =>
    this.environment.AUTH_MODE === 'keys' && actor
      ? `key ${actor.name}`
      : `network ${clientNetwork(withoutIPv4Mapping(ip ?? ''))}`;

  private identify(request: Request): Actor {
    const origin = request.ip === undefined ? null : withoutIPv4Mapping(request.ip);
    if (this.environment.AUTH_MODE === 'none') return { name: 'anonymous', role: 'admin', origin };
    const text = BEARER.exec(request.headers.authorization ?? '')?.groups?.['key'];
    if (text === undefined) throw new NoKeyError();
    const seconds = this.failedLogins.refusedFor(origin ?? '');
    if (seconds > 0) {
      request.res!.setHeader('Retry-After', seconds);
      throw new TooManyWrongKeysError(seconds);
    }
    const key = this.keys.find(text);
    if (!key) {
      this.failedLogins.count(origin ?? '');
      throw new WrongKeyError();
    }
    if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= Date.now())
      throw new KeyExpiredError(key.name, key.expiresAt);
    return { name: key.name, role: key.role, origin };
  }
}
