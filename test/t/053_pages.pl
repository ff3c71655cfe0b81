# Tables whose pages the team reads, beside other sessions: which sources it reads, what snapshots see, and cancels.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('pages', "max_parallel_maintenance_workers = 2\nautovacuum = off\nmaintenance_work_mem = '256MB'\n");

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS
SELECT i AS id, test.u(i, 1) + i % 3 AS a, test.u(i, 2) AS b, 'level ' || i % 50 AS c, i % 2 AS tenant FROM generate_series(1, 60000) i;
CREATE TABLE regions (region int, a float8, b float8) PARTITION BY LIST (region);
CREATE TABLE region_1 PARTITION OF regions FOR VALUES IN (1);
CREATE TABLE region_2 PARTITION OF regions FOR VALUES IN (2);
INSERT INTO regions SELECT 1 + i % 2, test.u(i, 1), test.u(i, 2) FROM generate_series(1, 20000) i;
CREATE VIEW viewed AS SELECT * FROM customers;
CREATE VIEW "some" AS SELECT * FROM customers WHERE id > 100;
CREATE TABLE guarded AS SELECT * FROM customers;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (tenant = 1);
CREATE ROLE visitor;
GRANT SELECT ON guarded, customers TO visitor;
GRANT USAGE ON SCHEMA test TO visitor;
END

# What a training says when messages for developers are wanted.
sub says
{
    my ($source, $before) = @_;
    my ($out, $err);

    $node->psql('postgres', ($before // '') . "SET client_min_messages = debug1; SELECT custseg.train('said', '$source', '{a,b}', 3, options => '{\"n_init\": 1}')",
        stdout => \$out, stderr => \$err);
    unlike($err, qr/ERROR/, "$source: trained");
    $node->safe_psql('postgres', "SELECT custseg.drop_model('said', whole => true)");
    return $err;
}

my $by_team = qr/the team reads \d+ pages of (\d+) tables/;

like(says('customers'), qr/using \d parallel workers.*$by_team/s, 'a table is read by the team');
like(says('viewed'), $by_team, 'and what a view has of a table as it is');
is((says('regions') =~ $by_team)[0], 2, 'so are partitions');
like(says('guarded'), $by_team, 'and a table with policies, by its owner');
unlike(says('guarded', 'SET ROLE visitor;'), $by_team, 'but not by those whom the policies are about');
unlike(says($_), $by_team, "$_ is read by a statement") for '"some"', 'SELECT * FROM customers';
unlike(says('mine', 'CREATE TEMPORARY TABLE mine AS SELECT * FROM customers;'), $by_team, 'so is a temporary table');
$node->safe_psql('postgres', 'CREATE INDEX covering ON guarded (a, b); ALTER TABLE guarded DISABLE ROW LEVEL SECURITY; VACUUM (ANALYZE) guarded');
unlike(says('guarded', 'SET enable_seqscan = off;'), $by_team, 'what an index has is read from the index');

# So it is with a publication, also of a query that only names columns of a table.
$node->safe_psql('postgres', "SELECT custseg.train('published', 'customers', '{a,b}', 3, deploy => true)");

# What a publication says likewise, before its transaction is undone.
sub says_published
{
    my ($source) = @_;
    my ($out, $err);

    $node->psql('postgres', "BEGIN; SET client_min_messages = debug1; SELECT custseg.publish('published', '$source', '{\"surrogate\": false}'); ROLLBACK;",
        stdout => \$out, stderr => \$err);
    unlike($err, qr/ERROR/, "$source: published");
    return $err;
}

like(says_published($_), qr/using \d parallel workers.*$by_team/s, "the team reads $_ for a publication") for 'customers', 'SELECT c, b, a FROM viewed';
unlike(says_published($_), $by_team, "but not $_") for 'SELECT * FROM customers OFFSET 0', 'SELECT * FROM customers WHERE id > 0', 'SELECT a, b + 0 AS b FROM customers';
$node->safe_psql('postgres', "SELECT custseg.drop_model('published', whole => true)");

# Large tables leave room in shared buffers for others, whoever reads them: each process keeps to a ring of 32 buffers.
my $small = start_node('ring', "shared_buffers = 16MB\nmax_parallel_maintenance_workers = 2\nautovacuum = off\nmaintenance_work_mem = '64MB'\n");
$small->safe_psql('postgres', <<'END');
CREATE EXTENSION pg_buffercache;
CREATE TABLE large AS SELECT i AS id, test.u(i, 1) + i % 3 AS a, test.u(i, 2) AS b, repeat('x', 200) AS c FROM generate_series(1, 30000) i;
ANALYZE large;
SELECT custseg.train('ring', 'SELECT * FROM large LIMIT 1000', '{a,b}', 3, deploy => true);
END
for my $call ("custseg.train('ringed', 'large', '{a,b}', 3)", "custseg.publish('ring', 'large', '{\"surrogate\": false}')")
{
    $small->restart;
    my ($out, $err);
    $small->psql('postgres', "SET client_min_messages = debug1; SELECT $call", stdout => \$out, stderr => \$err);
    like($err, qr/using [12] parallel workers.*$by_team/s, "$call: by the team");
    cmp_ok($small->safe_psql('postgres', "SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('large')"), '<=', 3 * 32,
        "$call: few buffers of the table");
}
$small->stop;

# What other sessions commit meanwhile is not seen, in either way of reading.
my $one = CustsegTest::Session->new($node, 'postgres');
my $two = CustsegTest::Session->new($node, 'postgres');
my $arguments = "'{a,b,c}', k => 3";

# One session trains by pages and by a statement; both are one model.
sub both_ways
{
    my ($session, $source, $name) = @_;

    $session->query("SELECT custseg.train('pages', '$source', $arguments) IS NULL; SELECT custseg.train('statement', 'SELECT * FROM $source OFFSET 0', $arguments) IS NULL;");
    my $prints = $session->query("SELECT test.fingerprint('pages'); SELECT test.fingerprint('statement'); SELECT custseg.drop_model(m, whole => true) IS NULL FROM unnest('{pages,statement}'::text[]) m;");
    my ($pages, $statement) = split /\n/, $prints;

    like($pages, qr/^[0-9a-f]{32}$/, "$name: a model");
    is($pages, $statement, "$name: the same in both ways of reading");
    return $pages;
}

$one->query('SET client_min_messages = error;');
my $before = both_ways($one, 'customers', 'at first');

for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
    $one->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM custseg.model;");
    $two->query('UPDATE customers SET a = a + 100 WHERE id % 2 = 0; DELETE FROM customers WHERE id % 7 = 0; INSERT INTO customers SELECT -i, 9, 9, $$new$$, 0 FROM generate_series(1, 500) i;');
    is(both_ways($one, 'customers', "$level, after changes by others"), $before, "$level: the model of the snapshot");
    $one->query('COMMIT;');
    $before = both_ways($one, 'customers', 'the changes');
}

# Rows that another session is writing, and rolls back.
$two->query('BEGIN; UPDATE customers SET b = b + 50; INSERT INTO customers SELECT -i, 1, 1, $$pending$$, 0 FROM generate_series(1, 3000) i;');
is(both_ways($one, 'customers', 'rows not yet committed'), $before, 'are not seen');
$two->query('ROLLBACK;');
is(both_ways($one, 'customers', 'rows rolled back'), $before, 'are not seen');

# A training holds the table as a query does: whoever alters it waits, and takes it over then.
$one->query("BEGIN; SELECT custseg.train('holds', 'customers', $arguments) IS NULL; SELECT custseg.train('partitions', 'regions', '{a,b}', k => 2) IS NULL;");
for my $change ('ALTER TABLE customers ADD more int DEFAULT 5', 'TRUNCATE customers', 'DROP TABLE region_1')
{
    like(psql_error($node, 'postgres', "SET lock_timeout = '200ms'; $change"), qr/canceling statement due to lock timeout/, "$change: waits for the training's transaction");
}
$two->send('ALTER TABLE customers DROP c, ADD c text DEFAULT $$altered$$, ADD more int DEFAULT 5;');
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $two->pid), 'another session waits to alter the table');
is($one->query("SELECT n_rows > 0 FROM custseg.train('holds', 'customers', $arguments);"), 't', 'workers read it all the same, ahead of those who wait');
$one->query('ROLLBACK;');
$two->wait;
both_ways($one, 'customers', 'altered');

# A snapshot that is older than a truncation sees an empty table, as any query's does.
$one->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM custseg.model;');
$two->query('CREATE TABLE kept AS SELECT * FROM customers; TRUNCATE customers;');
$one->send("SELECT custseg.train('truncated', 'customers', $arguments);");
my ($out, $err) = $one->wait;
like($err, qr/relation "customers" has no rows to train on/, 'truncated by another session');
$one->query('ROLLBACK;');
$two->query('INSERT INTO customers SELECT * FROM kept;');

# Levels of megabytes, whose rows take a second to read: a cancel acts at once, in leader and workers.
$node->safe_psql('postgres', <<'END');
CREATE TABLE long AS SELECT i, repeat('level ' || i, 400000) AS c FROM generate_series(0, 1) i;
CREATE TABLE slow AS SELECT n AS a, l.c FROM generate_series(1, 1500) n JOIN long l ON l.i = n % 2;
END
$one->query('SET client_min_messages = error;');
$one->send("SELECT custseg.train('slow', 'slow', '{a,c}', k => 2);");
my $elapsed = $two->query("SELECT pg_cancel_backend(test.await_phase('slow', 'reading')); SELECT test.await_idle(" . $one->pid . ')::numeric(9,1);') =~ s/^t\n//r;
($out, $err) = $one->wait;
like($err, qr/ERROR:  57014: canceling statement due to user request/, 'cancelled while it reads');
cmp_ok($elapsed, '<', soon(), 'at once');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), '0', 'no worker is left');
is($one->query("SELECT n_rows > 0 FROM custseg.train('again', 'customers', $arguments);"), 't', 'the session trains again');

# A training counts as one scan of the table.
$node->safe_psql('postgres', "SELECT pg_stat_reset()");
$node->safe_psql('postgres', "SELECT custseg.train('counted', 'kept', '{a,b}', 2)");
ok($node->poll_query_until('postgres', "SELECT seq_scan = 1 FROM pg_stat_user_tables WHERE relname = 'kept'"), 'it counts as one scan of the table');

$node->stop;
done_testing();
