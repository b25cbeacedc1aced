import type { Role } from '../config/roles.js';

/** Who does something: the holder of an API key, anybody (AUTH_MODE=none), or this service for what is declared. */
export interface Actor {
  /** The key's name; `anonymous` without keys; `code` or `file` for what is declared there. */
  name: string;
  /** Null: it did not come over the API. */
  role: Role | null;
  /** From where: the client's address; for what is declared, the replica's name. */
  origin: string | null;
}
