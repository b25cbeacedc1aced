import type { z } from 'zod';

/** The type of a zod object, by the type of its fields. A schema that is declared with it keeps the comments on its fields in the
 *  `.d.ts` files, where editors of the package's users find them. A schema with an inferred type loses them. */
export type DocumentedObject<
  Fields extends z.core.$ZodShape,
  Config extends z.core.$ZodObjectConfig = z.core.$strict,
> = z.ZodObject<Fields, Config>;
