import { z } from 'zod';

/** A Date, since PostgreSQL takes fewer offsets and digits than ISO 8601 has. */
export const instant = z.iso
  .datetime({ offset: true, error: 'Must be ISO 8601 with a zone, such as 2026-12-24T18:00:00Z' })
  .transform((text) => new Date(text));
