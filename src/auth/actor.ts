import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { reaches, type Role } from '../config/roles.js';
import { RoleTooLowError } from './auth-errors.js';

/** Who does something: the holder of an API key, anybody (AUTH_MODE=none), or this service for what is declared. */
export interface Actor {
  /** The key's name; `anonymous` without keys; `code` or `file` for what is declared there. */
  name: string;
  /** Null: it did not come over the API. */
  role: Role | null;
  /** From where: the client's address; for what is declared, the replica's name. Null: nobody knows. */
  origin: string | null;
}

/** A request that the guard has let through to a route with a role. */
export interface KnownRequest {
  actor?: Actor;
}

/** Hands a route who asks. */
export const Actor = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<KnownRequest>().actor,
);

/** Throws ROLE_TOO_LOW. `why` ends the sentence "… is needed". */
export function requireRole({ role }: Actor, required: Role, why?: string): void {
  if (role === null || !reaches(role, required)) throw new RoleTooLowError(role, required, why);
}
