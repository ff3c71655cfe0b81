# A training that streams: memory depends on the sample and the batch, a cancel ends any pass, all
# passes see the same rows, and workers are there only beside a source that may have them.
#
# Alone: it measures how soon a cancel acts.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Shared memory in files of the data directory, where it can be counted; few buffers, which count
# as memory of the session that has touched them.
my $node = start_node('minibatch', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 2\nshared_buffers = 1MB\n");

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS
SELECT i::int AS id, test.u(i, 1) AS a, test.u(i, 2) AS b, test.u(i, 3) AS c
FROM generate_series(1, 200000) i;
CREATE FUNCTION plain(float8) RETURNS float8 LANGUAGE plpgsql PARALLEL UNSAFE AS $$ BEGIN RETURN $1; END $$;
END

my $session = CustsegTest::Session->new($node, 'postgres');
my $watcher = CustsegTest::Session->new($node, 'postgres');

# Memory: 400,000 rows of 20 numbers are 64 MB, of which a sample and a batch in 4 MB are held.
SKIP:
{
    skip 'no /proc', 8 unless -r '/proc/self/status';

    my $peak = sub {
        my ($mb) = slurp_file('/proc/' . (shift // $session)->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m;
        return $mb / 1024;
    };
    my $wide = 'SELECT ' . join(', ', map { "a + $_ * b AS f$_" } (1 .. 10)) . ', ' . join(', ', map { "b * c + $_ * a AS g$_" } (1 .. 10))
      . ' FROM customers UNION ALL SELECT ' . join(', ', map { "b + $_ * c" } (1 .. 10)) . ', ' . join(', ', map { "a * c + $_ * b" } (1 .. 10)) . ' FROM customers';
    my ($before, $out, $err);

    $session->query("SET maintenance_work_mem = '4MB'; SET max_parallel_maintenance_workers = 0;"
          . "SELECT custseg.train('small', 'SELECT * FROM customers LIMIT 1000', '{a,b,c}', 3, 'minibatch', options => '{\"sample\": 100}');");
    $before = $peak->();
    like(($session->query("SELECT custseg.train('wide', '$wide', k => 5, options => '{\"engine\": \"local\"}');"))[1], qr/ERROR:  54000/, 'too much for k-means');
    ($out, $err) = $session->query("SELECT n_rows, n_segments FROM custseg.train('wide', '$wide', k => 5, algorithm => 'minibatch', options => '{\"max_iter\": 2, \"tol\": 10}');");
    is($out, '400000|5', 'a table far past memory');
    like($err, qr/NOTICE: .* prepared on a sample of \d+ of 400000 rows, read in batches of \d+ rows/, 'by sample and batch');
    SKIP:
    {
        skip 'AddressSanitizer keeps what is freed', 1 if $ENV{ASAN_OPTIONS};
        cmp_ok($peak->() - $before, '<', 8, 'takes little of it');
    }
    note(sprintf('%.1f MB more than a small training', $peak->() - $before));
    $session->query("SELECT custseg.drop_model('small', whole => true), custseg.drop_model('wide', whole => true); RESET maintenance_work_mem; RESET max_parallel_maintenance_workers;");

    # Passes of the distributed engine: what they tell of the order of 20 columns is forgotten once it is not needed.
    my $passes = CustsegTest::Session->new($node, 'postgres');
    my $many = 'SELECT id, ' . join(', ', map { "a + $_ * b AS f$_" } (1 .. 10)) . ', ' . join(', ', map { "exp(5 * b * c + $_ * a) AS g$_" } (1 .. 10)) . ' FROM customers WHERE id <= ';
    $passes->query("SET client_min_messages = error; SET maintenance_work_mem = '4MB'; SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0;"
          . "SELECT custseg.train('small', '$many 500', k => 3, options => '{\"engine\": \"distributed\", \"max_iter\": 3, \"silhouette_sample\": 0}');");
    $before = $peak->($passes);
    is($passes->query("SELECT n_rows FROM custseg.train('passes', '$many 20000', k => 3, options => '{\"engine\": \"distributed\", \"max_iter\": 3, \"silhouette_sample\": 0}');"),
        '20000', 'many columns in passes');
    SKIP:
    {
        skip 'AddressSanitizer keeps what is freed', 1 if $ENV{ASAN_OPTIONS};
        cmp_ok($peak->($passes) - $before, '<', 4, 'take no more than there is');
    }
    note(sprintf('%.1f MB more than a small training', $peak->($passes) - $before));
    $passes->query("SELECT custseg.drop_model('small', whole => true), custseg.drop_model('passes', whole => true);");
    $passes->quit;

    # Numbers of segments by passes: what one number leaves of its fits, to the sample and to rows without groups, is not kept for the next.
    my $numbers = CustsegTest::Session->new($node, 'postgres');
    my $choose = "SELECT count(*) FROM custseg.choose_k('$many %d', k_max => 10, options => '{\"engine\": \"distributed\", \"max_iter\": 2, \"gap_sample\": 500, \"gap_references\": %d}')";
    $numbers->query("SET client_min_messages = error; SET maintenance_work_mem = '8MB'; SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0;"
          . sprintf($choose, 500, 0) . ';');
    $before = $peak->($numbers);
    is($numbers->query(sprintf($choose, 20000, 60) . ';'), '9', 'many numbers of segments by passes');
    SKIP:
    {
        skip 'AddressSanitizer keeps what is freed', 1 if $ENV{ASAN_OPTIONS};
        cmp_ok($peak->($numbers) - $before, '<', 8, 'take no more than there is');
    }
    note(sprintf('%.1f MB more than of few rows', $peak->($numbers) - $before));
    $numbers->quit;
}

# Each ends on its own only after long, most of it in one phase.
my %slow = (
    reading => "'SELECT l.a, l.b FROM customers l, customers r WHERE r.c < 0.5', k => 3",
    iterating => "'customers', '{a,b,c}', 4000, options => '{\"sample\": 5000, \"n_init\": 1, \"tol\": 0, \"max_iter\": 1000000}'",
    scoring => "'SELECT a, b, c FROM customers UNION ALL SELECT b, c, a FROM customers', '{a,b,c}', 4000, options => '{\"sample\": 5000, \"n_init\": 1, \"tol\": 1e6}'");

$session->query("SELECT custseg.train('kept', 'customers', '{a,b,c}', 2, options => '{\"n_init\": 1}');");
my $segments = shared_segment_count($node);

for my $workers (0, 2)
{
    $session->query("SET max_parallel_maintenance_workers = $workers;");
    for my $phase (qw(reading iterating scoring))
    {
        my $name = "$phase, $workers workers";
        my ($err, $elapsed);

        $session->send("SELECT custseg.train('slow', $slow{$phase}, algorithm => 'minibatch');");
        $elapsed = $watcher->query("SELECT pg_cancel_backend(test.await_phase('slow', '$phase'));"
              . 'SELECT test.await_idle(' . $session->pid . ')::numeric(9,1);') =~ s/^t\n//r;
        $err = ($session->wait)[1];
        like($err, qr/ERROR:  57014: canceling statement due to user request/, "$name: cancelled");
        cmp_ok($elapsed, '<', soon(), "$name: within a second");
        note("cancel while $name acted within $elapsed ms");
        is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
            '0', "$name: no worker is left");
        is(shared_segment_count($node), $segments, "$name: no shared memory is left");
        is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.model_version'), '1', "$name: no model is left");
        is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.progress()'), '0', "$name: no progress is left");
        is($session->query("SELECT n_rows FROM custseg.train('again', 'customers', '{a,b,c}', 2, 'minibatch', options => '{\"n_init\": 1, \"sample\": 5000}');"
                . "SELECT custseg.drop_model('again', whole => true) IS NULL;"), "200000\nt", "$name: the same session trains again");
    }
}

# Rows that others commit between the passes are not seen, nor are those that they delete missed.
$session->send("SELECT n_rows, n_segments FROM custseg.train('stable', $slow{scoring}, algorithm => 'minibatch');");
$watcher->query("SELECT test.await_phase('stable', 'iterating');");
$watcher->query("INSERT INTO customers SELECT id, 1000, 1000, 1000 FROM customers WHERE id <= 1000; DELETE FROM customers WHERE id > 190000;");
is($session->wait, '400000|4000', 'all passes see the same rows');
is($node->safe_psql('postgres', "SELECT sum(n) FROM custseg.segment WHERE model = 'stable'"), '400000', 'and count them');

# Workers beside the source, unless what it calls is parallel unsafe.
for my $case ([ 'plain table', 'customers', 1 ], [ 'safe query', 'SELECT abs(a) AS a, b, c FROM customers', 1 ],
    [ 'unsafe query', 'SELECT plain(a) AS a, b, c FROM customers', 0 ])
{
    my ($name, $source, $expected) = @$case;
    my $log = -s $node->logfile;
    my $used;

    $node->safe_psql('postgres', "SELECT custseg.train('$name', '$source', '{a,b,c}', 3, 'minibatch', options => '{\"sample\": 20000}')");
    $used = slurp_file($node->logfile, $log) =~ /using [12] parallel workers/ ? 1 : 0;
    is($used, $expected, "$name: " . ($expected ? 'workers' : 'no workers'));
}
is($node->safe_psql('postgres', "SELECT count(DISTINCT (segment, n, center)) FROM custseg.segment WHERE model ~ 'plain|safe'"), '3', 'which makes no difference');

$session->quit;
$watcher->quit;
$node->stop;
done_testing();
