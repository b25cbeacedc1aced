/** The roles of API keys in ascending order. Each role includes the permissions of those before it. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** True when `role` is `required` or a higher role. */
export const reaches = (role: Role, required: Role): boolean => roles.indexOf(role) >= roles.indexOf(required);
