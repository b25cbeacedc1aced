/** What people mean by a name without a slash. Where several zones use an abbreviation, it is the best known of them. ICU takes
 *  BST for Dhaka and AST for Anchorage. */
const MEANT: Record<string, string> = {
  ACT: 'Australia/Adelaide',
  AET: 'Australia/Sydney',
  AGT: 'America/Argentina/Buenos_Aires',
  ART: 'America/Argentina/Buenos_Aires',
  AST: 'America/Halifax',
  BET: 'America/Sao_Paulo',
  BST: 'Europe/London',
  CAT: 'Africa/Maputo',
  CET: 'Europe/Paris',
  CNT: 'America/St_Johns',
  CST: 'America/Chicago',
  CTT: 'Asia/Shanghai',
  EAT: 'Africa/Nairobi',
  ECT: 'Europe/Paris',
  EET: 'Europe/Athens',
  EST: 'America/New_York',
  HST: 'Pacific/Honolulu',
  IET: 'America/Indiana/Indianapolis',
  IST: 'Asia/Kolkata',
  JST: 'Asia/Tokyo',
  MET: 'Europe/Paris',
  MIT: 'Pacific/Apia',
  MST: 'America/Denver',
  NET: 'Asia/Yerevan',
  NST: 'America/St_Johns',
  PLT: 'Asia/Karachi',
  PNT: 'America/Phoenix',
  PRC: 'Asia/Shanghai',
  PRT: 'America/Puerto_Rico',
  PST: 'America/Los_Angeles',
  ROC: 'Asia/Taipei',
  ROK: 'Asia/Seoul',
  SST: 'Pacific/Pago_Pago',
  VST: 'Asia/Ho_Chi_Minh',
  WET: 'Europe/Lisbon',
  EST5EDT: 'America/New_York',
  CST6CDT: 'America/Chicago',
  MST7MDT: 'America/Denver',
  PST8PDT: 'America/Los_Angeles',
};

/** What the IANA names EST and MST stand for: the same offset all year. */
const WITHOUT_DST: Record<string, string> = { EST: 'America/Panama', MST: 'America/Phoenix' };

/** True for UTC, GMT, and IANA names with a slash, in upper or lower case. An offset such as +02:00 is not a name. */
export const isTimeZone = (name: string): boolean =>
  /^(utc|gmt|[a-z][\w+-]*\/[\w+/-]+)$/i.test(name) && canonicalName(name) !== null;

/** Why a name is no time zone here, with the name that was probably meant if it is known. Null: it is one. */
export function zoneFaultOf(name: string): string | null {
  if (isTimeZone(name)) return null;
  const rule = 'A time zone is UTC or an IANA name such as Europe/Berlin or America/New_York';
  const canonical = /^[a-z][\w+-]*$/i.test(name) ? canonicalName(name) : null;
  if (canonical === null) return rule;
  const meant = MEANT[name.toUpperCase()] ?? canonical;
  const withoutDst = WITHOUT_DST[name.toUpperCase()];
  const alternative = withoutDst ? `, or ${withoutDst} without DST` : '';
  return `${rule}. "${name}" is ambiguous or outdated. You probably mean ${meant}${alternative}`;
}

function canonicalName(name: string): string | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}
