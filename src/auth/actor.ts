import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { reaches, type Role } from '../config/api-roles.js';
import { RoleTooLowError } from './auth-errors.js';

/** Who makes a change: the holder of an API key, any client (AUTH_MODE=none), or the service itself for declared jobs. */
export interface Actor {
  /** The name of the API key, `anonymous` with AUTH_MODE=none, or `code` or `file` for a job that is declared there. */
  name: string;
  /** Null when the change did not come over the API. */
  role: Role | null;
  /** The address of the client, or the name of the replica for declared jobs. Null when it is unknown. */
  origin: string | null;
}

/** A request. `actor` is set once the client is authenticated. */
export interface AuthenticatedRequest {
  actor?: Actor;
}

/** A parameter decorator: the Actor of the request. */
export const Actor = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<AuthenticatedRequest>().actor,
);

/** Throws ROLE_TOO_LOW unless the actor has the role `required` or a higher one. `why` completes the sentence "… is needed". */
export function requireRole({ role }: Actor, required: Role, why?: string): void {
  if (role === null || !reaches(role, required)) throw new RoleTooLowError(role, required, why);
}
