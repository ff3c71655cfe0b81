# The same data give the same model, bit for bit, whatever the number of workers.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('parallel');

customers($node, 'postgres', 'customers', 110000);
$node->safe_psql('postgres', 'ALTER TABLE customers ADD weight float8; UPDATE customers SET weight = 1 + id % 3');

# Every part of a training that workers share.
my %trainings = (
    'plain' => "features => '{recency,frequency,monetary}', k => 4",
    'categories' => "k => 5, features => '{recency,frequency,monetary,channel,member}'",
    'chosen k' => "features => '{recency,frequency}', options => '{\"n_init\": 2}'",
    'weights' => "features => '{recency,frequency,monetary}', k => 6, options => '{\"weight\": \"weight\", \"n_init\": 3}'",
    'components' => "k => 4, features => '{recency,frequency,monetary,channel}', prep => '{\"pca\": 2, \"transform\": \"yeo-johnson\", \"clip\": \"iqr\"}'",
    'neighbours' => "k => 4, features => '{recency,frequency,monetary}', prep => '{\"impute\": \"knn\"}', options => '{\"n_init\": 2}'",
    'elkan' => "k => 12, features => '{recency,frequency,monetary,channel}', options => '{\"n_init\": 2, \"algorithm\": \"elkan\"}'",
    'hamerly' => "k => 12, features => '{recency,frequency,monetary}', options => '{\"n_init\": 2, \"algorithm\": \"hamerly\"}'",
    'lloyd' => "k => 12, features => '{recency,frequency,monetary}', options => '{\"n_init\": 2, \"algorithm\": \"lloyd\"}'");

# Train with a number of workers; how many the log says there were.
sub train_with
{
    my ($model, $source, $arguments, $workers, $more) = @_;
    my $offset = -s $node->logfile;
    my $log;

    $more = '' unless defined $more;
    train($node, 'postgres', "'$model', '$source', $arguments", "SET max_parallel_maintenance_workers = $workers; $more");
    $log = slurp_file($node->logfile, $offset);
    return $log =~ /using (\d+) parallel workers/ ? $1 : 'none';
}

for my $name (sort keys %trainings)
{
    my $serial;

    # 3 workers stand for any number where fewer things can differ
    for my $workers ($name eq 'plain' || $name eq 'categories' ? (0, 1, 2, 4) : (0, 3))
    {
        my $model = "$name $workers";
        my $used = train_with($model, 'customers', $trainings{$name}, $workers);

        is($used, $workers || 'none', "$name: $workers workers asked for, as many used");
        $serial = fingerprint($node, $model) if $workers == 0;
        is(fingerprint($node, $model), $serial, "$name: model of $workers workers is the serial one") if $workers > 0;
    }
}

# Retraining follows the deployed version's numbers in the same way.
for my $workers (0, 2)
{
    train_with("plain $workers", 'customers WHERE id % 3 > 0' =~ s/^/SELECT * FROM /r,
        "features => '{recency,frequency,monetary}', k => 4", $workers);
}
is(fingerprint($node, 'plain 2', 2), fingerprint($node, 'plain 0', 2), 'retrained models are the same');

# Fewer workers than asked for, or none.
is(train_with('one of four', 'customers', $trainings{plain}, 4, 'SET max_parallel_workers = 1'), 1,
    'one worker where there is room for one');
is(fingerprint($node, 'one of four'), fingerprint($node, 'plain 0'), 'and the same model');
is(train_with('none of four', 'customers', $trainings{plain}, 4, 'SET max_parallel_workers = 0'), 0,
    'no worker where there is no room');
is(fingerprint($node, 'none of four'), fingerprint($node, 'plain 0'), 'and the same model');

# A small table has none.
customers($node, 'postgres', 'few', 4000);
is(train_with('small', 'few', "features => '{recency,frequency,monetary}', k => 3", 4), 'none',
    'a table below 20,000 values has no workers');
customers($node, 'postgres', 'a_few_more', 7000);
is(train_with('not so small', 'a_few_more', "features => '{recency,frequency,monetary}', k => 3", 4), 1,
    'one above it has one');

# Temporary tables can be read by no worker, but trained on by a team.
is(train_with('temporary', 'pg_temp.mine', $trainings{plain}, 2, 'CREATE TEMP TABLE mine AS SELECT * FROM customers'), 2,
    'a temporary table is trained on with workers');
is(fingerprint($node, 'temporary'), fingerprint($node, 'plain 0'), 'and the same model');

# All workers of the server taken.
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nmax_logical_replication_workers = 1\n");
$node->restart;
is(train_with('exhausted', 'customers', $trainings{plain}, 4), 0, 'no worker when max_worker_processes is exhausted');
is(fingerprint($node, 'exhausted'), fingerprint($node, 'plain 0'), 'and the same model');

# Scoring in parallel queries gives what a serial query gives.
$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$node->restart;
my $scores = "SELECT count(*), md5(string_agg(s::text, ',' ORDER BY id)) FROM (SELECT id, custseg.predict('plain 0', c) AS s FROM customers c) x";
my $forced = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2';
like($node->safe_psql('postgres', "$forced; EXPLAIN SELECT max(custseg.predict('plain 0', c)) FROM customers c"),
    qr/Workers Planned: 2/, 'scoring is planned in parallel');
is($node->safe_psql('postgres', "$forced; $scores"),
    $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $scores"),
    'parallel scoring gives the same segments');

$node->stop;
done_testing();
