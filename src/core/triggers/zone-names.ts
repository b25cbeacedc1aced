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

/** True for UTC, GMT, and IANA names with a slash, in upper or lower case. An offset such as +02:00 is not a name. */
export const isTimeZone = (name: string): boolean =>
  /^(utc|gmt|[a-z][\w+-]*\/[\w+/-]+)$/i.test(name) && canonicalName(name) !== null;

/** Why a name is no time zone here, with the name that was probably meant. Null: it is one. */
export function zoneFaultOf(name: string): string | null {
  if (isTimeZone(name)) return null;
  const rule = 'A time zone is UTC or an IANA name such as Europe/Berlin or America/New_York';
  const canonical = /^[a-z][\w+-]*$/i.test(name) ? canonicalName(name) : null;
  const meant = canonical && (MEANT[name.toUpperCase()] ?? canonical);
  return meant ? `${rule}. "${name}" can mean several zones or is outdated; probably meant: ${meant}` : rule;
}

function canonicalName(name: string): string | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}
