import { namesOfCommand } from './command-name.js';

it.each([
  // A wrapper with the text of a command.
  ['flock -n /tmp/l -c "php /x.php"', 'x.php'],
  ['flock /tmp/l --command "cd /srv && php /x.php a"', 'x.php-a'],
  ['flock -n /tmp/l sh -c "php /x.php"', 'x.php'],
  ['su - www -c "php /x.php"', 'x.php'],
  ['runuser -u www -- php /x.php', 'x.php'],
  ['script -qc "php /x.php" /dev/null', 'x.php'],
  ['nice php /x.php -c 5', 'x.php-5'],
  // Words of the shell.
  ['if [ -f x ]; then y z; fi', 'y-z'],
  ['if ! pgrep x; then y z; fi', 'y-z'],
  ['if test -f x; then cd /srv; y z; else w; fi', 'y-z'],
  ['if [ -f x ]; then true; elif [ -f y ]; then y z; fi', 'y-z'],
  ['for i in a b; do y z; done', 'y-z'],
  ['for i in $(ls /x); do y $i z; done', 'y-z'],
  ['while read a; do y z; done', 'y-z'],
  ['while true; do y z; sleep 1; done', 'y-z'],
  ['until [ -f x ]; do y z; done', 'y-z'],
  ['case $(date +%u) in 1) y z;; esac', 'y-z'],
  ['[ -f x ] && { y z; }', 'y-z'],
  ['if php /x.php; then true; fi', 'x.php'],
  ['! y z', 'y-z'],
  ['if true; then nice php /x.php; fi', 'x.php'],
  // Options with a value, joined.
  ['sudo -Hu www php x', 'x'],
  ['sudo -u www php x', 'x'],
  ['sudo -uwww php x', 'x'],
  ['sudo -EHu www -- php x', 'x'],
  ['sudo --user www php x', 'x'],
  ['sudo --user=www php x', 'x'],
  ['nice -n19 ionice -c2 -n7 y z', 'y-z'],
  ['timeout -s KILL 5 y z', 'y-z'],
])('%s is named %s', (command, name) => {
  expect(namesOfCommand(command)[0]).toBe(name);
});
