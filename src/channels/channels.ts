import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Problem } from '../core/problem.js';
import { type Alert, LOG_CHANNEL } from '../jobs/definition/alert.schema.js';
import type { JobDefinition } from '../jobs/definition/job.schema.js';
import { Secrets } from '../tasks/secrets.js';
import { ChannelNotFoundError, UnknownChannelError } from './channel-errors.js';
import { channel, type Channel, type ChannelsFile, type ChannelType } from './channel.schema.js';
import {
  type ChannelsFault,
  faultsOfChannel,
  located,
  parseChannelsFile,
  readChannelsFile,
  unknownChannels,
} from './channels-file.js';

/** The channels of CHANNELS_FILE and the channel `log`, and the alerts that apply to jobs. The file is read at start. The secrets
 *  in it are read for each message. */
@Injectable()
export class Channels implements OnModuleInit {
  private readonly text: string;
  private readonly file: ChannelsFile;

  /** Throws CHANNELS_FILE_UNREADABLE, CHANNELS_FILE_INVALID. */
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'CHANNELS_FILE' | 'ROLES'>,
    private readonly secrets: Secrets,
  ) {
    const { CHANNELS_FILE } = environment;
    this.text = CHANNELS_FILE === undefined ? '' : readChannelsFile(CHANNELS_FILE);
    this.file = parseChannelsFile(CHANNELS_FILE ?? '', this.text);
  }

  /** Checks that a worker can fill in the secrets, and that the channels are valid with them. Throws CHANNELS_FILE_INVALID. */
  async onModuleInit(): Promise<void> {
    if (!this.environment.ROLES.includes('worker')) return;
    const faults: ChannelsFault[] = [];
    for (const [name, written] of Object.entries(this.file.channels))
      faults.push(
        ...(await this.secrets.fillIn(written).then(
          ({ input }) => faultsOfChannel(name, input),
          (error: unknown) => {
            if (!(error instanceof Problem)) throw error;
            return [{ path: ['channels', name], message: error.message }];
          },
        )),
      );
    if (faults.length > 0) throw located(this.environment.CHANNELS_FILE!, this.text, faults);
  }

  /** By name, `log` first. */
  all(): { name: string; type: ChannelType }[] {
    const written = Object.entries(this.file.channels).map(([name, { type }]) => ({ name, type: type as ChannelType }));
    return [{ name: LOG_CHANNEL, type: 'log' }, ...written.toSorted((a, b) => (a.name < b.name ? -1 : 1))];
  }

  /** Undefined if there is no channel of this name. */
  typeOf(name: string): ChannelType | undefined {
    return this.all().find((one) => one.name === name)?.type;
  }

  /** A channel of the file with its secrets filled in, and all its values that must not be shown. Throws CHANNEL_NOT_FOUND,
   *  CHANNELS_FILE_INVALID, and the errors of Secrets. */
  async open(name: string): Promise<{ channel: Channel; secrets: string[] }> {
    const written = this.file.channels[name];
    if (!written) throw new ChannelNotFoundError(name, this.names());
    const { input, secrets } = await this.secrets.fillIn(written);
    const { data, error } = channel.safeParse(input);
    if (error) throw located(this.environment.CHANNELS_FILE!, this.text, faultsOfChannel(name, input));
    return { channel: data, secrets: [...secrets, ...credentialsOf(data)] };
  }

  /** Throws UNKNOWN_CHANNEL if a job names a channel that does not exist. */
  check({ alerts }: Pick<JobDefinition, 'alerts'>): void {
    const known = this.names();
    const unknown = unknownChannels(alerts ?? [], known);
    if (unknown.length === 0) return;
    throw new UnknownChannelError(
      unknown.map(({ path, name }) => ({ path: ['alerts', ...path], name })),
      known,
    );
  }

  /** The alerts that apply to a job: its own list, else those of its tags, else those of the service. If several of its tags have the
   *  same condition, the tag that comes first in the file counts. */
  alertsOf({ alerts, tags }: Pick<JobDefinition, 'alerts' | 'tags'>): Alert[] {
    if (alerts !== null) return alerts;
    const lists = Object.entries(this.file.tags).flatMap(([tag, list]) => (tags.includes(tag) ? [list] : []));
    if (lists.length === 0) return this.file.alerts;
    const all = lists.flat();
    return all.filter(({ when }, index) => all.findIndex((other) => other.when === when) === index);
  }

  /** All alerts of the file. */
  defaults(): Alert[] {
    return [...this.file.alerts, ...Object.values(this.file.tags).flat()];
  }

  /** For which jobs without alerts of their own the file has a condition: for all that have no tag of `tags`, and for those with a tag of
   *  `with`. */
  defaultsFor(condition: Alert['when']): { all: boolean; tags: string[]; with: string[] } {
    const has = (list: Alert[]) => list.some(({ when }) => when === condition);
    const tags = Object.entries(this.file.tags);
    return {
      all: has(this.file.alerts),
      tags: tags.map(([tag]) => tag),
      with: tags.filter(([, list]) => has(list)).map(([tag]) => tag),
    };
  }

  private names(): string[] {
    return this.all().map(({ name }) => name);
  }
}

/** Also those that stand in the file itself. The host of a URL is none. */
function credentialsOf(opened: Channel): string[] {
  if (opened.type === 'webhook') return [...credentialsInUrl(opened.url), opened.secret];
  if (opened.type === 'pagerduty') return [...credentialsInUrl(opened.url), opened.routingKey];
  return credentialsInUrl(opened.type === 'email' ? opened.smtp : opened.url);
}

function credentialsInUrl(url: string): string[] {
  const { pathname, search, username, password } = new URL(url);
  return [username, password, unescape(password), `${pathname}${search}`.slice(1)];
}

/** A text that is no percent encoding stays as it is. */
function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
