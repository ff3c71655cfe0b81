# However little memory is left, a model of values or of purchases is trained, with or without workers, or
# there is an error that tells of memory.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => why_not_limited() if why_not_limited();

my $node = start_node('scarce', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 1\nsynchronous_commit = off\n");

$node->safe_psql('postgres', <<'END');
CREATE TABLE rows AS SELECT test.u(i, 1) AS a, test.u(i, 2) + test.u(i, 1) AS b, test.u(i, 3) AS c, test.u(i, 4) AS d FROM generate_series(1, 8000) i;
CREATE TABLE lines AS SELECT i % 1000 AS customer, date '2024-01-01' + (300 * test.u(i, 1))::int AS at, 1 + (90 * test.u(i, 2))::int AS amount FROM generate_series(1, 3000) i;
END

# Somebody whose session ends when the server restarts.
my $witness = CustsegTest::Session->new($node, 'postgres');
my $idle = shared_segment_count($node);

# Addresses that are limited, of private and shared memory.
for my $algorithm (has_xgboost($node) ? qw(forest xgboost) : 'forest')
{
    my $size = $algorithm eq 'forest' ? '"trees": 8' : '"rounds": 8';
    my %results;

    $results{ call_limited($node, "train_value('m', 'rows', 'b', '{a,c,d}', '$algorithm', options => '{$size}')", 'as', $_ * 256, \&mapped) }++
      for 0 .. 6, 8, 10, 12, 16, 24, 64, 256;
    ok($results{53200} && $results{workers}, "$algorithm: sometimes an error, sometimes workers");
    note(join(', ', map { "$results{$_} $_" } sort keys %results));
}
my %results;
$results{ call_limited($node, "train_purchases('m', 'lines', 'customer', 'at', 'amount', algorithm => 'mbg_nbd')", 'as', $_, \&mapped, 1) }++
  for 0, 64, 256, 1024, 65536;
ok($results{53200} && $results{workers}, 'purchases: sometimes an error, sometimes a model');

# Files that are limited, each for itself: shared memory lies in such.  A function that writes nothing.
%results = ();
$results{ call_limited($node, "compare_value('rows', 'b', '{a,c,d}', '{forest}', 3, options => '{\"forest\": {\"trees\": 8}}')", 'fsize', $_, sub { 0 }) }++
  for 16, 256, 512, 1000, 4096;
ok($results{serial} && $results{workers}, 'files of a forest: sometimes serially, sometimes with workers');

is($witness->query('SELECT 1;'), '1', 'the server has not restarted');
$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'client backend'");
is(shared_segment_count($node), $idle, 'no shared memory is left');

$witness->quit;
$node->stop;
done_testing();
