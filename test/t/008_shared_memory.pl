# Where shared memory cannot be had, a training goes on in one process, says so once, and gives the
# same model.

use strict;
use warnings FATAL => 'all';

use FindBin;

# A small /dev/shm is a matter of root, so shared memory lies in files and files are limited: this
# process, which begins anew before its output is taken over, and the server that it starts can
# write none above 4 MB.
BEGIN
{
    if (!$ENV{CUSTSEG_FILES_LIMITED} && system("sh -c 'ulimit -f 8192' >/dev/null 2>&1") == 0)
    {
        $ENV{CUSTSEG_FILES_LIMITED} = 1;
        exec('sh', '-c', 'ulimit -f 8192 && exec "$0" "$@"', $^X, (map { "-I$_" } @INC), $0, @ARGV)
          or die "could not run this test again: $!";
    }
}

use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => 'needs ulimit -f' unless $ENV{CUSTSEG_FILES_LIMITED};

my $node = start_node('small', "dynamic_shared_memory_type = mmap\nlog_min_messages = warning\nmax_wal_size = 64MB\nmin_wal_size = 2MB\n",
    extra => ['--wal-segsize=1']);

my $rows = 'SELECT test.u(i, 1) AS a, test.u(i, 2) + i %% 3 AS b, test.u(i, 3) AS c, test.u(i, 4) AS d FROM generate_series(1, %d) i';
my $idle;

# Train serially and with workers; the latter's messages.
sub both
{
    my ($name, $source, $arguments, $more) = @_;
    my $said;

    train($node, 'postgres', "'$name serial', '$source', $arguments", 'SET max_parallel_maintenance_workers = 0');
    $idle = shared_segment_count($node) unless defined $idle;
    $more = '' unless defined $more;
    $said = train($node, 'postgres', "'$name', '$source', $arguments", "SET max_parallel_maintenance_workers = 2; $more");
    is(fingerprint($node, $name), fingerprint($node, "$name serial"), "$name: the model is the serial one");
    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), '0', "$name: no worker is left");
    is(shared_segment_count($node), $idle, "$name: no shared memory is left");
    return $said;
}

my $notice = qr/NOTICE:  the work goes on in one process because \d+ MB of shared memory could not be allocated/;
my $said;

unlike(both('fits', sprintf($rows, 20000), "k => 3"), qr/shared memory/, 'what fits is trained without a word of memory');

$said = both('starts', sprintf($rows, 200000), "k => 3, options => '{\"n_init\": 10}'");
like($said, $notice, 'starts that do not fit: a notice');
is(scalar(() = $said =~ /$notice/g), 1, 'one notice');
like($said, qr{HINT:  Make room where pg_dynshmem is in the data directory, or set max_parallel_maintenance_workers to 0}, 'with a hint about the kind of shared memory');

# A table is read by the team, which breaks up while it reads.
# Its files are limited, too, so it is one in parts.
$node->safe_psql('postgres', 'CREATE TABLE stored (a float8, b float8, c float8, d float8) PARTITION BY HASH (a);'
      . join('', map { "CREATE TABLE stored_$_ PARTITION OF stored FOR VALUES WITH (MODULUS 8, REMAINDER $_);" } 0 .. 7)
      . 'INSERT INTO stored ' . sprintf($rows, 200000));
$said = both('pages', 'stored', "k => 3, options => '{\"n_init\": 2}'");
is(scalar(() = $said =~ /$notice/g), 1, 'pages whose rows do not fit: one notice') or diag($said);

# PostgreSQL believes that the rows are fewer, so that memory for the first of them is shared.  What the leader then takes
# cannot be, and is all that there may be: the reading goes on in it, with no more than a training by one process takes.
$node->safe_psql('postgres', 'CREATE TABLE wide (' . join(', ', map { "c$_ float8" } 1 .. 8) . ') PARTITION BY HASH (c1);'
      . join('', map { "CREATE TABLE wide_$_ PARTITION OF wide FOR VALUES WITH (MODULUS 8, REMAINDER $_);" } 0 .. 7)
      . 'INSERT INTO wide SELECT ' . join(', ', map { "test.u(i, $_)" } 1 .. 8) . ' FROM generate_series(1, 130000) i; VACUUM ANALYZE wide;'
      . "UPDATE pg_class SET reltuples = reltuples / 8 WHERE relname ~ '^wide_'");
my $few = "k => 2, options => '{\"n_init\": 1, \"max_iter\": 2, \"silhouette_sample\": 0}'";
my ($least, $enough) = (8000, 64000);

while ($least < $enough - 20)
{
    my $middle = int(($least + $enough) / 2);
    my ($status) = $node->psql('postgres', "SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = $middle; SELECT custseg.train('least', 'wide', $few)");

    $status == 0 ? $enough = $middle : $least = $middle;
}
my $read = psql_error($node, 'postgres', "SET max_parallel_maintenance_workers = 2; SET maintenance_work_mem = $enough; SELECT custseg.train('least', 'wide', $few)");

like($read, qr/could not be allocated/, "rows that fit into $enough kB by one process alone: memory that cannot be shared");
unlike($read, qr/ERROR/, 'they fit as well where others have begun to read');

# The rows fit, what the algorithm keeps for each of them does not: the team breaks up on its way.
$said = both('work area', sprintf($rows, 110000), "k => 40, options => '{\"n_init\": 5, \"algorithm\": \"elkan\", \"max_iter\": 5, \"tol\": 0.01}'");
is(scalar(() = $said =~ /$notice/g), 1, 'work areas that do not fit: one notice');

# Neither does what the server itself shares with its workers: here, a setting of 5 MB.
my ($out, $err);
$node->psql('postgres', sprintf("SET max_parallel_maintenance_workers = 2; SELECT set_config('test.big', repeat('x', 5000000), false) IS NULL;"
      . "SELECT custseg.train('fits', '$rows', k => 3)", 20000), stdout => \$out, stderr => \$err);
like($err, $notice, 'no room for the team itself: a notice');
unlike($err, qr/ERROR/, 'and no error');
is(fingerprint($node, 'fits', 2), fingerprint($node, 'fits serial'), 'the model is the serial one');

# A publication sorts its columns one by one, and says it once, too.
(undef, $out, $err) = $node->psql('postgres', "SET client_min_messages = notice; SET max_parallel_maintenance_workers = 2;"
      . " SELECT count(*) > 15 FROM custseg.publish('pages', 'stored')");
like($out, qr/^t$/m, 'a publication goes on');
is(scalar(() = $err =~ /$notice/g), 1, 'with one notice') or diag($err);

# In a transaction that goes on.
is($node->safe_psql('postgres', "SET client_min_messages = error; SET max_parallel_maintenance_workers = 2; BEGIN;"
        . sprintf("SELECT version FROM custseg.train('inside', '$rows', k => 3, options => '{\"n_init\": 1}');", 200000)
        . "SELECT count(*) FROM custseg.segments WHERE model = 'inside'; COMMIT;"),
    "1\n3", 'the transaction goes on');

$node->stop;
done_testing();
