import { parseChannelsFile } from './channels-file.js';

const ops = 'channels:\n  ops: { type: slack, url: https://hooks.example.org/x }\n';

it('takes channels, and alerts for all jobs and for tags', () => {
  const text = `${ops}alerts: [{ when: failed, to: [ops, log] }]\ntags:\n  quiet: []\n`;
  expect(parseChannelsFile('f', text)).toEqual({
    channels: { ops: { type: 'slack', url: 'https://hooks.example.org/x' } },
    alerts: [{ when: 'failed', times: 1, to: ['ops', 'log'] }],
    tags: { quiet: [] },
  });
});

it('may be empty, and refer to secrets in place of any value', () => {
  expect(parseChannelsFile('f', '')).toEqual({ channels: {}, alerts: [], tags: {} });
  const channels = { a: { type: 'slack', url: { $secret: 'slack-url' } } };
  expect(parseChannelsFile('f', JSON.stringify({ channels })).channels).toEqual(channels);
});

it.each([
  ['a text that cannot be parsed', 'channels: [', 'line 1'],
  ['an unknown field', 'chanels: {}', 'line 1: chanels: Unknown field; known fields'],
  ['a list', '- a', 'line 1: Must be a map with'],
  ['an unknown type', 'channels:\n  a: { type: sms }', 'line 2: channels.a.type: Must have a "type": webhook, slack'],
  ['a channel without a type', 'channels:\n  a: {}', 'line 2: channels.a.type: Must have a "type"'],
  ['a channel that is no map', 'channels:\n  a: x', 'line 2: channels.a: Must be a map with a "type"'],
  [
    'an unknown field of a channel',
    `channels:\n  a:\n    type: slack\n    url: https://x.example\n    uri: x`,
    'line 5: channels.a.uri: Unknown field; known fields: type, url',
  ],
  [
    'a URL of another protocol',
    'channels:\n  a:\n    type: slack\n    url: file:///etc/passwd',
    'line 4: channels.a.url: Must be an http',
  ],
  [
    'a secret that cannot sign',
    'channels:\n  a:\n    type: webhook\n    url: https://x.example\n    secret: x',
    'line 5: channels.a.secret: Must be whsec_',
  ],
  [
    'an email without receivers',
    'channels:\n  a:\n    type: email\n    smtp: smtp://x\n    from: a@x\n    to: []',
    'line 6: channels.a.to',
  ],
  [
    'a reference that is none',
    'channels:\n  a:\n    type: slack\n    url: { $secret: ../x }',
    'line 4: channels.a.url: A reference is',
  ],
  [
    'a name that is taken',
    'channels:\n  log: { type: slack, url: https://x.example }',
    'line 2: channels.log: "log" is the channel',
  ],
  [
    'a name that is none',
    'channels:\n  Ops!: { type: slack, url: https://x.example }',
    'line 2: channels.Ops!: A channel name is',
  ],
  [
    'an alert for an unknown channel',
    `${ops}alerts:\n  - { when: failed, to: [opps] }`,
    'line 4: alerts.0.to.0: There is no channel "opps"',
  ],
  [
    'an unknown condition',
    'alerts:\n  - { when: broken, to: [log] }',
    'line 2: alerts.0.when: Must have "when": failed',
  ],
  [
    'a condition that is there twice',
    'alerts:\n  - { when: missed, to: [log] }\n  - { when: missed, to: [log] }',
    'line 3: alerts.1.when: There is another alert',
  ],
  [
    'a limit that is out of range',
    'tags:\n  a:\n    - { when: late, seconds: 1, to: [log] }',
    'line 3: tags.a.0.seconds',
  ],
  [
    'an end without a beginning',
    'alerts:\n  - { when: recovered }',
    'line 2: alerts.0: Needs an alert with "when": failed',
  ],
  [
    'two limits',
    'alerts:\n  - { when: tooLong, seconds: 1, times: 2, to: [log] }',
    'line 2: alerts.0: Give either seconds or times',
  ],
])('refuses %s with its line', (_case, text, message) => {
  expect(() => parseChannelsFile('channels.yaml', text)).toThrow(
    expect.objectContaining({ code: 'CHANNELS_FILE_INVALID', message: expect.stringContaining(message) as string }),
  );
});

it('lists the faults of all parts, also if some of them have another shape', () => {
  const text = `channels:
  ops: { type: slack, url: ftp://x }
  none: 1
alerts:
  - { when: failed, to: [nope] }
  - { when: late, to: [log] }
  - 7
tags:
  x: 5
  y: [{ when: failed, to: [nope] }]
`;
  const faults = [
    'line 2: channels.ops.url: Must be an http',
    'line 3: channels.none: Must be a map',
    'line 5: alerts.0.to.0: There is no channel "nope"',
    'line 6: alerts.1.seconds',
    'line 7: alerts.2',
    'line 9: tags.x',
    'line 10: tags.y.0.to.0: There is no channel "nope"',
  ];
  for (const fault of faults) expect(() => parseChannelsFile('f', text)).toThrow(fault);
});

it('lists all faults', () => {
  const text = 'channels:\n  a: { type: sms }\nalerts:\n  - { when: failed, to: [b] }';
  expect(() => parseChannelsFile('f', text)).toThrow(/line 2: channels\.a\.type.*\n.*line 4: alerts\.0\.to\.0/);
});
