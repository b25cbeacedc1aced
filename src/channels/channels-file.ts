import { readFileSync } from 'node:fs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Problem } from '../core/problem.js';
import { faultsOf } from '../core/schema-faults.js';
import { lineNotUtf8, utf8Help } from '../core/utf8.js';
import { parseYaml } from '../core/yaml/parse-yaml.js';
import { channelName, LOG_CHANNEL } from '../jobs/definition/alert.schema.js';
import { issuesOutsideReferences, referenceHelp, referencesIn } from '../tasks/secret-reference.js';
import { ChannelsFileError } from './channel-errors.js';
import { channel, channelsFile, type ChannelsFile } from './channel.schema.js';

/** Where something in a channels file is wrong. */
export interface ChannelsFault {
  path: PropertyKey[];
  message: string;
}

/** The text of the file. Throws CHANNELS_FILE_UNREADABLE, CHANNELS_FILE_INVALID. */
export function readChannelsFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new Problem(500, 'CHANNELS_FILE_UNREADABLE', `CHANNELS_FILE cannot be read: ${(error as Error).message}`);
  }
  const line = lineNotUtf8(bytes);
  if (line !== undefined) throw new ChannelsFileError(path, [{ line, message: utf8Help }]);
  return bytes.toString();
}

/** Parses a channels file, which is YAML or JSON. References to secrets stay as they are. Throws CHANNELS_FILE_INVALID with every
 *  fault. */
export function parseChannelsFile(path: string, text: string): ChannelsFile {
  const { value, faults } = parseYaml(text);
  if (faults.length > 0) throw new ChannelsFileError(path, faults);
  const { data, error } = channelsFile.safeParse(value ?? {});
  const found = [...faultsIn(error?.issues ?? []), ...faultsOfFile(data ?? checkable(value))];
  if (found.length > 0) throw located(path, text, found);
  return data!;
}

/** A CHANNELS_FILE_INVALID with these faults and their lines. */
export function located(path: string, text: string, faults: ChannelsFault[]): ChannelsFileError {
  const { lines } = parseYaml(
    text,
    faults.map((fault) => fault.path),
  );
  return new ChannelsFileError(
    path,
    faults.map((fault, index) => ({
      line: lines[index]!,
      message: [fault.path.map(String).join('.'), fault.message].filter((part) => part !== '').join(': '),
    })),
  );
}

/** What is wrong with the name of a channel. */
function faultsOfName(name: string): ChannelsFault[] {
  const path = ['channels', name];
  if (name === LOG_CHANNEL)
    return [{ path, message: `"${name}" is the channel that is always there; use another name` }];
  return faultsIn(channelName.safeParse(name).error?.issues ?? [], path);
}

/** The faults of one channel, whose place in the file is `channels.<name>`. */
export function faultsOfChannel(name: string, written: unknown): ChannelsFault[] {
  const references = referencesIn(written);
  const invalid = references.filter((reference) => reference.name === null);
  if (invalid.length > 0)
    return invalid.map(({ path }) => ({ path: ['channels', name, ...path], message: referenceHelp }));
  const { error } = channel.safeParse(written);
  return faultsIn(issuesOutsideReferences(error?.issues ?? [], references), ['channels', name]);
}

/** What is checked beyond the shape of a file. */
interface Checkable {
  channels: Record<string, unknown>;
  alerts: Recipients[];
  tags: Record<string, Recipients[]>;
}
interface Recipients {
  to?: string[] | undefined;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const mapOf = (value: unknown) => (isMap(value) ? value : {});

/** What of a file of another shape can be checked nevertheless. */
function checkable(value: unknown): Checkable {
  const { channels, alerts, tags } = mapOf(value);
  const recipientsOf = (list: unknown) =>
    (Array.isArray(list) ? list : []).map((alert: unknown) => {
      const { to } = mapOf(alert);
      return { to: Array.isArray(to) ? to.filter((name) => typeof name === 'string') : [] };
    });
  return {
    channels: mapOf(channels),
    alerts: recipientsOf(alerts),
    tags: Object.fromEntries(Object.entries(mapOf(tags)).map(([tag, list]) => [tag, recipientsOf(list)])),
  };
}

/** The faults of channels, and of the names of channels. */
function faultsOfFile({ channels, alerts, tags }: Checkable): ChannelsFault[] {
  const known = [LOG_CHANNEL, ...Object.keys(channels)];
  const unknownIn = (list: typeof alerts, path: PropertyKey[]) =>
    unknownChannels(list, known).map(({ path: place, name }) => ({
      path: [...path, ...place],
      message: `There is no channel "${name}" in this file`,
    }));
  return [
    ...Object.entries(channels).flatMap(([name, written]) => [
      ...faultsOfName(name),
      // The shape of the file requires a map.
      ...(isMap(written) ? faultsOfChannel(name, written) : []),
    ]),
    ...unknownIn(alerts, ['alerts']),
    ...Object.entries(tags).flatMap(([tag, list]) => unknownIn(list, ['tags', tag])),
  ];
}

/** The channels that alerts name and that are not in `known`, each with its place in the list. */
export function unknownChannels(
  alerts: readonly Recipients[],
  known: readonly string[],
): { path: PropertyKey[]; name: string }[] {
  return alerts.flatMap(({ to = [] }, index) =>
    to.flatMap((name, at) => (known.includes(name) ? [] : [{ path: [index, 'to', at], name }])),
  );
}

const keysOf = (pointer: string): PropertyKey[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));

const faultsIn = (issues: readonly StandardSchemaV1.Issue[], base: PropertyKey[] = []): ChannelsFault[] =>
  faultsOf(issues, base).map(({ path, message }) => ({ path: keysOf(path), message }));
