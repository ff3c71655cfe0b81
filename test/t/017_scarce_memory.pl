# However little memory is left when workers are to come, a training ends: with a model or with an
# error.  Nothing is left behind, and the session trains with workers once there is memory again.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => why_not_limited() if why_not_limited();

my $node = start_node('scarce', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 1\nsynchronous_commit = off\n");

$node->safe_psql('postgres',
    'CREATE TABLE rows AS SELECT test.u(i, 1) AS a, test.u(i, 2) + i % 3 AS b, test.u(i, 3) AS c, test.u(i, 4) AS d FROM generate_series(1, 6000) i');

# Somebody whose session ends when the server restarts.
my $witness = CustsegTest::Session->new($node, 'postgres');

my $idle = shared_segment_count($node);
my %results;

# Files that are limited, each for itself: shared memory lies in such.  A function that writes nothing.
$results{ call_limited($node, "choose_k('rows', k_min => 3, k_max => 3)", 'fsize', $_, sub { 0 }) }++
  for 16, 64, 128, 192, 256, 384, 512, 768, 1000, 1100, 4096;
ok($results{serial} && $results{workers}, 'files: sometimes serially, sometimes with workers');

# Addresses that are limited, of private and shared memory.
%results = ();
$results{ call_limited($node, "train('m', 'rows', k => 3, options => '{\"n_init\": 1}')", 'as', $_ * 192, \&mapped) }++ for 0 .. 22;
ok($results{53200} && $results{workers}, 'addresses: sometimes an error, sometimes workers');
note(join(', ', map { "$results{$_} $_" } sort keys %results));

is($witness->query('SELECT 1;'), '1', 'the server has not restarted');
$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'client backend'");
is(shared_segment_count($node), $idle, 'no shared memory is left');

$witness->quit;
$node->stop;
done_testing();
