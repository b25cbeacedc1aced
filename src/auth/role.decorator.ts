import { applyDecorators } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import type { Role as RoleName } from '../config/roles.js';
import { Problems } from '../http/problems.decorator.js';
import { KeyExpiredError, NoKeyError, RoleTooLowError, TooManyWrongKeysError, WrongKeyError } from './auth-errors.js';

/** Who may use a route; a route without it is closed. */
export const RequiredRole = Reflector.createDecorator<RoleName | 'public'>();

const refusals = [
  new NoKeyError(),
  new WrongKeyError(),
  new KeyExpiredError('deploy', '2027-01-31T00:00:00Z'),
  new TooManyWrongKeysError(60),
];

/** The lowest role that may use this route, or each route of this controller that names none itself. */
export const Role = (role: RoleName): MethodDecorator & ClassDecorator =>
  applyDecorators(
    RequiredRole(role),
    ApiExtension('x-required-role', role),
    Problems(...refusals, ...(role === 'viewer' ? [] : [new RoleTooLowError('viewer', role)])),
  );

/** A route for everybody, without a key. */
export const Public = (): MethodDecorator & ClassDecorator =>
  applyDecorators(RequiredRole('public'), ApiExtension('x-required-role', 'public'));
