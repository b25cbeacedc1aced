/** From the least to the most; each may do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

export const reaches = (role: Role, required: Role): boolean => roles.indexOf(role) >= roles.indexOf(required);
