import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { requireRole } from './actor.js';
import { RouteClosedError } from './auth-errors.js';
import { Authentication } from './authentication.js';
import { RequiredRole } from './role.decorator.js';

/** Checks the role of each request. The decorator of the route decides which role is needed, never its path. A route without `@Role`
 *  or `@Public` is closed. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: Authentication,
  ) {}

  canActivate(context: ExecutionContext): true {
    const required = this.reflector.getAllAndOverride(RequiredRole, [context.getHandler(), context.getClass()]);
    if (required === undefined) throw new RouteClosedError();
    if (required !== 'public')
      requireRole(this.authentication.actorOf(context.switchToHttp().getRequest<Request>()), required);
    return true;
  }
}
