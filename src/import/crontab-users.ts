import { Problem } from '../core/problem.js';
import type { Crontab, CrontabEntry } from './crontab-lines.js';

/** The user of each entry of a file with a column of users. Where the column was only `detected`, an entry that begins with a
 *  program has none. */
export function usersOf({ entries }: Crontab, detected: boolean): Map<CrontabEntry, string> {
  const withUser = entries.filter((entry) => !detected || kindOf(entry) !== 'program');
  return new Map(withUser.map((entry) => [entry, firstWord(entry.command)]));
}

/** Whether the lines name a user before the command, by the path of the file, its headings and its lines. Throws
 *  IMPORT_AMBIGUOUS when these do not decide. */
export function detectUsers({ entries, headingNamesUser }: Crontab, source: string): boolean {
  if (isSystemCrontab(source) || headingNamesUser) return true;
  const active = entries.filter(({ disabled }) => !disabled);
  const kinds = new Set((active.length > 0 ? active : entries).map(kindOf));
  if (kinds.has('user')) return true;
  if (headingNamesUser === false || kinds.has('program')) return false;
  const unclear = entries.find((entry) => kindOf(entry) === 'unclear');
  if (!unclear) return false;
  throw new Problem(
    422,
    'IMPORT_AMBIGUOUS',
    `line ${unclear.line}: "${firstWord(unclear.command)}" may be the user who runs the command, or its program; \
pass --user-column or --no-user-column`,
  );
}

const isSystemCrontab = (source: string): boolean => /(^|\/)(etc\/crontab|(.*\.)?cron\.d(\/[^/]+)?)$/.test(source);

const firstWord = (command: string): string => /^\S+/.exec(command)![0];

/** Users that are not the name of a program. */
const USERS = words(
  'root www-data apache nobody daemon operator postgres wwwrun _www ubuntu debian centos ec2-user gnats uucp',
);
/** Users that are also the name of a program. */
const USERS_AND_PROGRAMS = words(
  `backup mail man sync git games proxy lp bin sys news list irc www nginx apache2 http httpd mysql mariadb redis mongodb vagrant
   pi deploy amavis clamav munin nagios zabbix jenkins gitlab gitea tomcat solr elasticsearch rabbitmq asterisk mailman`,
);

/** Programs and words of a shell that commonly begin a command. */
const PROGRAMS = words(
  `cd test [ [[ { ( if for while . source export set exec eval sleep true echo printf command sh bash dash ash zsh ksh env nice
   ionice nohup timeout flock sudo su doas time chronic cronic solo curl wget http php php5 php7 php8 python python2 python3
   perl ruby node npm npx yarn pnpm java go rake bundle make docker docker-compose podman kubectl git svn rsync scp ssh rclone
   cp mv rm mkdir find tar gzip zip cat tail head grep sed awk date touch chmod chown ln ls ps kill killall pkill systemctl
   service certbot logrotate run-parts psql pg_dump pg_dumpall mysql mysqldump mongodump redis-cli sqlite3 aws gcloud az s3cmd
   restic borg duplicity rsnapshot newsyslog periodic apt apt-get yum dnf apk pip pip3 poetry pipenv uv composer drush wp artisan
   symfony iptables ifconfig ip ping nmap tcpdump screen tmux logger shutdown reboot mount umount lockf fetch freshclam sa-update
   ntpdate hwclock xvfb-run`,
);

type Kind = 'user' | 'program' | 'unclear';

/** What the first word of a command is. */
function kindOf({ command }: CrontabEntry): Kind {
  const [first = '', second] = command.split(/\s+/);
  if (second === undefined) return 'program';
  if (USERS.has(first)) return 'user';
  const isCommand = /^[~./$"'`[({]/.test(second) || /^[A-Za-z_]\w*=/.test(second) || PROGRAMS.has(second);
  if (USERS_AND_PROGRAMS.has(first)) return isCommand ? 'user' : 'program';
  if (!/^[a-z_][\w-]*$/i.test(first) || PROGRAMS.has(first) || !isCommand) return 'program';
  return 'unclear';
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/).filter((word) => word !== ''));
}
