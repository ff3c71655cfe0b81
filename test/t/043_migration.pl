# What resegment records adds up, whatever is written to the table meanwhile: each row that it saw, and
# that is still there, is counted once, as it was found and left.  Batches are committed one by one.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('migration');
my $ours = CustsegTest::Session->new($node, 'postgres');
my $writer = CustsegTest::Session->new($node, 'postgres');

$node->safe_psql('postgres', <<'END');
CREATE SCHEMA shop;
CREATE TABLE shop.w (id int, part int, x float8, segment int, note text);
INSERT INTO shop.w SELECT i, i % 3, i % 4, NULL, NULL FROM generate_series(1, 1200) i;
CREATE TABLE shop.parted (LIKE shop.w) PARTITION BY LIST (part);
CREATE TABLE shop.part0 PARTITION OF shop.parted FOR VALUES IN (0);
CREATE TABLE shop.part1 PARTITION OF shop.parted FOR VALUES IN (1, 2);
INSERT INTO shop.parted SELECT * FROM shop.w;
SELECT version FROM custseg.train('m', 'shop.w', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "high", "when": {"x": {"from": 1.5}}}, {"name": "low"}], "else": "low"}');
CREATE VIEW runs AS
    SELECT run_at, source, sum(n) AS n, sum(n) FILTER (WHERE from_segment IS DISTINCT FROM to_segment) AS moved, bool_and(finished_at IS NOT NULL) AS finished
    FROM custseg.migration GROUP BY 1, 2;
END

# A writer has changed rows and not committed; resegment waits for it, and goes on when it commits.
sub while_written
{
    my ($table, $write, $call) = @_;

    $node->safe_psql('postgres', "TRUNCATE custseg.migration; UPDATE $table SET segment = 3 - custseg.predict('m', w) FROM $table w WHERE w.id = $table.id AND w.part = $table.part"
        =~ s/\b$table\.(id|part)/t.$1/gr =~ s/UPDATE $table SET/UPDATE $table t SET/r);
    $writer->query("BEGIN; $write");
    $ours->send($call || "CALL custseg.resegment('m', '$table');");
    $node->poll_query_until('postgres', 'SELECT wait_event_type = \'Lock\' FROM pg_stat_activity WHERE pid = ' . $ours->pid) or die 'never waited';
    $writer->query('COMMIT;');
    my ($out, $err) = $ours->wait;
    return "$out $err" =~ s/ $//r . ': ' . $node->safe_psql('postgres', 'SELECT n, moved, finished FROM runs');
}

for my $table ('shop.w', 'shop.parted')
{
    my $right = "custseg.predict('m', t)";
    my $left = "SELECT count(*) FROM $table t WHERE segment IS DISTINCT FROM $right";

    is(while_written($table, "UPDATE $table t SET segment = $right WHERE id <= 200;"), '1000|1200: 1200|1000|t', "$table: rows that a writer puts where they belong");
    is($node->safe_psql('postgres', $left), '0', 'all are where they belong');
    is(while_written($table, "UPDATE $table SET note = 'called', x = CASE WHEN id <= 100 THEN 3 - x ELSE x END WHERE id <= 200;"), '1100|1200: 1200|1100|t', "$table: rows that a writer changes so that half of them belong elsewhere");
    is($node->safe_psql('postgres', $left), '0', 'all are where they belong');
    is(while_written($table, "UPDATE $table SET note = 'a' WHERE id <= 200; UPDATE $table SET note = 'b' WHERE id <= 100; UPDATE $table SET note = 'c' WHERE id <= 50;"), '1200|1200: 1200|1200|t', "$table: rows that are changed several times");
    is(while_written($table, "DELETE FROM $table WHERE id <= 10; INSERT INTO $table (id, part, x) SELECT i, i % 3, i % 4 FROM generate_series(1, 10) i;"), '1190|1190: 1190|1190|t', "$table: rows that go and rows that come");
    $node->safe_psql('postgres', "DELETE FROM $table WHERE segment IS NULL; INSERT INTO $table (id, part, x) SELECT i, i % 3, i % 4 FROM generate_series(1, 10) i");
}

# A row that is updated, by whom no matter, moves in the table; none is read twice or not at all for that.
$node->safe_psql('postgres', 'ALTER TABLE shop.w ADD PRIMARY KEY (id); ALTER TABLE shop.parted ADD PRIMARY KEY (part, id)');
for my $table ('shop.w', 'shop.parted')
{
    my $batches = "CALL custseg.resegment('m', '$table', batch => 70);";

    is(while_written($table, "UPDATE $table SET note = 'called' WHERE id % 7 = 0;", $batches), '1200|1200: 1200|1200|t', "$table: batches and a writer");
    is(while_written($table, "UPDATE $table t SET segment = custseg.predict('m', t) WHERE id % 6 = 0;", $batches), '1000|1200: 1200|1000|t', "$table: batches, and rows that a writer puts where they belong");
    is(while_written($table, "DELETE FROM $table WHERE id % 100 = 0; INSERT INTO $table (id, part, x) VALUES (0, 0, 1);", $batches), '1188|1188: 1188|1188|t', "$table: batches, and rows that go") if $table eq 'shop.parted';
}
is($node->safe_psql('postgres', "UPDATE shop.w SET segment = NULL; CALL custseg.resegment('m', 'shop.w', batch => 100)"), '1200|1200', 'a last batch that is full');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT xmin::text) FROM shop.w'), '12', 'each batch is a transaction');
is($node->safe_psql('postgres', "UPDATE shop.w SET segment = NULL; CALL custseg.resegment('m', 'shop.w', \"where\" => 'id > 1000 -- recent', batch => 64); SELECT count(segment), min(id) FILTER (WHERE segment IS NOT NULL) FROM shop.w"),
    "200|200\n200|1001", 'batches of the rows that are asked for');

# The key of a batch's last row is written and read as it is: a type whose length is 1 unless it is given, a
# time in a zone whose abbreviation is taken for another zone's.
for my $key (['char(8)', "'id' || i"], ['bit(8)', 'i::bit(8)'], ['timestamptz', "timestamptz '2025-01-01 00:00+00' + i * interval '1 hour'"])
{
    my ($type, $value) = @$key;

    is($node->safe_psql('postgres', <<"END"), "200|200\n200", "batches by a key of type $type");
SET statement_timeout = '20s';
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
DROP TABLE IF EXISTS shop.keyed;
CREATE TABLE shop.keyed (k $type PRIMARY KEY, x float8, segment int);
INSERT INTO shop.keyed SELECT $value, i % 4, NULL FROM generate_series(1, 200) i;
CALL custseg.resegment('m', 'shop.keyed', batch => 30);
SELECT count(segment) FROM shop.keyed;
END
}

# A run that is interrupted has its committed batches on record, and says that it is not finished.
$node->safe_psql('postgres', 'UPDATE shop.w SET segment = NULL; TRUNCATE custseg.migration');
$writer->query('BEGIN; SELECT FROM shop.w WHERE id = 501 FOR UPDATE;');
$ours->send("CALL custseg.resegment('m', 'shop.w', batch => 100);");
$node->poll_query_until('postgres', 'SELECT wait_event_type = \'Lock\' FROM pg_stat_activity WHERE pid = ' . $ours->pid) or die 'never waited';
is($node->safe_psql('postgres', 'SELECT n, finished FROM runs; SELECT count(segment) FROM shop.w'), "500|f\n500", 'while it is at work, what is committed is on record');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $ours->pid . ')');
like(($ours->wait)[1], qr/ERROR:  57014/, 'a run is cancelled');
$writer->query('ROLLBACK;');
is($node->safe_psql('postgres', 'SELECT n, finished FROM runs; SELECT count(segment) FROM shop.w'), "500|f\n500", 'and stays as it was, not finished');
is($node->safe_psql('postgres', "CALL custseg.resegment('m', 'shop.w', batch => 100); SELECT n, moved, finished FROM runs ORDER BY run_at"), "700|1200\n500|500|f\n1200|700|t", 'the next one does the rest');

# One run is at one version, also where another is deployed meanwhile.
$node->safe_psql('postgres', "UPDATE shop.w SET segment = NULL; TRUNCATE custseg.migration; SELECT version FROM custseg.train('m', 'shop.w', '{x}', k => 4)");
$writer->query('BEGIN; SELECT FROM shop.w WHERE id = 501 FOR UPDATE;');
$ours->send("CALL custseg.resegment('m', 'shop.w', batch => 100);");
$node->poll_query_until('postgres', 'SELECT wait_event_type = \'Lock\' FROM pg_stat_activity WHERE pid = ' . $ours->pid) or die 'never waited';
$node->safe_psql('postgres', "SELECT custseg.deploy('m', 2)");
$writer->query('ROLLBACK;');
is($ours->wait, '1200|1200', 'batches while another version is deployed');
is($node->safe_psql('postgres', "SELECT count(*) FROM shop.w t WHERE segment = custseg.predict('m', t, 1); SELECT DISTINCT version FROM custseg.migration"), "1200\n1", 'have the version that they began with');

# Batches need transactions of their own, and a key; the history is its owner's to shorten.
like(psql_error($node, 'postgres', "BEGIN; CALL custseg.resegment('m', 'shop.w', batch => 100)"), qr/ERROR:  2D000: batches cannot be committed within a transaction block/, 'no batches in a transaction block');
is($node->safe_psql('postgres', "UPDATE shop.w SET segment = NULL; DO \$\$ DECLARE changed bigint; total bigint; BEGIN CALL custseg.resegment('m', 'shop.w', batch => 500, version => 1, rows_changed => changed, rows_total => total); END \$\$; SELECT count(segment) FROM shop.w"), '1200', 'but in a block of PL/pgSQL that may commit');

$node->safe_psql('postgres', "CREATE TABLE keyless AS SELECT * FROM shop.w; CREATE ROLE clerk; SELECT custseg.grant_model('m', 'clerk'); GRANT ALL ON keyless TO clerk");
like(psql_error($node, 'postgres', "CALL custseg.resegment('m', 'keyless', batch => 100)"), qr/ERROR:  42704: table "keyless" has no primary key to make batches by/, 'no batches without a primary key');
like(psql_error($node, 'postgres', "SET ROLE clerk; CALL custseg.resegment('m', 'keyless', keep_days => 1)"), qr/ERROR:  42501: must be owner of model "m"/, 'who does not own a model cannot shorten its history');

$_->quit for $ours, $writer;
$node->stop;
done_testing();
