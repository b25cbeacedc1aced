import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { requireRole } from './actor.js';
import { RouteClosedError } from './auth-errors.js';
import { Authentication } from './authentication.js';
import { RequiredRole } from './role.decorator.js';

/** Lets a request through to a route by the role that the route names, and never by its path; a route that names none is closed. */
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
