/** An SQL expression for a new id of a run that was queued at `at`, which is an SQL expression too. */
export const runIdAt = (at: string): string =>
  `(lpad(to_hex(floor(extract(epoch FROM ${at}) * 1000)::bigint), 12, '0') || '7' ||
    substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid`;
