import { CodedError } from '../core/coded-error.js';
import { jsonPointer } from '../core/json-pointer.js';
import { Problem } from '../core/problem.js';
import type { YamlFault } from '../core/yaml/parse-yaml.js';

const listOf = (names: string[]) => names.map((name) => `"${name}"`).join(', ');

/** A definition names a channel that does not exist. */
export class UnknownChannelError extends Problem {
  constructor(places: { path: PropertyKey[]; name: string }[], known: string[]) {
    const faults = places.map(({ path, name }) => ({
      path: jsonPointer(path),
      message: `There is no channel "${name}"; the channels are ${listOf(known)}`,
    }));
    super(422, 'UNKNOWN_CHANNEL', faults.map(({ path, message }) => `${path}: ${message}`).join('; '), faults);
  }
}

export class ChannelNotFoundError extends Problem {
  constructor(name: string, known: string[]) {
    super(404, 'CHANNEL_NOT_FOUND', `There is no channel "${name}"; the channels are ${listOf(known)}`);
  }
}

/** Lists every fault of the channels file with its line. */
export class ChannelsFileError extends Problem {
  constructor(path: string, faults: YamlFault[]) {
    const lines = faults.map(({ line, message }) => `  line ${line}: ${message}`);
    super(500, 'CHANNELS_FILE_INVALID', `${path} has errors:\n${lines.join('\n')}`);
  }
}

/** A message was not accepted by its receiver. The message of the error has no URL with a path, which often is a credential. */
export class DeliveryFailedError extends CodedError {
  constructor(channel: string, why: string) {
    super('DELIVERY_FAILED', `The channel "${channel}" did not take the message: ${why}`);
  }
}
