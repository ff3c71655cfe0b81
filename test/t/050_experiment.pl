# Experiments that several sessions work on: customers are enrolled once, whoever comes first, and nothing
# of a call that is cancelled or rolled back stays.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('experiment');
my $a = CustsegTest::Session->new($node, 'postgres');
my $b = CustsegTest::Session->new($node, 'postgres');

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS SELECT i AS id, i % 7 + test.u(i, 1) AS x, 9 * (i % 2) + test.u(i, 2) AS y FROM generate_series(1, 2000) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
SELECT custseg.train('m', 'customers', '{x,y}', k => 2);
CREATE FUNCTION held(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i = 1000 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
    END IF;
    RETURN true;
END $$;
END
my $metrics = q('[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]');

sub create
{
    my ($name, $options) = @_;

    return "SELECT custseg.create_experiment('$name', 'm', '[\"control\", \"offer\"]', $metrics, '" . ($options || '{}') . "');";
}

sub enroll { return "SELECT batch, n_enrolled, n_already FROM custseg.enroll('$_[0]', 'SELECT * FROM customers WHERE $_[1]');"; }

sub await_lock
{
    my ($session, $name) = @_;

    ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid), $name);
}

sub balanced
{
    my ($name, $expected) = @_;

    is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT customer), max(batch), (SELECT sum(n) FROM custseg.enrolment_count WHERE experiment = '$name') FROM custseg.enrolment WHERE experiment = '$name'"),
        $expected, "$name: everybody is enrolled once, and counted");
    is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT batch, segment, abs(2 * sum(n) FILTER (WHERE variant_number = 1) - sum(n)) > 1 AS off FROM custseg.enrolment_count WHERE experiment = '$name' GROUP BY 1, 2) s WHERE off"),
        '0', "$name: each batch is balanced within each segment") if $name =~ /blocked/;
}

# Two calls at once: the second waits, and adds whom the first has not.
for my $assignment (qw(bucket blocked))
{
    my $name = "two $assignment";

    $a->query(create($name, "{\"assignment\": \"$assignment\"}"));
    is(($a->query('BEGIN;' . enroll($name, 'id <= 1501')))[0], '1|1501|0', "$assignment: the first call");
    $b->send(enroll($name, 'id > 500'));
    await_lock($b, "$assignment: the second waits for the first");
    $a->query('COMMIT;');
    is(($b->wait)[0], '2|499|1001', "$assignment: and adds the rest");
    balanced($name, '2000|2000|2|2000');

    # What is rolled back is as if it had not been.
    $name = "back $assignment";
    $a->query(create($name, "{\"assignment\": \"$assignment\"}"));
    $a->query('BEGIN;' . enroll($name, 'id <= 1501'));
    $b->send(enroll($name, 'id > 500'));
    await_lock($b, "$assignment: the second waits for one that comes to nothing");
    $a->query('ROLLBACK;');
    is(($b->wait)[0], '1|1500|0', "$assignment: and is the first");
    is(($a->query('BEGIN; SAVEPOINT s;' . enroll($name, 'true') . 'ROLLBACK TO s;' . enroll($name, 'id <= 100') . 'COMMIT;'))[0], "2|500|1500\n2|100|0", "$assignment: so is what a savepoint undoes");
    balanced($name, '1600|1600|2|1600');

    # Who cannot see the batch before fails.
    for my $level ('REPEATABLE READ', 'SERIALIZABLE')
    {
        $name = "$level $assignment";
        $a->query(create($name, "{\"assignment\": \"$assignment\"}"));
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM custseg.experiment;");
        $b->query(enroll($name, 'id <= 1000'));
        like(($a->query(enroll($name, 'true')))[1], qr/ERROR:  40001/, "$level, $assignment: a call that does not see the batch before is a serialization failure");
        $a->query('ROLLBACK;');
        is(($a->query("BEGIN ISOLATION LEVEL $level;" . enroll($name, 'true') . 'COMMIT;'))[0], '2|1000|1000', "$level, $assignment: which works when it comes again");
        balanced($name, '2000|2000|2|2000');
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM custseg.experiment;");
        $b->query("SELECT custseg.end_experiment('$name');");
        like(($a->query(enroll($name, 'true')))[1], qr/ERROR:  40001/, "$level, $assignment: nor is anybody enrolled in what has ended");
        $a->query('ROLLBACK;');
    }

    # A call that is cancelled while it reads, or killed, leaves nothing.
    $name = "cancelled $assignment";
    $a->query(create($name, "{\"assignment\": \"$assignment\"}"));
    $b->query('BEGIN; SELECT pg_advisory_xact_lock(1);');
    $a->send(enroll($name, 'held(id)'));
    await_lock($a, "$assignment: a call reads");
    $node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $a->pid . ')');
    like(($a->wait)[1], qr/ERROR:  57014/, "$assignment: is cancelled");
    $b->query('ROLLBACK;');
    is($node->safe_psql('postgres', "SELECT status, last_batch, (SELECT count(*) FROM custseg.enrolment WHERE experiment = e.experiment) FROM custseg.experiment e WHERE experiment = '$name'"), 'planned|0|0', "$assignment: and leaves nothing");
    is(($a->query(enroll($name, 'true')))[0], '1|2000|0', "$assignment: the next one enrolls everybody");
    balanced($name, '2000|2000|1|2000');
}

# An experiment ends when who enrolls customers has done so, and then nobody is enrolled.
$a->query(create('ending'));
$a->query('BEGIN;' . enroll('ending', 'id <= 10'));
$b->send("SELECT custseg.end_experiment('ending');");
await_lock($b, 'an end waits for customers who are being enrolled');
$a->query('COMMIT;');
is(($b->wait)[1], '', 'and comes then');
like(($a->query(enroll('ending', 'true')))[1], qr/ERROR:  55000/, 'nobody is enrolled after it');

# A model is not dropped under an experiment that starts meanwhile.
$a->query("SELECT custseg.train('n', 'customers', '{x,y}', k => 2); SELECT custseg.create_experiment('start', 'n', '[\"control\", \"offer\"]', $metrics);");
$a->query('BEGIN;' . enroll('start', 'id <= 10'));
$b->send("SELECT custseg.drop_model('n', whole => true);");
await_lock($b, 'a drop waits for the first customers of an experiment');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  55006: cannot drop model "n" because experiment "start" runs on it/, 'and is refused');
$a->query("SELECT custseg.end_experiment('start');");
$a->query("BEGIN; SELECT custseg.drop_model('n', whole => true);");
$b->send(enroll('start', 'true'));
await_lock($b, 'who enrolls customers waits for a drop');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  42704/, 'and finds nothing');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.enrolment WHERE experiment = 'start'"), '0', 'of it');

# Two experiments that ask for the last room of a layer at once: one gets it.
$a->query('BEGIN;' . create('left', '{"layer": "mail", "traffic": 0.6}'));
$b->send(create('right', '{"layer": "mail", "traffic": 0.6}'));
await_lock($b, 'a layer is given to one after the other');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  55006: layer "mail" has no room/, 'and has no room for the second');
for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
    $a->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM custseg.experiment;");
    $b->query("SELECT custseg.drop_experiment('left');" . create('middle', '{"layer": "mail", "traffic": 0.6}'));
    like(($a->query(create('right', '{"layer": "mail", "traffic": 0.6}')))[1], qr/ERROR:  40001/, "$level: nor for one that does not see the first");
    $a->query('ROLLBACK;');
    $a->query("SELECT custseg.drop_experiment('middle');" . create('left', '{"layer": "mail", "traffic": 0.6}'));
}

# Traffic that is raised while customers are enrolled counts from the next call on.
$a->query(create('more', '{"traffic": 0.2}'));
$a->query('BEGIN;' . enroll('more', 'true'));
$b->send(create('more', '{"traffic": 1}'));
await_lock($b, 'traffic is raised after customers are enrolled');
$a->query('COMMIT;');
is(($b->wait)[1], '', 'and not before');
like(($a->query(enroll('more', 'true')))[0], qr/^2\|(\d+)\|(\d+)$/, 'the next call sees it');
is($node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE batch = 1) < 500 FROM custseg.enrolment WHERE experiment = 'more'"), '2000|t', 'and enrolls the rest');

# What is declared anew while the first customers are enrolled comes too late.
$a->query(create('anew'));
$a->query('BEGIN;' . enroll('anew', 'id <= 10'));
$b->send(create('anew', '{"assignment": "blocked"}'));
await_lock($b, 'a declaration waits for the first customers');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  55000: options of experiment "anew" are fixed/, 'and is refused then');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.enrolment WHERE experiment = 'anew'"), '10', 'customers stay');

done_testing();
