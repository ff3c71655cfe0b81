# Whoever reads the changes of a model gets each of them, in order by customer, and none is lost: not to transactions that
# commit in another order than they wrote, nor to a crash between reading and acknowledging.
#
# CUSTSEG_CHANGES=full runs it with 1,000,000 customers, of whom 200,000 move.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $full = ($ENV{CUSTSEG_CHANGES} // '') eq 'full';
my $n = $full ? 1_000_000 : 20_000;
my $node = start_node('changes', "restart_after_crash = on\nmax_prepared_transactions = 5\nmax_connections = 40\n", allows_streaming => 1);

# A model whose segments are what x says; every fifth customer moves when x does.
$node->safe_psql('postgres', <<"END" . <<'END');
CREATE TABLE customers AS SELECT i AS id, (i % 10)::float8 AS x, NULL::int AS segment FROM generate_series(1, $n) i;
END
ALTER TABLE customers ADD PRIMARY KEY (id);
SELECT custseg.train('m', 'customers', '{x}', algorithm => 'rules',
    options => '{"segments": [{"name": "a", "when": {"x": {"from": 8}}}, {"name": "b", "when": {"x": {"from": 5}}}, {"name": "c"}], "else": "c"}');
CALL custseg.resegment('m', 'customers');
SELECT custseg.track_changes('m', 'customers');
SELECT custseg.create_consumer('mail', 'm'), custseg.create_consumer('sync', 'm');
-- what a consumer has done: it notes each change once, by its position, and acknowledges it in a transaction of its own
CREATE TABLE done (consumer text, change_position bigint, customer int, "from" int, "to" int, times int DEFAULT 1, PRIMARY KEY (consumer, change_position));
CREATE TABLE begun (id int PRIMARY KEY, segment int);
INSERT INTO begun SELECT id, segment FROM customers;
CREATE FUNCTION act(name text, most int) RETURNS bigint LANGUAGE sql AS $$
    WITH read AS (SELECT * FROM custseg.changes(name, most)), act AS (
        INSERT INTO done AS d SELECT name, change_position, customer::int, from_segment, to_segment FROM read
        ON CONFLICT (consumer, change_position) DO UPDATE SET times = d.times + 1)
    SELECT max(change_position) FROM read
$$;
END

# How what a consumer has done differs from what has become of the customers: changes that do not follow each other, and customers who
# are elsewhere in the end.
sub differences
{
    my ($consumer) = @_;

    return $node->safe_psql('postgres', <<"END");
WITH chain AS (
    SELECT customer, "from", "to", lag("to", 1, (SELECT segment FROM begun WHERE id = customer)) OVER w AS before, row_number() OVER w AS place
    FROM done WHERE consumer = '$consumer' WINDOW w AS (PARTITION BY customer ORDER BY change_position)
), last AS (
    SELECT DISTINCT ON (customer) customer, "to" FROM done WHERE consumer = '$consumer' ORDER BY customer, change_position DESC
)
SELECT (SELECT count(*) FROM chain WHERE "from" IS DISTINCT FROM before),
    (SELECT count(*) FROM begun b FULL JOIN customers c USING (id) LEFT JOIN last l ON l.customer = coalesce(b.id, c.id)
     WHERE CASE WHEN l.customer IS NULL THEN b.segment ELSE l."to" END IS DISTINCT FROM c.segment)
END
}

# A consumer reads all there is, and acknowledges.
sub drain
{
    my ($consumer) = @_;

    while ((my $last = $node->safe_psql('postgres', "SELECT act('$consumer', 5000)")) ne '')
    {
        $node->safe_psql('postgres', "SELECT custseg.acknowledge('$consumer', $last)");
    }
}

# Two writers whose commits cross: what wrote first, and more than is written at once, commits last.
my $one = CustsegTest::Session->new($node, 'postgres');
my $two = CustsegTest::Session->new($node, 'postgres');
$one->query('BEGIN; UPDATE customers SET segment = 9 WHERE id <= 3000;');
$two->query('BEGIN; UPDATE customers SET segment = 8 WHERE id BETWEEN 3001 AND 3010;');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.changes('mail')"), '0', 'nothing is told before it is committed');
$two->query('COMMIT;');
my ($n_told, $last) = split /\|/, $node->safe_psql('postgres', "SELECT count(*), max(change_position) FROM custseg.changes('mail')");
is($n_told, 10, 'the second writer commits first, and is told');
$node->safe_psql('postgres', "SELECT act('mail', 5000); SELECT custseg.acknowledge('mail', $last)");
$one->query('COMMIT;');
is($node->safe_psql('postgres', "SELECT count(*), min(change_position) > $last FROM custseg.changes('mail', 5000)"), '3000|t', 'the first writer comes after it: nothing is lost, though it is acknowledged up to there');
drain($_) for 'mail', 'sync';
is(differences($_), '0|0', "$_: each change once, in order") for 'mail', 'sync';

# The same for those who take the numbers: while one is committing, the other waits for it.
$one->query("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END \$\$;"
      . "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON begun DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold();");
$two->query('SELECT pg_advisory_lock(7);');
$one->query('BEGIN; UPDATE customers SET segment = 9 WHERE id = 4001; INSERT INTO begun VALUES (-1, NULL);');
$one->send('COMMIT;');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'a transaction is about to commit');
$node->safe_psql('postgres', 'UPDATE customers SET segment = 9 WHERE id = 4002');
$last = $node->safe_psql('postgres', "SELECT act('mail', 10)");
$node->safe_psql('postgres', "SELECT custseg.acknowledge('mail', $last)");
$two->query('SELECT pg_advisory_unlock(7);');
$one->wait;
is($node->safe_psql('postgres', "SELECT customer FROM custseg.changes('mail')"), '4001', 'and is told after the other');
$node->safe_psql('postgres', 'DROP TRIGGER hold ON begun; DELETE FROM begun WHERE id = -1');
drain($_) for 'mail', 'sync';

# One fifth moves in one run, read by two; one process of the server is killed between reading and acknowledging.
$node->safe_psql('postgres', "UPDATE customers SET x = x + 1 WHERE id % 10 IN (4, 7); DELETE FROM begun; DELETE FROM done; INSERT INTO begun SELECT id, segment FROM customers");
my $start = time;
$node->safe_psql('postgres', "CALL custseg.resegment('m', 'customers')");
my $took = time - $start;
my $moved = $node->safe_psql('postgres', "SELECT n FROM custseg.change_batch ORDER BY last_position DESC LIMIT 1");
cmp_ok($moved, '>=', $n / 5, "$moved of $n customers move");
note(sprintf 'resegment with changes: %.2f s', $took);
sub kill_server
{
    my ($session) = @_;
    my $log = -s $node->logfile;

    kill 'KILL', $session->pid;
    eval { $session->quit };
    # A query at once may still be answered by the server that is about to end its sessions.
    $node->wait_for_log(qr/all server processes terminated; reinitializing.*database system is ready to accept connections/s, $log);
    ok($node->poll_query_until('postgres', 'SELECT 1', '1'), 'the server is there again');
}
$start = time;
my %read = map { $_ => CustsegTest::Session->new($node, 'postgres') } 'mail', 'sync';
my $portion = int($n / 40);
for my $round (1 .. 2)
{
    my $last = $read{mail}->query("SELECT act('mail', $portion);");
    $read{mail}->query("SELECT custseg.acknowledge('mail', $last);");
    $last = $read{sync}->query("SELECT act('sync', $portion);");
    $read{sync}->query("SELECT custseg.acknowledge('sync', $last);") if $round == 1;
    $read{mail}->query("SELECT act('mail', $portion);");
    # both have read what neither has acknowledged
    kill_server($read{mail});
    %read = map { $_ => CustsegTest::Session->new($node, 'postgres') } 'mail', 'sync';
}
for my $consumer ('mail', 'sync')
{
    while ((my $last = $read{$consumer}->query("SELECT act('$consumer', $portion);")) ne '')
    {
        $read{$consumer}->query("SELECT custseg.acknowledge('$consumer', $last);");
    }
    is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT customer) FROM done WHERE consumer = '$consumer'"), "$moved|$moved", "$consumer sees each of the changes");
    is(differences($consumer), '0|0', "$consumer: in order, none lost");
    cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM done WHERE consumer = '$consumer' AND times > 1"), '>=', $portion, "$consumer: what was not acknowledged came again");
}
note(sprintf 'two consumers: %.2f s', time - $start);

# Writers in every isolation level, with savepoints and rollbacks, while two read.
$node->safe_psql('postgres', 'DELETE FROM begun; DELETE FROM done; INSERT INTO begun SELECT id, segment FROM customers');
my $storm = $node->basedir . '/storm.sql';
append_to_file($storm, <<'END');
\set a random(1, 40)
\set b random(1, 40)
\set s random(1, 5)
\set end random(1, 4)
\set level random(1, 3)
\if :level = 1
BEGIN;
\elif :level = 2
BEGIN ISOLATION LEVEL REPEATABLE READ;
\else
BEGIN ISOLATION LEVEL SERIALIZABLE;
\endif
UPDATE customers SET segment = :s WHERE id = :a;
SAVEPOINT one;
UPDATE customers SET segment = :s + 1 WHERE id = :b;
\if :end = 1
ROLLBACK TO one;
\endif
DELETE FROM customers WHERE id = :b + 100;
INSERT INTO customers VALUES (:a + 100, 1, :s) ON CONFLICT (id) DO UPDATE SET segment = excluded.segment;
\if :end = 2
ROLLBACK;
\else
COMMIT;
\endif
END
my $reader = $node->basedir . '/reader.sql';
append_to_file($reader, <<'END');
\set n random(1, 50)
SELECT coalesce(act(:consumer, :n), 0) AS last \gset
SELECT custseg.acknowledge(:consumer, :last);
END
my @runs;
my $seconds = $full ? 60 : 6;
my @environment = (host => $node->host, port => $node->port);
for my $run ([ '-c', '6', '-j', '2', '--max-tries=1', '-f', $storm ], map { [ '-c', '1', '-D', "consumer='$_'", '-f', $reader ] } 'mail', 'sync')
{
    my ($out, $err) = ('', '');

    push @runs, [ IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-T', $seconds, '-h', $node->host, '-p', $node->port, @$run, 'postgres' ], '>', \$out, '2>', \$err), \$out, \$err ];
}
for my $run (@runs)
{
    $run->[0]->finish;
    is($run->[0]->result(0), 0, 'a run of the storm ends well') or diag(${ $run->[2] });
}
like(${ $runs[0][1] }, qr/number of transactions actually processed: [1-9]\d/, 'writers commit: ' . (${ $runs[0][1] } =~ /actually processed: (\d+)/)[0]);
drain($_) for 'mail', 'sync';
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM done'), '>', 200, 'they have moved many');
is(differences($_), '0|0', "$_: each change once, in order, none lost in the storm") for 'mail', 'sync';
is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT customer, \"from\", \"to\", change_position FROM done WHERE consumer = 'mail' EXCEPT SELECT customer, \"from\", \"to\", change_position FROM done WHERE consumer = 'sync') d"), '0', 'both have seen the same');

# Listeners are told once a transaction, with counts that savepoints do not falsify.
$one = CustsegTest::Session->new($node, 'postgres');
$one->query('LISTEN custseg_change;');
$node->safe_psql('postgres', "UPDATE customers SET segment = NULL WHERE id <= 40; BEGIN; UPDATE customers SET segment = 2 WHERE id IN (1, 2); SAVEPOINT a; UPDATE customers SET segment = 3 WHERE id IN (2, 3); ROLLBACK TO a; UPDATE customers SET segment = 4 WHERE id IN (3); UPDATE customers SET segment = NULL WHERE id = 1; COMMIT");
my @heard = grep { /custseg_change/ } split /\n/, $one->query('SELECT 1;');
is(scalar @heard, 2, 'one notification a transaction');
like($heard[1] // '', qr/"n": 4, "left": 1, "model": "m", "entered": \{"2": 2, "4": 1\}, "change_position": \d+/, 'with counts');
drain($_) for 'mail', 'sync';

# A standby can read, but not acknowledge.  Statements are told in their order, rows of one statement as it meets them.
$node->safe_psql('postgres', "UPDATE customers SET segment = 7 WHERE id = $_") for 11, 12;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT string_agg(customer, ' ' ORDER BY change_position) FROM custseg.changes('mail')"), '11 12', 'a standby reads');
like(psql_error($standby, 'postgres', "SELECT custseg.acknowledge('mail', 1)"), qr/cannot execute custseg.acknowledge\(\) during recovery/, 'and does not acknowledge');
$standby->stop;

# Positions and consumers travel with a dump, and go on from there.
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'is restored');
$node->safe_psql('restored', "UPDATE customers SET segment = 1 WHERE id = 13");
is($node->safe_psql('restored', "SELECT string_agg(customer, ' ' ORDER BY change_position) FROM custseg.changes('mail')"), '11 12 13', 'its consumers go on where they were, with what comes there');
is($node->safe_psql('restored', "SELECT count(*) FROM custseg.change_batch a JOIN custseg.change_batch b ON a.model = b.model AND a.last_position <> b.last_position AND a.last_position BETWEEN b.first_position AND b.last_position"), '0', 'and positions are not given twice');

done_testing();
