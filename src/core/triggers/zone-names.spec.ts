import { triggerInput } from './trigger.js';
import { isTimeZone, zoneFaultOf } from './zone-names.js';
import { zoneOf } from './zone.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('');
const OTHERS =
  `EST5EDT CST6CDT MST7MDT PST8PDT Cuba Egypt Eire GB GB-Eire Greenwich Hongkong Iceland Iran Israel Jamaica Japan Kwajalein
  Libya Navajo NZ NZ-CHAT Poland Portugal Singapore Turkey Universal W-SU Zulu GMT0 GMT+0 GMT-0`.split(/\s+/);

function isKnownToIntl(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The names without a slash that Intl accepts: three letters, and those of IANA's backward links. */
const slashless = LETTERS.flatMap((a) => LETTERS.flatMap((b) => LETTERS.map((c) => a + b + c)))
  .concat(OTHERS)
  .filter((name) => isKnownToIntl(name) && name !== 'UTC' && name !== 'GMT');

describe('the name of a time zone', () => {
  it.each(['UTC', 'utc', 'GMT', 'Europe/Berlin', 'america/new_york', 'US/Eastern', 'Etc/GMT+5', 'Asia/Calcutta'])(
    'may be %s',
    (name) => expect([isTimeZone(name), zoneFaultOf(name)]).toEqual([true, null]),
  );

  it('may have no slash otherwise, and the fault names one that is valid', () => {
    expect(slashless.length).toBeGreaterThan(50);
    for (const name of [...slashless, ...slashless.map((one) => one.toLowerCase())]) {
      const [, meant] = /You probably mean ([\w/+-]+)/.exec(zoneFaultOf(name) ?? '') ?? [];
      expect([name, isTimeZone(name), meant && isTimeZone(meant)]).toEqual([name, false, true]);
    }
  });

  it.each([
    ['BST', 'Europe/London'],
    ['AST', 'America/Halifax'],
    ['NST', 'America/St_Johns'],
    ['PST', 'America/Los_Angeles'],
    ['EST', 'America/New_York'],
    ['IST', 'Asia/Kolkata'],
    ['GB', 'Europe/London'],
    ['EST5EDT', 'America/New_York'],
    ['Zulu', 'UTC'],
  ])('%s is refused, and %s was meant', (name, meant) => {
    const { error } = triggerInput.safeParse({ type: 'cron', expression: '@daily', timeZone: name });
    expect(error?.issues).toMatchObject([{ path: ['timeZone'], message: expect.stringContaining(meant) }]);
  });

  it.each([
    ['EST', '"EST" is ambiguous or outdated. You probably mean America/New_York, or America/Panama without DST'],
    ['mst', '"mst" is ambiguous or outdated. You probably mean America/Denver, or America/Phoenix without DST'],
    ['BST', '"BST" is ambiguous or outdated. You probably mean Europe/London'],
  ])('%s: %s', (name, message) => {
    expect(zoneFaultOf(name)).toMatch(new RegExp(`${message}$`));
  });

  it.each(['EST', 'MST'])('%s without DST is a zone that has the same offset all year', (name) => {
    const [, without] = /, or (\S+) without DST/.exec(zoneFaultOf(name) ?? '') ?? [];
    const offsets = ['2026-01-01', '2026-07-01'].map((day) => zoneOf(without!).offset(Date.parse(day)) / 3_600_000);
    const hours = { EST: -5, MST: -7 }[name];
    expect(offsets).toEqual([hours, hours]);
  });

  it.each(['+02:00', 'Nope', 'Europe/Nope', '', 'Berlin'])('%p is no name', (name) => {
    expect(zoneFaultOf(name)).toMatch(/IANA name such as Europe\/Berlin/);
  });
});
