import { applyDecorators } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import type { Role as RoleName } from '../config/api-roles.js';
import { Problems } from '../http/problems.decorator.js';
import { KeyExpiredError, NoKeyError, RoleTooLowError, TooManyWrongKeysError, WrongKeyError } from './auth-errors.js';

/** The lowest role that may use a route. A route without this metadata is closed. */
export const RequiredRole = Reflector.createDecorator<RoleName | 'public'>();

const keyErrors = [
  new NoKeyError(),
  new WrongKeyError(),
  new KeyExpiredError('deploy', '2027-01-31T00:00:00Z'),
  new TooManyWrongKeysError(60),
];

/** The lowest role that may use this route. On a controller it applies to each route that does not declare its own. */
export const Role = (role: RoleName): MethodDecorator & ClassDecorator =>
  applyDecorators(
    RequiredRole(role),
    ApiExtension('x-required-role', role),
    Problems(...keyErrors, ...(role === 'viewer' ? [] : [new RoleTooLowError('viewer', role)])),
  );

/** Opens a route to everyone, without an API key. */
export const Public = (): MethodDecorator & ClassDecorator =>
  applyDecorators(RequiredRole('public'), ApiExtension('x-required-role', 'public'));
