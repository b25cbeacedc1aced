const VALUE = String.raw`(?:"(?![$"])[^"]*"|'[^']*'|[^\s"'$][^\s"']*)`;

const PASSWORDS: [RegExp, string][] = [
  // User and password of a URL. A variable is no password.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:$"']+:(?!\$)[^\s/@"']+@/gi, '$1***@'],
  // Options such as --password=x and -u name:password.
  [new RegExp(String.raw`(\s--?[\w-]*(?:password|passwd|token|secret|api-?key|bearer)[=\s])${VALUE}`, 'gi'), '$1***'],
  [
    new RegExp(String.raw`(\s(?:-[A-Za-z]*u|--user|--proxy-user)[=\s]?\s*["']?[^\s:"'$]+:)(?!\$)[^\s"']+`, 'g'),
    '$1***',
  ],
  // Variables such as PGPASSWORD=x.
  [new RegExp(String.raw`(\b\w*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY)\w*=)${VALUE}`, 'gi'), '$1***'],
  // Headers such as Authorization: Bearer x.
  [
    /((?:authorization|cookie|[\w-]*(?:token|secret|api-?key)[\w-]*):\s*(?:(?:bearer|basic)\s+)?)(?!\$|bearer|basic|\s)[^\s"'][^"']*/gi,
    '$1***',
  ],
];

/** The command with *** in place of the passwords that can be recognised, because everyone who can read a job can read its
 *  description. Variables stay. */
export const withoutPasswords = (command: string): string =>
  PASSWORDS.reduce((text, [pattern, replacement]) => text.replaceAll(pattern, replacement), command);
