# Models within segments, from several sessions: a segment has one model within it, and a model outlives none of those
# that are within it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('within');
$node->safe_psql('postgres', <<'END');
CREATE TABLE t AS SELECT i AS id, (i % 3) * 100 + test.u(i, 1) AS x, (i % 7) * 10 + test.u(i, 2) AS y FROM generate_series(1, 600) i;
SELECT custseg.train('parent', 't', '{x}', 3, id => 'id', options => '{"silhouette_sample": 0}');
END

# A training within a segment of the parent.
sub within
{
    my ($model, $segment) = @_;

    return qq{SET client_min_messages = error; SELECT version FROM custseg.train('$model', 't', '{y}', 2, id => 'id', }
      . qq{options => '{"silhouette_sample": 0, "within": {"model": "parent", "segment": $segment}}');};
}

my ($a, $b, $c) = map { CustsegTest::Session->new($node, 'postgres') } 1 .. 3;
my $waits = sub { $node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $_[0]->pid) };

# Two trainings within one segment: the second waits for the first.
is($a->query('BEGIN;' . within('first', 1)), '1', 'a model within a segment');
$b->send(within('second', 1));
ok($waits->($b), 'another one within the segment waits');
$c->send("SELECT custseg.drop_model('parent', whole => true);");
ok($waits->($c), 'and so does who drops the parent');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  42710: model "first" is within segment 1 of model "parent" already/, 'there is one then');
like(($c->wait)[1], qr/ERROR:  2BP01: cannot drop model "parent"/, 'and the parent stays');

# When the first is taken back, the second takes its place.
$a->query("SELECT custseg.drop_model('first', whole => true); BEGIN;" . within('first', 1));
$b->send(within('second', 1));
ok($waits->($b), 'it waits again');
$a->query('ROLLBACK;');
is($b->wait, '1', 'and is the one that is there');

# Who drops the parent first leaves nothing for a training to be within.
$a->query("SELECT custseg.drop_model('second', whole => true); BEGIN; SELECT custseg.drop_model('parent', whole => true);");
$b->send(within('third', 2));
ok($waits->($b), 'a training waits for the end of its parent');
$a->query('COMMIT;');
like(($b->wait)[1], qr/ERROR:  42704: model "parent" does not exist/, 'and fails');
is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.model_within'), '0', 'nothing is left of it');

# A statement sees the models of its beginning, whatever is trained meanwhile.
$node->safe_psql('postgres', "SELECT custseg.train('parent', 't', '{x}', 3, id => 'id', options => '{\"silhouette_sample\": 0}')");
$a->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');
$b->query(within('child', 1));
is($a->query("SELECT max(length(custseg.predict_path('parent', t))) FROM t;"), '1', 'a snapshot has the paths of its time');
is($a->query("COMMIT; SELECT max(length(custseg.predict_path('parent', t))) FROM t;"), '3', 'the next has those of the new model');
$b->query("SELECT custseg.train('child', 't', '{y}', 3, id => 'id', options => '{\"silhouette_sample\": 0}', deploy => true);");
is($a->query("SELECT count(DISTINCT custseg.predict_path('parent', t)) FROM t;"), '5', 'a session sees a version that another one has deployed');

done_testing();
