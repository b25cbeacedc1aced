/** A value as the shell reads it: in quotes, or without spaces. A variable or the output of a command is no password. */
const VALUE = String.raw`(?:"(?![$"\x60])(?:[^"\\]|\\.)*"|'[^']*'|(?![$"'\x60])(?:\\.|[^\s"'\\])+)`;

/** What the name of a password contains. It does not match BYPASS, PASSENGER_ENV, PWD, or a number of tokens. */
const WORD = String.raw`(?:pass(?:word|wd|phrase)|(?<!by|com)pass(?![a-z])|[_.-]pwd(?![a-z])|token(?!s|iz)|secret(?!s|ar)|(?:api|access|private)[_.-]?key|bearer|credential)`;
/** The name of a variable or an option that holds a password, not of one that says where it is. */
const NAME = String.raw`[\w.-]*?${WORD}[\w.-]*(?<!file|path|dir|stdin)`;

/** The part of the same command after one of these programs. A separator in quotes or in a URL does not end it. */
const after = (programs: string) =>
  String.raw`(?<![\w-])(?:${programs})\s(?:"[^"]*"|'[^']*'|\\.|&(?=[^\s&])|[^|;&"'\\])*`;

const CONTAINERS = 'docker|podman|nerdctl|kubectl|docker-compose';

/** Options with a password that is not recognisable by the name of the option. */
const OPTIONS_OF_PROGRAMS: [programs: string, option: string][] = [
  // With a space, what follows is the name of a database.
  [String.raw`(?:mysql|mariadb)[\w-]*|mycli|7z[ar]?|rar`, '-p'],
  [String.raw`mongo[\w-]*|(?:${CONTAINERS}) login|az login|ncftp\w*`, String.raw`-p\s*`],
  ['redis-cli', String.raw`-a\s+`],
  [String.raw`ldap\w+`, String.raw`-w\s*`],
  [String.raw`zip|unzip|sqlcmd|bcp|mosquitto_\w+|ipmitool`, String.raw`-P\s*`],
];

/** The value of an option such as -u, up to the colon. */
const LOGIN = String.raw`(?:(["'])([^\s:"']+:)(?!\$)[^"']+|([^\s:"']+:)(?!\$)[^\s"']+)`;

const PASSWORDS: [RegExp, string][] = [
  // User and password of a URL. The password may contain an @.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/:@"']*:(?!\$)[^\s/?#"']+@/gi, '$1***@'],
  // --password=x, PGPASSWORD=x, -Ddb.password=x.
  [new RegExp(String.raw`((?<![\w.$-])${NAME}=)${VALUE}`, 'gi'), '$1***'],
  // --password x. The option may also be one without a value.
  [new RegExp(String.raw`(\s--(?!no-|ask-|skip-)${NAME}\s+)(?!-)${VALUE}`, 'gi'), '$1***'],
  [new RegExp(String.raw`(\s-(?:[\w.]+[_.-]|store|key)?${WORD}\s+)(?!-)${VALUE}`, 'gi'), '$1***'],
  [new RegExp(String.raw`(\s-pass(?:in|out)\s+pass:)${VALUE}`, 'g'), '$1***'],
  ...OPTIONS_OF_PROGRAMS.map(([programs, option]): [RegExp, string] => [
    new RegExp(String.raw`(?<=${after(programs)})((?<=\s)${option})${VALUE}`, 'g'),
    '$1***',
  ]),
  [new RegExp(String.raw`(\bsshpass(?:\s+-\w+)*?\s+-p\s*)${VALUE}`, 'g'), '$1***'],
  // curl -u name:password. For programs that start or copy something, it is a group, a time or a path.
  [
    new RegExp(String.raw`(?<=${after('curl')})((?<=\s)(?:-[A-Za-z]*[uU]|--user|--proxy-user)[=\s]*)${LOGIN}`, 'g'),
    '$1$2$3$4***',
  ],
  [
    new RegExp(
      String.raw`(?<!${after(`${CONTAINERS}|chpst|rsync`)})((?<=\s)(?:-u|--user)[=\s]\s*)(?!\d+:\d+)(?!\S+:\/)${LOGIN}`,
      'g',
    ),
    '$1$2$3$4***',
  ],
  // Headers such as Authorization: Bearer x.
  [
    /((?:authorization|cookie|(?:x-|(?<=["']|\s-[A-Za-z]*H\s*|\s--header[=\s]\s*))[\w-]*(?:token|secret|password|api-?key)[\w-]*):\s*(?:(?:bearer|basic)\s+)?)(?!\$|bearer|basic|\s)[^\s"'][^"']*/gi,
    '$1***',
  ],
  // Members of JSON.
  [new RegExp(String.raw`(\\?["'][\w.-]*${WORD}[\w.-]*\\?["']\s*:\s*\\?["'])(?!\$)(?:(?!\\?["']).)+`, 'gi'), '$1***'],
];

/** The command with *** in place of the passwords that can be recognised, because everyone who can read a job can read its
 *  description. Variables stay. */
export const withoutPasswords = (command: string): string =>
  PASSWORDS.reduce((text, [pattern, replacement]) => text.replaceAll(pattern, replacement), command);
