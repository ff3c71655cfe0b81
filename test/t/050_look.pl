# Looks at an experiment from several sessions: one at a time, none spends what another has spent, and none is
# kept that did not commit.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('look');

$node->safe_psql('postgres', <<'END');
CREATE ROLE ann LOGIN;
CREATE TABLE customers AS SELECT i AS id, i % 7 + test.u(i, 1) AS x, 9 * (i % 2) + test.u(i, 2) AS y, i % 10 < 1 + i / 4 % 2 AS bought FROM generate_series(1, 1200) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
GRANT SELECT ON customers TO public;
SET ROLE ann;
SELECT custseg.train('m', 'customers', '{x,y}', k => 2, id => 'id');
SELECT custseg.create_experiment(name, 'm', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]', '{"n_control": 2000, "min_days": 1}')
FROM unnest('{together,old,undone}'::text[]) name;
RESET ROLE;
INSERT INTO custseg.enrolment SELECT experiment, id::text, 1 + i / 4 % 2, 1, 1, now() FROM custseg.experiment, (SELECT id, id AS i FROM customers) c;
UPDATE custseg.experiment SET started_at = now();
END
my $a = CustsegTest::Session->new($node, 'postgres', user => 'ann');
my $b = CustsegTest::Session->new($node, 'postgres', user => 'ann');

sub look { return "SELECT look, findings ->> 'boundary' IS NULL FROM custseg.look('$_[0]', 'customers');"; }

# the second waits for the first, has the next number, and sees that nothing is left to spend
$a->query('BEGIN;');
is($a->query(look('together')), '1|f', 'a look');
$b->send(look('together'));
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND pid = ' . $b->pid) or die;
$a->query('COMMIT;');
is($b->wait, '2|t', 'one at the same time comes after it, and spends nothing anew');

# what was begun before another look ended fails under REPEATABLE READ
$a->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM customers;');
$b->query(look('old'));
like(($a->query(look('old')))[1], qr/ERROR:  40001/, 'an older transaction does not overlook a look');
$a->query('ROLLBACK;');
is($a->query(look('old')), '2|t', 'and can do it again');

# a look that is undone leaves nothing
$a->query('BEGIN;');
$a->query(look('undone'));
$b->send(look('undone'));
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND pid = ' . $b->pid) or die;
$a->query('ROLLBACK;');
is($b->wait, '1|f', 'a look that was rolled back has spent nothing');
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT look) FROM custseg.experiment_look_metric WHERE experiment = 'undone'"), '2|1', 'nor left lines');

# an experiment that goes meanwhile
$a->query("SELECT custseg.end_experiment('undone');");
$b->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM customers;');
$a->query("SELECT custseg.drop_experiment('undone');");
like(($b->query(look('undone')))[1], qr/ERROR:  (40001|42704)/, 'no look is kept of an experiment that is gone');
$b->query('ROLLBACK;');

# an experiment that another one of its name has replaced while its outcomes were read
$a->query(q{SELECT custseg.create_experiment('new', 'm', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]'); SELECT custseg.enroll('new', 'customers');});
$a->query(q{SELECT custseg.end_experiment('new');});
$a->query(q{BEGIN; SELECT custseg.drop_experiment('new'); SELECT custseg.create_experiment('new', 'm', '["control", "other"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]'); SELECT custseg.enroll('new', 'customers');});
$b->send(look('new'));
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND pid = ' . $b->pid) or die;
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  40001: experiment "new" was dropped and created anew meanwhile/, 'a look at what was an experiment is not kept for another one');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.experiment_look WHERE experiment = 'new'"), '0', 'nor are its lines');

$a->quit;
$b->quit;
$node->stop;
done_testing();
