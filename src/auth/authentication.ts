import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { MIN_KEY_LENGTH } from '../config/api-keys.js';
import { addressIn, clientNetwork } from '../core/ip.js';
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
  readonly clientOf = (request: Request & AuthenticatedRequest): string =>
    this.environment.AUTH_MODE === 'keys' && request.actor
      ? `key ${request.actor.name}`
      : `network ${clientNetwork(originOf(request) ?? '')}`;

  private identify(request: Request): Actor {
    const origin = originOf(request);
    if (this.environment.AUTH_MODE === 'none') return { name: 'anonymous', role: 'admin', origin };
    const text = BEARER.exec(request.headers.authorization ?? '')?.groups?.['key'];
    if (text === undefined) throw new NoKeyError();
    const key = this.keys.find(text);
    const isExpired = key?.expiresAt !== undefined && Date.parse(key.expiresAt) <= Date.now();
    // A key of full length cannot be guessed, so it is valid whatever its address has sent before: clients behind one address must
    // not be shut out by one of them. All other keys from a refused address get the same reply, whether they exist or not.
    if (key && !isExpired && text.length >= MIN_KEY_LENGTH) return { name: key.name, role: key.role, origin };
    const seconds = this.failedLogins.refusedFor(origin ?? '');
    if (seconds > 0) {
      request.res!.setHeader('Retry-After', seconds);
      throw new TooManyWrongKeysError(seconds);
    }
    if (!key) {
      this.failedLogins.count(origin ?? '');
      throw new WrongKeyError();
    }
    if (isExpired) throw new KeyExpiredError(key.name, key.expiresAt!);
    return { name: key.name, role: key.role, origin };
  }
}

const originOf = ({ ip, socket }: Request): string | null =>
  addressIn(ip ?? '') ?? addressIn(socket.remoteAddress ?? '');
