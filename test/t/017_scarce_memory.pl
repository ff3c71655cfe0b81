# However little memory is left when workers are to come, a training ends: with a model or with an
# error.  Nothing is left behind, and the session trains with workers once there is memory again.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use IPC::Run;
use Test::More;

plan skip_all => 'needs prlimit' unless eval { IPC::Run::run([ 'prlimit', '--version' ], '>', '/dev/null') };
plan skip_all => 'AddressSanitizer takes addresses without end' if $ENV{ASAN_OPTIONS};

my $node = start_node('scarce', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 1\nsynchronous_commit = off\n");

$node->safe_psql('postgres',
    'CREATE TABLE rows AS SELECT test.u(i, 1) AS a, test.u(i, 2) + i % 3 AS b, test.u(i, 3) AS c, test.u(i, 4) AS d FROM generate_series(1, 6000) i;'
      . "CREATE TABLE lines AS SELECT i % 2000 AS customer, date '2024-01-01' + (300 * test.u(i, 1))::int AS at, 1 + (90 * test.u(i, 2))::int AS amount FROM generate_series(1, 6000) i");

# Somebody whose session ends when the server restarts.
my $witness = CustsegTest::Session->new($node, 'postgres');

# Limit a resource of a process, in kB, and lift it again.
sub limit
{
    my ($pid, $resource, $size) = @_;

    system('prlimit', '--pid', $pid, "--$resource=" . ($size eq 'unlimited' ? $size : $size * 1024) . ':') == 0
      or die "prlimit failed";
}

# What a process has mapped, in kB.
sub mapped
{
    my ($pid) = @_;

    open(my $status, '<', "/proc/$pid/status") or die "no process $pid";
    my ($size) = map { /^VmSize:\s+(\d+) kB/ } <$status>;
    return $size;
}

# Call a function, with one worker unless it is "alone", in a new session of which a resource is limited
# to so many kB more than base($pid); what came of it: "workers", "serial", an error's SQLSTATE.
sub call_limited
{
    my ($call, $resource, $more, $base, $alone) = @_;
    my $session = CustsegTest::Session->new($node, 'postgres');
    my $query = "BEGIN; SELECT count(*) FROM custseg.$call; ROLLBACK;";
    my $name = "$call, $resource $more kB";
    my ($out, $err, $result);

    # the libraries are loaded
    $session->query("SET max_parallel_maintenance_workers = 0; $query SET max_parallel_maintenance_workers = 1;");
    limit($session->pid, $resource, $base->($session->pid) + $more);
    local $PostgreSQL::Test::Utils::timeout_default = 300;
    $session->send("SET statement_timeout = '240s'; SET client_min_messages = debug1; $query");
    ($out, $err) = eval { $session->wait };
    if (!defined $out)
    {
        fail("$name: hangs");
        $node->stop('immediate');
        done_testing();
        exit 1;
    }
    limit($session->pid, $resource, 'unlimited');
    $result = $err =~ /ERROR:  (\w{5})/ ? $1 : $err =~ /NOTICE:  00000: training continues in one process/ ? 'serial' : 'workers';
    ok($result =~ /^[0-9A-Z]{5}$/ ? $result =~ /^53/ : $out eq '1', "$name: a result, or an error that tells of memory ($result)");

    ($out, $err) = $session->query($query);
    is($out, '1', "$name: the session goes on");
    like($err, qr/using 1 parallel workers/, "$name: with workers") unless $alone;
    $session->quit;
    return $result;
}

my $idle = shared_segment_count($node);
my %results;

# Files that are limited, each for itself: shared memory lies in such.  A function that writes nothing.
$results{ call_limited("choose_k('rows', k_min => 3, k_max => 3)", 'fsize', $_, sub { 0 }) }++
  for 16, 64, 128, 192, 256, 384, 512, 768, 1000, 1100, 4096;
ok($results{serial} && $results{workers}, 'files: sometimes serially, sometimes with workers');

# Addresses that are limited, of private and shared memory.
%results = ();
$results{ call_limited("train('m', 'rows', k => 3, options => '{\"n_init\": 1}')", 'as', $_ * 192, \&mapped) }++ for 0 .. 22;
ok($results{53200} && $results{workers}, 'addresses: sometimes an error, sometimes workers');
note(join(', ', map { "$results{$_} $_" } sort keys %results));

# So do models of values and of purchases.
for my $algorithm (has_xgboost($node) ? qw(forest xgboost) : 'forest')
{
    my $size = $algorithm eq 'forest' ? 'trees' : 'rounds';
    my $call = "train_value('m', 'rows', 'b', '{a,c,d}', '$algorithm', options => '{\"$size\": 20}')";

    %results = ();
    $results{ call_limited($call, 'as', $_ * 256, \&mapped) }++ for 0 .. 4, 8, 12, 16, 24, 32, 64;
    ok($results{53200} && $results{workers}, "$algorithm, addresses: sometimes an error, sometimes workers");
    note(join(', ', map { "$results{$_} $_" } sort keys %results));
}
%results = ();
$results{ call_limited("compare_value('rows', 'b', '{a,c,d}', '{forest}', 3, options => '{\"forest\": {\"trees\": 20}}')", 'fsize', $_, sub { 0 }) }++
  for 16, 256, 512, 768, 4096;
ok($results{serial} && $results{workers}, 'files of a forest: sometimes serially, sometimes with workers');
%results = ();
$results{ call_limited("train_purchases('m', 'lines', 'customer', 'at', 'amount')", 'as', $_ * 192, \&mapped, 1) }++ for 0 .. 4, 8, 32;
ok($results{53200} && $results{workers}, 'purchases, addresses: sometimes an error, sometimes a model');

is($witness->query('SELECT 1;'), '1', 'the server has not restarted');
$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'client backend'");
is(shared_segment_count($node), $idle, 'no shared memory is left');

$witness->quit;
$node->stop;
done_testing();
