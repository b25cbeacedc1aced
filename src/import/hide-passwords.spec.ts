import { withoutPasswords } from './hide-passwords.js';

it.each([
  // Variables.
  ['SMTP_PASS=abc x', 'SMTP_PASS=*** x'],
  ['pass=abc', 'pass=***'],
  ['PGPASSWORD="a b" pg_dump app', 'PGPASSWORD=*** pg_dump app'],
  ['docker run -e DB_PWD=abc -e "SMTP_PASS=abc" x', 'docker run -e DB_PWD=*** -e "SMTP_PASS=***" x'],
  ['X="1 2" sh -c "SMTP_PASS=abc y"', 'X="1 2" sh -c "SMTP_PASS=*** y"'],
  ['java -Ddb.password=abc -jar x.jar', 'java -Ddb.password=*** -jar x.jar'],
  ['AWS_SECRET_ACCESS_KEY=abc aws', 'AWS_SECRET_ACCESS_KEY=*** aws'],
  // Options.
  ['x --pass=abc', 'x --pass=***'],
  ['x --dbpass abc y', 'x --dbpass *** y'],
  ["x --password 'a b' y", 'x --password *** y'],
  ['vault write login --secret-id=abc', 'vault write login --secret-id=***'],
  ['keytool -storepass abc -alias y', 'keytool -storepass *** -alias y'],
  ['gpg --passphrase abc y', 'gpg --passphrase *** y'],
  ['openssl enc -pass pass:abc -in y', 'openssl enc -pass *** -in y'],
  ['openssl rsa -passin pass:abc -in y', 'openssl rsa -passin pass:*** -in y'],
  ['sh -c "x --token abc"', 'sh -c "x --token ***"'],
  // Options of one program.
  ['mysql -pTop', 'mysql -p***'],
  ['mysqldump -uroot -psecret db', 'mysqldump -uroot -p*** db'],
  ["/usr/bin/mysqldump --where='a;b' -p'a b' db | gzip", "/usr/bin/mysqldump --where='a;b' -p*** db | gzip"],
  ['sshpass -p secret ssh -p 22 h', 'sshpass -p *** ssh -p 22 h'],
  ['sshpass -psecret ssh -p22 h', 'sshpass -p*** ssh -p22 h'],
  ['redis-cli -h h -a secret ping', 'redis-cli -h h -a *** ping'],
  ['mongodump -u me -p secret', 'mongodump -u me -p ***'],
  ['docker login -u me -p secret h', 'docker login -u me -p *** h'],
  ['ldapsearch -x -w secret y', 'ldapsearch -x -w *** y'],
  ['zip -P secret a.zip b', 'zip -P *** a.zip b'],
  ['7z a -psecret a.7z b', '7z a -p*** a.7z b'],
  ['curl -u 12:30 h', 'curl -u 12:*** h'],
  ['curl -sSu "user:sec ret" h', 'curl -sSu "user:***" h'],
  ['curl h?a=1&b=2 --user user:secret', 'curl h?a=1&b=2 --user user:***'],
  ['docker run -u 1000:1000 x/curl -u user:secret h', 'docker run -u 1000:1000 x/curl -u user:*** h'],
  ['upload -u user:secret h', 'upload -u user:*** h'],
  // URLs, headers and bodies.
  ['curl https://user:sec@ret@example.org/a@b', 'curl https://***@example.org/a@b'],
  ['x redis://:secret@example.org', 'x redis://***@example.org'],
  ['x https://$ME:secret@example.org', 'x https://***@example.org'],
  ['curl -H "X-Token: a b" h', 'curl -H "X-Token: ***" h'],
  ['curl -H "Authorization: Bearer abc" h', 'curl -H "Authorization: Bearer ***" h'],
  ['http h Authorization:abc', 'http h Authorization:***'],
  [`curl -d '{"user":"me","password": "abc"}' h`, `curl -d '{"user":"me","password": "***"}' h`],
  [`curl -d "{\\"apiKey\\":\\"abc\\"}" h`, `curl -d "{\\"apiKey\\":\\"***\\"}" h`],
])('replaces the password in: %s', (command, shown) => {
  expect(withoutPasswords(command)).toBe(shown);
});

it.each([
  'date -u 12:30',
  'docker run -u 1000:1000 x',
  'docker run --user www-data:www-data x',
  'podman exec -u www:www x y',
  'rsync -avu web:/srv /b',
  'psql --no-password y',
  'ansible-playbook --ask-pass y',
  'x --password-file /run/y --token-file=/run/z',
  'MYSQL_PASSWORD_FILE=/run/y PGPASSFILE=/run/z x',
  'PASSENGER_ENV=production BYPASS=1 PWD=/srv OLDPWD=/ x --bypass y --max-tokens=5',
  'mysql -p db',
  'mysqldump db | ssh -p22 h',
  'mysqldump db && mkdir -p /b',
  'mkdir -p /var/lib/mysql',
  'php artisan token:prune --all',
  'scp -P 22 a h:b',
  'x --password=$PASS --token "$TOKEN" PASS=${A} PASS="$A" PASS=`y` PASS=$(y)',
  'mysql -p$PASS db',
  'curl -u $ME:$PASS https://$ME:$PASS@example.org -H "X-Token: $TOKEN"',
  'x --password --all y',
])('leaves as it is: %s', (command) => {
  expect(withoutPasswords(command)).toBe(command);
});
