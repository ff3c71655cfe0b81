# A cancel or a timeout ends a training at once, in any phase, and leaves nothing behind.
#
# Alone: it measures how soon a cancel acts.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Shared memory in files of the data directory, where it can be counted.
my $node = start_node('cancel', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 2\n");

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS
SELECT i::int AS id, test.u(i, 1) AS a, test.u(i, 2) AS b, test.u(i, 3) AS c
FROM generate_series(1, 200000) i;
END

# Each ends on its own only after long, most of it in one phase.
my %slow = (
    reading => "'SELECT l.a, l.b FROM customers l, customers r WHERE r.c < 0.5', k => 3",
    preparing => "'SELECT * FROM customers UNION ALL SELECT * FROM customers UNION ALL SELECT * FROM customers', features => '{a,b,c}', k => 3, prep => '{\"transform\": \"yeo-johnson\"}'",
    seeding => "'customers', features => '{a,b,c}', k => 5000",
    iterating => "'SELECT c.* FROM customers c, generate_series(1, 2)', features => '{a,b,c}', options => jsonb_build_object('tol', 0, 'max_iter', 1000000, 'init',"
      . " (SELECT jsonb_agg(jsonb_build_array(3.4 * test.u(i, 4) - 1.7, 3.4 * test.u(i, 5) - 1.7, 3.4 * test.u(i, 6) - 1.7)) FROM generate_series(1, 2000) i))",
    scoring => "'customers', features => '{a,b,c}', k => 3, options => '{\"silhouette_sample\": 50000, \"n_init\": 1}'");

# Nothing is left of a training that ended in this session.
sub nothing_left
{
    my ($session, $before, $name) = @_;

    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
        '0', "$name: no worker is left");
    is(shared_segment_count($node), $before, "$name: no shared memory is left");
    is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM custseg.model) + (SELECT count(*) FROM custseg.model_version)"),
        '2', "$name: no model is left");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.progress()'), '0', "$name: no progress is left");
    is($session->query("SELECT n_rows FROM custseg.train('again', 'customers', '{a,b,c}', k => 2, options => '{\"n_init\": 1}');"
            . "SELECT custseg.drop_model('again', whole => true) IS NULL;"), "200000\nt", "$name: the same session trains again");
}

my $session = CustsegTest::Session->new($node, 'postgres');
my $watcher = CustsegTest::Session->new($node, 'postgres');

my $idle = shared_segment_count($node);

# The first training, and dropping a model, load the library and whatever else stays: the server keeps statistics of
# each table that was touched in shared memory, too.
$session->query("SELECT custseg.train('kept', 'customers', '{a,b,c}', k => 2, options => '{\"n_init\": 1}');"
    . "SELECT custseg.train('again', 'customers', '{a,b,c}', k => 2, options => '{\"n_init\": 1}'); SELECT custseg.drop_model('again', whole => true);");
my $segments = shared_segment_count($node);

$session->query("SET maintenance_work_mem = '1GB';");
for my $phase (qw(reading preparing seeding iterating scoring))
{
    my ($out, $err, $elapsed);

    $session->send("SELECT custseg.train('slow', $slow{$phase});");
    $elapsed = $watcher->query("SELECT pg_cancel_backend(test.await_phase('slow', '$phase'));"
          . 'SELECT test.await_idle(' . $session->pid . ')::numeric(9,1);') =~ s/^t\n//r;
    ($out, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to user request/, "$phase: cancelled");
    cmp_ok($elapsed, '<', soon(), "$phase: within a second");
    note("cancel in phase $phase acted within $elapsed ms");
    nothing_left($session, $segments, "cancel in $phase");
}

# Large shared memory is seen at a multiple of 2 MB, where it can lie in large pages, and no longer once it is given back.
SKIP:
{
    skip 'no /proc', 3 unless -r '/proc/self/maps';

    # where a process sees shared memory, and addresses that are only reserved
    my $mapped = sub { grep { m{ rw-s .*/pg_dynshmem/| ---p } } split(/\n/, slurp_file('/proc/' . $session->pid . '/maps')) };
    my $before = () = $mapped->();
    my (undef, $err);

    $session->send("SELECT custseg.train('slow', 'customers', '{a,b,c}', k => 20, options => '{\"n_init\": 1000, \"tol\": 0}');");
    $watcher->query("SELECT test.await_phase('slow', 'iterating');");
    # an even digit before five zeroes
    cmp_ok(scalar(grep { /^[0-9a-f]*[02468ace]00000-.* rw-s / } $mapped->()), '>=', 2, 'rows and work areas lie at multiples of 2 MB');
    $watcher->query('SELECT pg_cancel_backend(' . $session->pid . '); SELECT test.await_idle(' . $session->pid . ');');
    (undef, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to user request/, 'that training is cancelled');
    is(scalar(my @after = $mapped->()), $before, 'and of its memory nothing is mapped any more');
}

# Other algorithms, in what takes them longest.
my %algorithm = (
    'kmedoids of all rows' => "'SELECT * FROM customers WHERE id <= 5000', '{a,b,c}', k => 80, algorithm => 'kmedoids', options => '{\"sample_size\": 5000}'",
    'kmedoids of samples' => "'customers', '{a,b,c}', k => 40, algorithm => 'kmedoids', options => '{\"sample_size\": 3000, \"samples\": 1000}'",
    gmm => "'customers', features => '{a,b,c}', algorithm => 'gmm', options => jsonb_build_object('tol', 0, 'max_iter', 1000000, 'init',"
      . " (SELECT jsonb_agg(jsonb_build_array(3.4 * test.u(i, 4) - 1.7, 3.4 * test.u(i, 5) - 1.7, 3.4 * test.u(i, 6) - 1.7)) FROM generate_series(1, 200) i))",
    tree => "'SELECT c.*, test.u(c.id * 20 + g, 9) AS d, hashint4(c.id + g) & 1 AS y FROM customers c, generate_series(1, 10) g', '{a,b,c,d}', algorithm => 'tree', options => '{\"target\": \"y\", \"max_depth\": 64}'");

for my $name (sort keys %algorithm)
{
    my ($out, $err, $elapsed);

    $session->send("SELECT custseg.train('slow', $algorithm{$name});");
    $elapsed = $watcher->query("SELECT pg_cancel_backend(test.await_phase('slow', 'iterating'));"
          . 'SELECT test.await_idle(' . $session->pid . ')::numeric(9,1);') =~ s/^t\n//r;
    ($out, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to user request/, "$name: cancelled");
    cmp_ok($elapsed, '<', soon(), "$name: within a second");
    note("cancel of $name acted within $elapsed ms");
    nothing_left($session, $segments, "cancel of $name");
}

for my $phase (qw(reading seeding iterating))
{
    my ($out, $err, $elapsed);

    $session->send("SET statement_timeout = '700ms'; SELECT custseg.train('slow', $slow{$phase}); SET statement_timeout = 0;");
    $watcher->query("SELECT test.await_phase('slow', '$phase');");
    # 0 where the timeout has acted before anybody could look
    $elapsed = $watcher->query('SELECT coalesce((SELECT extract(epoch FROM clock_timestamp() - query_start) * 1000 + test.await_idle(pid) - 700'
          . ' FROM pg_stat_activity WHERE pid = ' . $session->pid . " AND query LIKE '%train%'), 0);");
    ($out, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, "$phase: timed out");
    cmp_ok($elapsed, '<', soon(), "$phase: within a second after the timeout");
    note("timeout in phase $phase acted within $elapsed ms");
    nothing_left($session, $segments, "timeout in $phase");
}

# Functions that judge end at once, too, compare() in the midst of a subtransaction of its own.
for my $call ("choose_k('customers', '{a,b,c}', 2, 1000)", "compare('customers', '{a,b,c}', 5000, '{kmeans}')",
    "silhouette('kept', 'customers', sample => 200000)")
{
    my ($out, $err);

    $session->send("SET statement_timeout = '700ms'; SELECT count(*) FROM custseg.$call; SET statement_timeout = 0;");
    ($out, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, "$call: timed out");
    nothing_left($session, $segments, $call);
}

# A publication ends at once while its team reads, and while the team tells of the columns; nothing of it is stored.
my $publish = "SELECT count(*) > 10 FROM custseg.publish('kept', options => '{\"surrogate\": false}');";
is($session->query("BEGIN; $publish ROLLBACK;"), 't', 'a publication');
my $start = time;
$session->query("BEGIN; $publish ROLLBACK;");
my $took = 1000 * (time - $start);
my $with_report = shared_segment_count($node);
my $canceled = 0;
for my $tenth (1 .. 9)
{
    my $timeout = 1 + int($took * $tenth / 10);
    my (undef, $err) = $session->query("SET statement_timeout = $timeout; $publish SET statement_timeout = 0;");

    if ($err =~ /ERROR:  57014: canceling statement due to statement timeout/)
    {
        $canceled++;
    }
    else
    {
        $node->safe_psql('postgres', 'DELETE FROM custseg.report');
    }
    is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM custseg.report) + (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker')"),
        '0', "publishing, $timeout ms: nothing is stored, and no worker is left");
    is(shared_segment_count($node), $with_report, 'and no shared memory');
}
cmp_ok($canceled, '>', 3, "most of them are canceled, of $took ms");

# Inside a transaction: all of it is rolled back, and a savepoint saves what came before it.
my ($out, $err);
$session->query("BEGIN; SELECT custseg.train('outer', 'customers', '{a,b,c}', k => 2, options => '{\"n_init\": 1}'); SAVEPOINT s;");
$session->send("SELECT custseg.train('slow', $slow{iterating});");
$watcher->query("SELECT pg_cancel_backend(test.await_phase('slow', 'iterating'));");
($out, $err) = $session->wait;
like($err, qr/ERROR:  57014/, 'cancelled after a savepoint');
is(shared_segment_count($node), $segments, 'no shared memory is left inside the transaction');
is($session->query("ROLLBACK TO s; SELECT name FROM custseg.models ORDER BY 1; SELECT custseg.predict('outer', r) IS NOT NULL FROM customers r LIMIT 1; ROLLBACK;"),
    "kept\nouter\nt", 'what came before the savepoint is there');
nothing_left($session, $segments, 'cancel after a savepoint');

# A worker that is ended ends the training.
$session->send("SELECT custseg.train('slow', $slow{iterating});");
$watcher->query("SELECT test.await_phase('slow', 'iterating');");
is($watcher->query("SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker';"),
    't', 'workers are terminated');
($out, $err) = $session->wait;
like($err, qr/ERROR:  57P01/, 'so is the training');
nothing_left($session, $segments, 'terminated workers');

# A session that is ended takes its training along.
$session->send("SELECT custseg.train('slow', $slow{iterating});");
$watcher->query("SELECT pg_terminate_backend(test.await_phase('slow', 'iterating'));");
$watcher->query('SELECT test.await_idle(' . $session->pid . ');');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker' OR pid = " . $session->pid),
    'session and workers are gone');
nothing_left($watcher, $idle, 'terminated session');

$watcher->quit;
$node->stop;
done_testing();
