# Sessions that work on the same models and tables at the same time.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('concurrency');
my $one = CustsegTest::Session->new($node, 'postgres');
my $two = CustsegTest::Session->new($node, 'postgres');

customers($node, 'postgres', 'customers', 5000);
$node->safe_psql('postgres', <<'END');
ALTER TABLE customers ADD segment int, ADD note text;
CREATE FUNCTION held(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i = 2500 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
    END IF;
    RETURN true;
END $$;
END
my $arguments = "'{recency,frequency,monetary}', k => 3";
my $held = "'SELECT recency, frequency, monetary FROM customers WHERE held(id)', $arguments";

# Wait until a session's statement waits for a lock.
sub await_lock
{
    my ($session, $name) = @_;

    ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid), $name);
}

# The same new model, trained twice at once: the second to commit becomes version 2.
$one->query("BEGIN; SELECT version FROM custseg.train('twice', 'customers', $arguments);");
$two->send("SELECT version, deployed FROM custseg.train('twice', 'customers', $arguments);");
await_lock($two, 'the second training of a new model waits for the first');
$one->query('COMMIT;');
is($two->wait, '2|f', 'and becomes version 2, not deployed');
is(fingerprint($node, 'twice', 2), fingerprint($node, 'twice', 1), 'with the same segments');

# When the first is undone the second is the first.
$one->query("BEGIN; SELECT version FROM custseg.train('undone', 'customers', $arguments);");
$two->send("SELECT version, deployed FROM custseg.train('undone', 'customers', $arguments);");
await_lock($two, 'a second training waits again');
$one->query('ROLLBACK;');
is($two->wait, '1|t', 'and is the first after a rollback');

# Both read at once: training does not wait for another before it has something to store.
$node->psql('postgres', 'SELECT 1');
my $gate = CustsegTest::Session->new($node, 'postgres');
$gate->query('SELECT pg_advisory_lock(1);');
$_->send("SELECT version FROM custseg.train('both', $held);") for $one, $two;
ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'two trainings of a model read at the same time');
$gate->query('SELECT pg_advisory_unlock(1);');
is(join(' ', sort($one->wait . '', $two->wait . '')), '1 2', 'and become versions 1 and 2');

# Two candidates that are trained at once have each a segment that the deployed version lacks: these get different numbers, for both
# versions may be deployed in the end.
$node->safe_psql('postgres', "SELECT custseg.train('fork', 'customers', $arguments)");
my @candidates = map { "SELECT version FROM custseg.train('fork', 'SELECT recency, frequency, monetary FROM customers UNION ALL SELECT $_ FROM generate_series(1, 500)', '{recency,frequency,monetary}', k => 4);" }
    ('9999, 0, 0', '0, 9999, 0');
$one->query("BEGIN; $candidates[0]");
$two->send($candidates[1]);
await_lock($two, 'a candidate waits for another before it numbers its segments');
$one->query('COMMIT;');
is($two->wait, '3', 'and is the next version');
is($node->safe_psql('postgres', "SELECT version, array_agg(segment ORDER BY segment) FROM custseg.segment WHERE model = 'fork' GROUP BY 1 ORDER BY 1"),
    "1|{1,2,3}\n2|{1,2,3,4}\n3|{1,2,3,5}", 'whose new segment has a number of its own');

# Of two owners of a new name one wins.
$node->safe_psql('postgres', 'CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; GRANT SELECT ON customers TO ann, bob');
my $ann = CustsegTest::Session->new($node, 'postgres', user => 'ann');
my $bob = CustsegTest::Session->new($node, 'postgres', user => 'bob');
$ann->query("BEGIN; SELECT custseg.train('contested', 'customers', $arguments);");
$bob->send("SELECT custseg.train('contested', 'customers', $arguments);");
await_lock($bob, 'another role trains a model of the same name');
$ann->query('COMMIT;');
like(($bob->wait)[1], qr/ERROR:  42501: must be owner of model "contested"/, 'and may not, after all');
is($node->safe_psql('postgres', "SELECT owner, last_version FROM custseg.model WHERE name = 'contested'"), 'ann|1', 'nothing of it is stored');

# Deploy, rollback and drop wait for each other and never leave a model on a version that is gone.
$one->query("BEGIN; SELECT custseg.deploy('twice', 2);");
$two->send("SELECT custseg.drop_model('twice', 2);");
await_lock($two, 'a version is dropped while it is being deployed');
$one->query('COMMIT;');
like(($two->wait)[1], qr/ERROR:  \w{5}: .*deployed/, 'which is refused');
$one->query("BEGIN; SELECT custseg.drop_model('twice', 1);");
$two->send("SELECT custseg.rollback('twice');");
await_lock($two, 'a version is rolled back to while it is dropped');
$one->query('COMMIT;');
like(($two->wait)[1], qr/ERROR:  /, 'which is refused, too');
is($node->safe_psql('postgres', "SELECT deployed_version FROM custseg.models WHERE name = 'twice'"), '2', 'the deployed version is there');
$one->query("BEGIN; SELECT custseg.drop_model('twice', whole => true);");
$two->send("SELECT version, deployed FROM custseg.train('twice', 'customers', $arguments);");
await_lock($two, 'a model is trained while it is dropped');
$one->query('COMMIT;');
is($two->wait, '1|t', 'and begins anew');

# resegment and writers of the same rows: nobody's work is lost.
$node->safe_psql('postgres', "SELECT custseg.train('m', 'customers', '{recency,frequency}', k => 3)");
$one->query('BEGIN; UPDATE customers SET note = \'called\', frequency = frequency + 20 WHERE id % 10 = 0;');
$two->send("CALL custseg.resegment('m', 'customers');");
await_lock($two, 'resegment waits for a writer');
$one->query('COMMIT;');
is($two->wait, '5000|5000', 'and updates every row');
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE note = 'called'), count(*) FILTER (WHERE segment = custseg.predict('m', c)) FROM customers c"),
    '500|5000', 'what was written is there, and the segments are those of what was written');
is($node->safe_psql('postgres', "SELECT sum(n) FROM custseg.migration WHERE model = 'm'"), '5000', 'each row is counted once');

# Rows that go away while resegment waits for them.
$one->query('BEGIN; DELETE FROM customers WHERE id <= 100; UPDATE customers SET segment = NULL WHERE id <= 200;');
$node->safe_psql('postgres', 'UPDATE customers SET segment = 99 WHERE id > 300');
$two->send("CALL custseg.resegment('m', 'customers');");
$one->query('COMMIT;');
$two->wait;
is($node->safe_psql('postgres', "CALL custseg.resegment('m', 'customers'); SELECT count(*), count(*) FILTER (WHERE segment = custseg.predict('m', c)) FROM customers c") =~ s/^.*\n//r,
    '4900|4900', 'rows deleted meanwhile are no trouble');

# In REPEATABLE READ a row that was changed meanwhile is a serialization failure, as for any UPDATE.
$node->safe_psql('postgres', 'UPDATE customers SET segment = NULL');
$two->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');
$one->query("UPDATE customers SET note = 'again' WHERE id = 150;");
like(($two->query("CALL custseg.resegment('m', 'customers');"))[1], qr/ERROR:  40001/, 'repeatable read: serialization failure');
$two->query('ROLLBACK;');
is($two->query("CALL custseg.resegment('m', 'customers');"), '4900|4900', 'which can be tried again');

# DDL on the source waits for a training that reads it, and a training for the DDL.
$node->safe_psql('postgres', 'CREATE TABLE source AS SELECT * FROM customers');
$one->query("BEGIN; SELECT version FROM custseg.train('ddl', 'source', $arguments);");
$two->send('ALTER TABLE source DROP COLUMN monetary;');
await_lock($two, 'ALTER TABLE waits for the transaction of a training');
$one->query('COMMIT;');
$two->wait;
like(($one->query("SELECT custseg.train('ddl', 'source', $arguments);"))[1], qr/ERROR:  42703: .*monetary/, 'a column that is gone is an error');
$two->query('BEGIN; ALTER TABLE source ADD COLUMN monetary numeric DEFAULT 7; UPDATE source SET monetary = id;');
$one->send("SELECT version FROM custseg.train('ddl', 'source', $arguments);");
await_lock($one, 'a training waits for ALTER TABLE');
$two->query('COMMIT;');
is($one->wait, '2', 'and reads the new column');
is($node->safe_psql('postgres', "SELECT type FROM custseg.feature WHERE model = 'ddl' AND version = 2 AND name = 'monetary'"), 'numeric', 'by its new type');
$two->query('BEGIN; DROP TABLE source;');
$one->send("SELECT version FROM custseg.train('ddl', 'source', $arguments);");
await_lock($one, 'a training waits for DROP TABLE');
$two->query('COMMIT;');
like(($one->wait)[1], qr/ERROR:  42P01/, 'and says that the table is gone');
$two->query("BEGIN; ALTER TABLE customers ALTER frequency TYPE text;");
$one->send("SELECT count(custseg.predict('m', c)) FROM customers c;");
await_lock($one, 'scoring waits for ALTER TABLE');
$two->query('COMMIT;');
like(($one->wait)[1], qr/ERROR:  42804: .*frequency/, 'and says which feature has the wrong type');

$_->quit for $one, $two, $gate, $ann, $bob;
$node->stop;
done_testing();
