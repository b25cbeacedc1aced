import { z } from 'zod';
import { knownFields } from '../core/triggers/input-fields.js';
import { alertList } from '../jobs/definition/alert.schema.js';

const httpUrl = z.url({ protocol: /^https?$/, error: 'Must be an http or https URL' });
const text = z.string().min(1).max(1024);
const address = z.string().min(3).max(320).regex(/@/, 'Must be an email address');

const channelOf = <T extends string, F extends z.core.$ZodShape>(type: T, fields: F) =>
  z.strictObject({ type: z.literal(type), ...fields }, { error: knownFields('type', ...Object.keys(fields)) });

/** Where messages go. Any value may be a reference to a secret. */
export const channel = z.discriminatedUnion(
  'type',
  [
    channelOf('webhook', {
      url: httpUrl,
      /** Of Standard Webhooks. Receivers check the signature with it. */
      secret: z
        .string()
        .regex(/^whsec_[A-Za-z0-9+/]{32,100}={0,2}$/, 'Must be whsec_ and 24 to 64 random bytes in base64'),
    }),
    channelOf('slack', { url: httpUrl }),
    channelOf('email', {
      smtp: z.url({ protocol: /^smtps?$/, error: 'Must be a URL such as smtp://user:password@mail.example.org:587' }),
      from: text.regex(/@/, 'Must be an email address, with or without a name'),
      to: z.array(address).min(1).max(50),
    }),
    channelOf('pagerduty', {
      routingKey: text,
      url: httpUrl.default('https://events.pagerduty.com/v2/enqueue'),
    }),
  ],
  { error: 'Must have a "type": webhook, slack, email or pagerduty' },
);
export type Channel = z.output<typeof channel>;
/** The types of channels. `log` has only the built-in channel of that name. */
export const channelTypes = ['log', 'webhook', 'slack', 'email', 'pagerduty'] as const;
export type ChannelType = (typeof channelTypes)[number];

const fileFields = {
  channels: z
    .record(
      z.string(),
      z.record(z.string(), z.unknown(), 'Must be a map with a "type"'),
      'Must be a map of channels by name',
    )
    .default({}),
  alerts: alertList.default([]),
  tags: z.record(z.string().min(1).max(128), alertList, 'Must be a map of alerts by tag').default({}),
};
/** The channels file. Channels are checked one by one, since secrets may be filled in first. */
export const channelsFile = z.strictObject(fileFields, {
  error: (issue) =>
    issue.code === 'invalid_type'
      ? 'Must be a map with "channels:", "alerts:" and "tags:", of which each may be left out'
      : knownFields(...Object.keys(fileFields))(issue),
});
export type ChannelsFile = z.output<typeof channelsFile>;
