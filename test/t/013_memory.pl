# A training asks for its memory before it takes it, and says how much it needs.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('memory');

customers($node, 'postgres', 'customers', 60000);
$node->safe_psql('postgres', <<'END');
CREATE TABLE levels AS
SELECT i AS id, test.u(i, 1) AS x, 'level ' || (sqrt(1000000 * test.u(i, 2))::int / 10) AS many FROM generate_series(1, 30000) i;
END

# Each error's hint is enough, in one step or in few: what is needed is known exactly once the rows are.
my %trainings = (
    'a table' => [ "'customers', '{recency,frequency,monetary}', k => 4, options => '{\"engine\": \"local\"}'", '2MB' ],
    'a query' => [ "'SELECT recency, frequency, monetary FROM customers', k => 4, options => '{\"engine\": \"local\"}'", '2MB' ],
    'categories' => [ "'customers', '{recency,channel,member}', k => 4, options => '{\"engine\": \"local\"}'", '3MB' ],
    'many levels' => [ "'levels', '{x,many}', k => 3, options => '{\"n_init\": 1, \"engine\": \"local\"}'", '2MB' ],
    'many segments' => [ "'customers', '{recency,frequency,monetary}', k => 60, options => '{\"algorithm\": \"elkan\", \"n_init\": 1, \"max_iter\": 3, \"engine\": \"local\"}'", '8MB' ],
    'a tree' => [ "'customers', '{recency,frequency,monetary}', algorithm => 'tree', options => '{\"target\": \"channel\", \"max_depth\": 6}'", '2MB' ],
    'neighbours' => [ "'customers', '{recency,frequency,monetary}', k => 4, prep => '{\"impute\": \"knn\"}', options => '{\"n_init\": 1, \"engine\": \"local\"}'", '2MB' ],
    'components' => [ "'customers', '{recency,frequency,monetary,channel}', k => 4, prep => '{\"pca\": 3, \"transform\": \"yeo-johnson\"}', options => '{\"n_init\": 1, \"engine\": \"local\"}'", '4MB' ]);

for my $name (sort keys %trainings)
{
    my ($arguments, $limit) = @{ $trainings{$name} };
    my ($steps, $err) = (0, '');

    for ($steps = 0; $steps < 5; $steps++)
    {
        $err = psql_error($node, 'postgres', "SET client_min_messages = error; SET maintenance_work_mem = '$limit'; SELECT custseg.train('$name', $arguments)");
        last if $err eq '';
        if ($err !~ /ERROR:  54000: training on (\d+) rows of \d features needs (\d+) MB, maintenance_work_mem is (\d+) MB/ || $2 <= $3
            || $err !~ /HINT:  SET maintenance_work_mem = '\d+MB'/)
        {
            last;
        }
        ($limit) = $err =~ /HINT:  SET maintenance_work_mem = '(\d+MB)'/;
    }
    is($err, '', "$name: trained once the hint was followed");
    cmp_ok($steps, '>=', 1, "$name: the first limit was too low");
    cmp_ok($steps, '<=', 2, "$name: the hint named enough");
    note("$name: $limit, $steps errors");
}
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.model_version"), scalar keys %trainings, 'a refused training stores nothing');

# The rule of thumb of the README: 8 bytes times rows times columns plus two; with a megabyte for all else.
for my $columns (2, 4, 8)
{
    my $megabytes = 2 + int(8 * 100000 * ($columns + 2) / 1024 / 1024);

    is($node->safe_psql('postgres', "SET maintenance_work_mem = '${megabytes}MB'; SELECT n_rows FROM custseg.train('rule $columns', 'SELECT "
              . join(', ', map { "test.u(i, $_) + i % $_ AS f$_" } (1 .. $columns)) . " FROM generate_series(1, 100000) i', k => 4)"),
        '100000', "100,000 rows of $columns columns fit into $megabytes MB");
}

# The error comes before the memory is taken: the session has not grown by what it refused.
my $session = CustsegTest::Session->new($node, 'postgres');
$session->query("SET maintenance_work_mem = '4MB'; SET max_parallel_maintenance_workers = 0;");
like(($session->query("SELECT custseg.train('big', 'SELECT i AS a, i % 7 AS b FROM generate_series(1, 3000000) i', k => 2, options => '{\"engine\": \"local\"}');"))[1],
    qr/ERROR:  54000/, 'many rows of a query of unknown size are refused');
is($session->query("SELECT n_rows FROM custseg.train('big', 'SELECT i AS a, i % 7 AS b FROM generate_series(1, 10000) i', k => 2);"), '10000',
    'the session goes on');
cmp_ok($session->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts;'), '<', 8 * 1024 * 1024, 'and holds little memory');
$session->quit;

# Of outliers no more are held than are shown, be they as many as there are rows.
SKIP:
{
    skip 'no /proc', 2 unless -r '/proc/self/status';
    skip 'AddressSanitizer keeps what is freed', 2 if $ENV{ASAN_OPTIONS};

    my $looker = CustsegTest::Session->new($node, 'postgres');
    my $outliers = "SELECT count(*) FROM custseg.outliers('SELECT test.u(i, 1) AS x FROM generate_series(1, %d) i', '{x}', '{\"iqr_factor\": 0, \"z_limit\": 0, \"limit\": 100}');";
    my $peak = sub { (slurp_file('/proc/' . $looker->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m)[0] / 1024 };
    my $before;

    $looker->query('SET maintenance_work_mem = \'24MB\'; SET max_parallel_workers_per_gather = 0;' . sprintf($outliers, 1000));
    $before = $peak->();
    is($looker->query(sprintf($outliers, 1000000)), '100', '100 of 1,000,000 outliers');
    cmp_ok($peak->() - $before, '<', 40, 'take no more than the values and their order');
    note(sprintf('%.1f MB more than of few rows', $peak->() - $before));
    $looker->quit;
}

# What columns were prepared in is given back before k-means takes memory for its starts: together they would be more than there is.
SKIP:
{
    skip 'no /proc', 2 unless -r '/proc/self/status';
    skip 'AddressSanitizer keeps what is freed', 2 if $ENV{ASAN_OPTIONS};

    my $trainer = CustsegTest::Session->new($node, 'postgres');
    my $training = "SELECT n_rows FROM custseg.train('%s', 'SELECT sin(i) AS a, cos(i) AS b, sin(i * 7) AS c, cos(i * 3) AS d FROM generate_series(1, %d) i', k => 5,"
      . " options => '{\"max_iter\": 3, \"engine\": \"local\"}');";
    my $peak = sub { (slurp_file('/proc/' . $trainer->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m)[0] / 1024 };
    my $before;

    $trainer->query('SET client_min_messages = error; SET maintenance_work_mem = \'32MB\'; SET max_parallel_maintenance_workers = 0;' . sprintf($training, 'few rows', 2000));
    $before = $peak->();
    is($trainer->query(sprintf($training, 'many rows', 500000)), '500000', 'a training on 500,000 rows of 4 columns in 32 MB');
    cmp_ok($peak->() - $before, '<', 34, 'takes no more');
    note(sprintf('%.1f MB more than one on few rows', $peak->() - $before));
    $trainer->quit;
}

# Wide: 1,000 features; three vectors of the greatest width are too many.
$node->safe_psql('postgres', 'CREATE TABLE wide AS SELECT ' . join(', ', map { "test.u(i, $_) + (i % 3) * ($_ % 2) AS f$_" } (1 .. 1000)) . ' FROM generate_series(1, 400) i');
is($node->safe_psql('postgres', "SELECT n_segments FROM custseg.train('wide', 'wide', k => 3, options => '{\"n_init\": 2}')"), '3', '1,000 features');
is($node->safe_psql('postgres', "SELECT string_agg(n::text, ' ') FROM (SELECT n FROM custseg.segment WHERE model = 'wide' ORDER BY segment) s"), '134 133 133', 'in three groups');
is($node->safe_psql('postgres', "SELECT count(DISTINCT custseg.predict('wide', w)) FROM wide w"), '3', 'that are predicted');
is($node->safe_psql('postgres', "SELECT count(*) FROM wide w, custseg.explain('wide', w) WHERE f1 = (SELECT min(f1) FROM wide)"), '1000', 'and explained');
is($node->safe_psql('postgres', "SELECT version FROM custseg.train('wide', 'wide', k => 3, prep => '{\"pca\": 5}')"), '2', 'and reduced');
like(psql_error($node, 'postgres', "SELECT custseg.train('wider', 'SELECT a, a AS b, a AS c FROM (SELECT array_fill(i::real, ARRAY[2048]) AS a FROM generate_series(1, 9) i) s')"),
    qr/ERROR:  54000: .* 6144 columns.*HINT: .* 4096 /s, 'more are refused');

# More than 64 levels: the rest are one.
my ($out, $err);
$node->psql('postgres', "SELECT custseg.train('levels', 'levels', '{x,many}', k => 3)", stdout => \$out, stderr => \$err);
like($err, qr/NOTICE:  .*"many".* 64 .*/, 'a notice says that there are more than 64 levels');
is($node->safe_psql('postgres', "SELECT array_length(outputs, 1) <= 65 AND 'many=other' = ANY (outputs) FROM custseg.feature WHERE model = 'levels' AND name = 'many'"), 't',
    'the rest is other');
is($node->safe_psql('postgres', "SELECT count(*) FROM levels l WHERE custseg.predict('levels', l) IS NULL"), '0', 'all rows can be placed');

$node->stop;
done_testing();
