# Tables that Citus distributes: models by value, aggregates where the rows are, resegment, reports. A
# coordinator and two workers run on this machine; without Citus the file says that it is skipped.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use PostgreSQL::Test::Cluster;
use Test::More;

chomp(my $library = qx(pg_config --pkglibdir));
plan skip_all => 'Citus is not installed' if !-e "$library/citus.so";

# A server with Citus.
sub citus_node
{
    my ($name) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);

    $node->init;
    $node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'citus'
citus.node_conninfo = 'sslmode=prefer'
citus.shard_count = 8
max_prepared_transactions = 50
max_worker_processes = 16
autovacuum = off
log_min_messages = debug1
END
    $node->start;
    $node->safe_psql('postgres', 'CREATE EXTENSION citus');
    return $node;
}

my ($coordinator, @workers) = map { citus_node($_) } qw(coordinator worker_1 worker_2);
$coordinator->safe_psql('postgres', sprintf("SELECT citus_set_coordinator_host('%s', %d)", $coordinator->host, $coordinator->port));
$coordinator->safe_psql('postgres', sprintf("SELECT citus_add_node('%s', %d)", $_->host, $_->port)) for @workers;
add_extension($coordinator, 'postgres');

# What a statement gives on the coordinator.
sub value
{
    my ($sql) = @_;
    return $coordinator->safe_psql('postgres', $sql);
}

# The error of a statement there.
sub error
{
    my ($sql) = @_;
    return psql_error($coordinator, 'postgres', $sql);
}

# What shards are asked for where no row is to come over.
my $aggregates = qr/worker_partial_agg\(|count\(\*\)/;

# The same customers twice: in a table of the coordinator, and in shards.  The model's name is hostile.
my $model = q{'it''s "1"/% & <b>'};
customers($coordinator, 'postgres', 'plain', 20000);
value(<<"END");
ALTER TABLE plain ADD segment int;
CREATE TABLE far (LIKE plain INCLUDING ALL);
SELECT create_distributed_table('far', 'id');
INSERT INTO far SELECT * FROM plain;
SELECT custseg.train($model, 'plain', '{recency,frequency,monetary,channel,member}', k => 4);
END
like(value("SELECT count(*) FROM citus_shards WHERE table_name = 'far'::regclass"), qr/^8$/, 'eight shards');

#
# Models by value
#
my $scorer = "(SELECT custseg.scorer($model))";
my $anywhere = "(SELECT custseg.scorer(m.name) FROM custseg.model m WHERE m.name = $model)";
my $sizes = value("SELECT custseg.predict($model, c), count(*) FROM plain c GROUP BY 1 ORDER BY 1");

like(error("SELECT custseg.predict($model, c) FROM far c"),
    qr/ERROR:  42704: model "it's "1"\/% & <b>" does not exist.*HINT:  Models are kept on the coordinator, which sends one along as a value: \Qcustseg.predict($anywhere, c)\E\./s,
    'a worker has no models, and says what to write');
like(error("SELECT custseg.$_($model, c) FROM far c WHERE id = 3"), qr/HINT:  Models are kept on the coordinator/, "$_ of one customer, likewise")
  for qw(predict predict_name predict_detail);
like(error("UPDATE far c SET segment = custseg.predict($model, c)"),
    qr/ERROR:  0A000: STABLE functions used in UPDATE queries cannot be called with column references/, 'and an UPDATE by name is refused by Citus');
for my $by ($scorer, $anywhere)
{
    is(value("SELECT custseg.predict($by, c), count(*) FROM far c GROUP BY 1 ORDER BY 1"), $sizes, 'predict of all customers');
    is(value("SELECT string_agg(custseg.predict_name($by, c), ',' ORDER BY id) FROM far c WHERE id < 100"),
        value("SELECT string_agg(custseg.predict_name($model, c), ',' ORDER BY id) FROM plain c WHERE id < 100"), 'predict_name');
}
is(value("SELECT custseg.predict($anywhere, c) FROM far c WHERE id = 3"), value("SELECT custseg.predict($model, c) FROM plain c WHERE id = 3"), 'predict of one customer');
is(value("SELECT md5(string_agg(d::text, ',' ORDER BY id)) FROM far c, custseg.predict_detail($anywhere, c) d"),
    value("SELECT md5(string_agg(d::text, ',' ORDER BY id)) FROM plain c, custseg.predict_detail($model, c) d"), 'predict_detail');
is(value("SELECT e.* FROM far c, custseg.explain($anywhere, c) e WHERE id = 3"),
    value("SELECT e.* FROM plain c, custseg.explain($model, c) e WHERE id = 3"), 'explain of one customer');
is(value("SELECT e.feature, e.speaks_for, count(*) FROM far c, custseg.explain($anywhere, c) e GROUP BY 1, 2 ORDER BY 1, 2"),
    value("SELECT e.feature, e.speaks_for, count(*) FROM plain c, custseg.explain($model, c) e GROUP BY 1, 2 ORDER BY 1, 2"), 'and of all');
like(value("EXPLAIN (VERBOSE, COSTS OFF) UPDATE far c SET segment = custseg.predict($scorer, c)"),
    qr/Task Count: 8.*Update on public\.far_\d+ .*custseg\.predict/s, 'UPDATE with the scorer is run on the shards');
value("UPDATE far c SET segment = custseg.predict($scorer, c)");
is(value('SELECT segment, count(*) FROM far GROUP BY 1 ORDER BY 1'), $sizes, 'and places all customers');
like(error("CREATE TRIGGER assign BEFORE INSERT ON far FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment($model, 'segment')"),
    qr/ERROR:  \w{5}: triggers are not supported on distributed tables/, 'Citus refuses triggers');

#
# Aggregates: computed where the rows are, and those that collect values the same to the bit
#
for my $aggregate ('ks_test(monetary, member)', 'psi(monetary, member)', 'psi(monetary, member, 7)', 'wasserstein(monetary, member)',
    'jensen_shannon(monetary, member)', 'jensen_shannon(monetary, member, 7)', 'hellinger(monetary, member)', 'hellinger(monetary, member, 7)',
    'cramer_von_mises(monetary, member)', 'kruskal_wallis(monetary, segment)', 'levene(monetary, segment)',
    'chi_square_test(channel, segment::text)', 'chi_square_test(channel, segment)', 'chi_square_test(channel, member)', 'psi(channel, member)', 'jensen_shannon(channel, member)', 'hellinger(channel, member)',
    'adjusted_rand(segment, id % 4)', 'cohens_kappa(segment, id % 4)', 'proportion_test(id % 3 = 0, member)')
{
    like(value("EXPLAIN (VERBOSE, COSTS OFF) SELECT custseg.$aggregate FROM far"), qr/Query: SELECT pg_catalog\.worker_partial_agg\(/, "$aggregate is sent to the workers");
    is(value("SELECT custseg.$aggregate FROM far"),
        value('SELECT custseg.' . $aggregate =~ s/\bsegment\b/custseg.predict($model, c)/r . ' FROM plain c'), 'and gives the same');
}
# of moments, sums are in the order in which the workers answer
my $rounded = q{SELECT round((a).f::numeric, 6), round((a).welch_f::numeric, 6), (a).n FROM (SELECT custseg.anova(monetary, %s) AS a FROM %s c) x};
like(value('EXPLAIN (VERBOSE, COSTS OFF) SELECT custseg.anova(monetary, segment), custseg.tukey_hsd(monetary, segment) FROM far'), qr/worker_partial_agg.*worker_partial_agg/s, 'anova and tukey_hsd are sent');
is(value(sprintf($rounded, 'segment', 'far')), value(sprintf($rounded, "custseg.predict($model, c)", 'plain')), 'and anova gives the same but for rounding');
is(value('SELECT custseg.chi_square_test(segment, member) FROM far'), value("SELECT custseg.chi_square_test(custseg.predict($model, c), member) FROM plain c"), 'chi_square_test of any types gathers the rows');
unlike(value('EXPLAIN (VERBOSE, COSTS OFF) SELECT custseg.chi_square_test(segment, member) FROM far'), qr/worker_partial_agg/, 'and says so in its plan');

#
# resegment: moves, decisions by hand, values, conditions
#
# Two runs of it, here and there; what has moved must be the same.
sub same_moves
{
    my ($arguments, $what) = @_;
    my %run;

    for my $table (qw(plain far))
    {
        my $result = value("CALL custseg.resegment($model, '$table'$arguments)");
        my $moves = value(<<"END");
SELECT condition, value_column, from_segment, to_segment, n, round(total_value::numeric, 6), finished_at IS NOT NULL
FROM custseg.migration WHERE source = 'public.$table' AND run_at = (SELECT max(run_at) FROM custseg.migration WHERE source = 'public.$table')
ORDER BY from_segment NULLS FIRST, to_segment NULLS FIRST
END
        $run{$table} = "$result\n$moves";
    }
    is($run{far}, $run{plain}, "$what: the same moves");
    is(value('SELECT count(*) FROM far f JOIN plain p USING (id) WHERE f.segment IS DISTINCT FROM p.segment'), '0', 'and the same segments');
    return $run{far};
}

value('UPDATE far SET segment = NULL');
like(same_moves('', 'from nothing'), qr/^20000\|20000\n/, 'all have moved');
like(same_moves('', 'again'), qr/^0\|20000\n/, 'nobody moves');
value("UPDATE $_ SET segment = CASE WHEN id % 2000 = 0 THEN -5 ELSE 1 + (segment % 4) END WHERE id % 20 = 0") for qw(plain far);
like(same_moves(", value => 'monetary'", 'some'), qr/^1000\|20000\n/, 'they move back');
value("UPDATE $_ SET segment = 1, monetary = CASE WHEN id % 1000 = 0 THEN 'NaN' WHEN id % 1000 = 1 THEN 'infinity' ELSE monetary END WHERE id <= 4000") for qw(plain far);
same_moves(q{, "where" => 'id <= 2000 -- the first', value => 'monetary'}, 'with a condition, and values that are no numbers');
same_moves(q{, "where" => 'recency IS NULL OR channel IS NULL', value => 'id'}, 'a column of integers');
value(<<"END");
SELECT custseg.override_segment($model, '17', 2, 'knows better');
SELECT custseg.override_segment($model, '18', 3, 'likewise');
SELECT custseg.override_segment($model, '18', 4, 'or not');
SELECT custseg.override_segment($model, '30000', 4, 'is not there');
SELECT custseg.exclude($model, '19', 'asked for it');
SELECT custseg.exclude(NULL, '20', 'asked for it');
END
same_moves('', 'decisions by hand');
is(value('SELECT string_agg(coalesce(segment::text, \'none\'), \',\' ORDER BY id) FROM far WHERE id BETWEEN 17 AND 20'), '2,4,none,none', 'decisions hold');
my ($stdout, $stderr);
$coordinator->psql('postgres', "CALL custseg.resegment($model, 'far')", stderr => \$stderr);
like($stderr, qr/NOTICE:  4 customers have the segment of an override, or no segment because of an exclusion/, 'and are counted');
value("SELECT custseg.end_override($model, '18')");
same_moves('', 'a decision that has ended');
same_moves(q{, "column" => 'the "new" one', create_column => true}, 'a column that is made');
like(error("CALL custseg.resegment($model, 'far', batch => 100)"), qr/ERROR:  0A000: table "far" is distributed by Citus and cannot be resegmented in batches.*HINT:/s, 'no batches');
like(error("CALL custseg.resegment($model, 'far', 'channel')"), qr/ERROR:  0A000: table "far" is distributed by Citus and cannot have paths written to it/, 'a column of texts');
like(error("CALL custseg.resegment($model, 'far', \"where\" => '1 / (id - 7000) > 0')"), qr/ERROR:  22012: division by zero/, 'an error on a worker');
is(value("SELECT count(*) FROM custseg.migration WHERE condition LIKE '1 / %'"), '0', 'of which nothing is kept');

# another key than the column of distribution, of two columns and other types; a smallint; a reference table
value(<<"END");
CREATE TABLE shops (shop text, "nr %" bigint, recency float8, frequency float8, monetary float8, channel text, member bool, segment smallint, PRIMARY KEY (shop, "nr %"));
SELECT create_distributed_table('shops', 'shop');
INSERT INTO shops SELECT 's' || id % 50, id, recency, frequency, CASE WHEN monetary < 'infinity' THEN monetary END, channel, member FROM plain;
CREATE TABLE local_shops AS SELECT * FROM shops;
ALTER TABLE local_shops ADD PRIMARY KEY (shop, "nr %");
SELECT custseg.train('shops', 'local_shops', '{recency,frequency,monetary,channel,member}', k => 4, id => 'shop,nr %');
SELECT custseg.override_segment('shops', '(s7,7)', 3, 'knows better');
SELECT custseg.exclude('shops', '(s8,8)', 'asked for it');
CALL custseg.resegment('shops', 'local_shops');
CALL custseg.resegment('shops', 'shops');
CREATE TABLE everywhere AS SELECT * FROM local_shops;
ALTER TABLE everywhere ADD PRIMARY KEY (shop, "nr %");
UPDATE everywhere SET segment = NULL;
SELECT create_reference_table('everywhere');
CALL custseg.resegment('shops', 'everywhere');
END
is(value("SELECT count(*) FROM $_ JOIN local_shops l USING (shop, \"nr %\") WHERE $_.segment IS DISTINCT FROM l.segment"), '0', "$_: the same segments") for qw(shops everywhere);

# rights: as the caller
value(<<"END");
CREATE ROLE analyst LOGIN;
GRANT SELECT ON far TO analyst;
SELECT custseg.grant_model($model, 'analyst');
END
like(error("SET ROLE analyst; CALL custseg.resegment($model, 'far')"), qr/ERROR:  42501: permission denied for table far/, 'who may not write does not');
value("GRANT UPDATE (segment) ON far TO analyst; UPDATE far SET segment = NULL WHERE id BETWEEN 5 AND 14");
is(value("SET ROLE analyst; CALL custseg.resegment($model, 'far')"), '10|20000', 'who may, does');

#
# Reports read the rows
#
is(value("SELECT d FROM custseg.drift($model, 'far') d ORDER BY 1"), value("SELECT d FROM custseg.drift($model, 'plain') d ORDER BY 1"), 'drift');
is(value("SELECT segment, n FROM custseg.segment_sizes($model, 'far') ORDER BY 1"), value("SELECT segment, n FROM custseg.segment_sizes($model, 'plain') ORDER BY 1"), 'segment_sizes');

#
# A training where the rows are: the same model, bit for bit, as that of a local table
#
my $training = q{SELECT custseg.train('%s', '%s', '{recency,frequency,monetary,channel,member}', k => 4, id => 'id', options => '{"engine": "%s", "seed": 7}')};
value("UPDATE $_ SET monetary = 100 WHERE monetary IN ('NaN', 'infinity')") for qw(plain far);
value(sprintf($training, 'here', 'plain', 'distributed'));
$coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($training, 'there', 'far', 'auto'), stderr => \$stderr);
like($stderr, qr/NOTICE:  training with the distributed engine/, 'a distributed table is trained where it is');
my $learned = <<'END';
SELECT md5((custseg.scorer(m)::jsonb - 'model')::text),
    (SELECT md5(string_agg((to_jsonb(s) - '{model,version}'::text[])::text, ',' ORDER BY segment)) FROM custseg.segment s WHERE s.model = m),
    (SELECT md5(string_agg((to_jsonb(f) - '{model,version}'::text[])::text, ',' ORDER BY position)) FROM custseg.feature f WHERE f.model = m),
    (SELECT metrics - '{fit_milliseconds,read_milliseconds,prepare_milliseconds}'::text[] FROM custseg.model_version v WHERE v.model = m)
FROM (VALUES ('%s')) x (m)
END
is(value(sprintf($learned, 'there')), value(sprintf($learned, 'here')), 'and gives the model of a local one, to the bit');
my @issued = $stderr =~ /issuing (SELECT .*)/g;
asked_for_no_rows('a training', 33, $aggregates, @issued);
is(join("\n", grep { /worker_partial_agg\(/ && !/custseg_private\.once\(/ } @issued), '', 'and all of which have their plan in one row');

# components, too, and the number of segments
for my $run (['reduced here', 'plain'], ['reduced there', 'far'])
{
    value("SELECT custseg.train('$run->[0]', '$run->[1]', '{recency,frequency,monetary,channel,member}', k => 4, id => 'id', prep => '{\"pca\": 3}', options => '{\"engine\": \"distributed\", \"seed\": 7}')");
}
is(value(sprintf($learned, 'reduced there')), value(sprintf($learned, 'reduced here')), 'with components, the same to the bit');
my $choosing = q{SELECT count(*), string_agg(c::text, E'\n' ORDER BY k) FROM custseg.choose_k('%s', '{recency,frequency,monetary,channel}', 2, 5, id => 'id', options => '{"engine": "%s", "silhouette_sample": 2000, "gap_references": 2, "gap_sample": 500}') c};
my $chosen;
$coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($choosing, 'far', 'auto'), stdout => \$chosen, stderr => \$stderr);
like($chosen, qr/^4\|.*preferred by/s, 'choose_k chooses');
is($chosen, value(sprintf($choosing, 'plain', 'distributed')), 'as of a local table, to the bit');
asked_for_no_rows('choose_k', 33, $aggregates, $stderr =~ /issuing (SELECT .*)/g);

value("CALL custseg.resegment('there', 'far')");
is(value("SELECT md5(string_agg(concat(id, ':', segment), ',' ORDER BY id)) FROM far"),
    value("SELECT md5(string_agg(concat(id, ':', custseg.predict('here', p)), ',' ORDER BY id)) FROM plain p"), 'customers are placed by it');

# reports by passes: those of a local table, once nobody has decided of a customer of all models
value(<<'END');
SELECT custseg.end_override(NULL, '20');
CREATE FUNCTION rounded(t anyelement) RETURNS text LANGUAGE sql AS
    $$SELECT string_agg(key || ' ' || CASE WHEN jsonb_typeof(value) = 'number' THEN round((value)::numeric, 8)::text ELSE value::text END, ', ' ORDER BY key) FROM jsonb_each(to_jsonb(t) - 'age')$$;
END
my $named = "'{recency,frequency,monetary,channel,member}'";

my %passes = ("correlations('%s', '{recency,frequency,monetary}')" => 3);

for my $call (keys %passes, "describe('%s', $named)", "data_quality('there', '%s')", "segment_profile('there', '%s', $named)", "boxplot('there', '%s')", "segment_summary('there', '%s', 'monetary', $named)")
{
    my $report = 'SELECT rounded(r) FROM custseg.' . $call . ' r ORDER BY 1';
    my $rows;

    $coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($report, 'far'), stdout => \$rows, stderr => \$stderr);
    is($rows =~ s/"far\\"/"plain\\"/r, value(sprintf($report, 'plain')), "$call: as of a local table");
    asked_for_no_rows($call, 8 * ($passes{$call} // 4), $aggregates, $stderr =~ /issuing (SELECT .*)/g);
}

# judgements likewise; rows that are compared by ranks count as equal between two of 1,001 quantiles, and a mixture has densities
value(<<'END');
CREATE TABLE gathered AS SELECT * FROM far;
TRUNCATE plain;
INSERT INTO plain SELECT * FROM gathered ORDER BY id;
SELECT custseg.train('mixture', 'plain', '{recency,monetary,frequency}', 3, id => 'id', algorithm => 'gmm');
SELECT custseg.train('there', 'far', '{recency,frequency,monetary,channel,member}', k => 4, id => 'id', options => '{"seed": 8}', prep => '{"scale": "robust"}', deploy => false);
SELECT custseg.train('skips', 'plain', '{recency,frequency,channel,member}', 3, id => 'id', prep => '{"impute": "skip"}');
END
my %judgements = (
    "histogram('%s', 'monetary')" => 5,
    "histogram('%s', 'recency', 20)" => 5,
    "evaluate('there', '%s')" => 4,
    "evaluate('mixture', '%s')" => 4,
    "evaluate('skips', '%s')" => 4,
    "mcar_test('%s', '{recency,frequency,monetary}')" => 4,
    "missing_patterns('%s')" => 1,
    "frequencies('%s', 'channel')" => 1,
    "segment_tests('there', '%s', NULL, '{\"test\": \"welch\"}')" => 4,
    "segment_tests('skips', '%s', NULL, '{\"test\": \"anova\"}')" => 4,
    "fairness('there', '%s', 'channel')" => 4,
    "select_features('%s', '{recency,frequency,monetary,channel,member}')" => 4,
    "compare_versions_segments('there', 1, 2, '%s')" => 2
);

for my $call (sort keys %judgements)
{
    my $report = 'SELECT rounded(r) FROM custseg.' . $call . ' r ORDER BY 1';
    my $rows;

    $coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($report, 'far'), stdout => \$rows, stderr => \$stderr);
    like($rows, qr/\w/, "$call tells something");
    is($rows, value(sprintf($report, 'plain')), "$call: as of a local table");
    asked_for_no_rows($call, 8 * $judgements{$call}, qr/$aggregates|GROUP BY/, $stderr =~ /issuing (SELECT .*)/g);
}

# silhouettes of versions that are compared are those of 5,000 rows by their hashes, the same ones each time
my $compared = "SELECT string_agg(concat(metric, ' ', round(value::numeric, 9)), ',' ORDER BY metric) FROM (SELECT (jsonb_each_text(to_jsonb(c))).* FROM custseg.compare_versions('there', 1, 2, '%s') c) x (metric, value) WHERE metric !~ 'silhouette|reason|recommendation'";
like(value(sprintf($compared, 'far')), qr/n_moved \d+/, 'compare_versions compares');
is(value(sprintf($compared, 'far')), value(sprintf($compared, 'plain')), 'as of a local table');

# values that are shuffled are those of other rows, as these come in another order
my $importance = "SELECT feature, importance > 0.01, round(eta_squared::numeric, 9), round(cramers_v::numeric, 9), n FROM custseg.feature_importance('there', '%s', '{\"sample\": 20000}') ORDER BY feature";
is(value(sprintf($importance, 'far')), value(sprintf($importance, 'plain')), 'feature_importance: as of a local table but for what is shuffled');

# ranks between two of 1,001 quantiles count as equal
like(value(<<'END'), qr/^[1-9]\d*\|0$/, 'segment_tests of ranks: as of a local table but for what lies between quantiles');
SELECT count(*) FILTER (WHERE a.test = 'kruskal_wallis'),
    count(*) FILTER (WHERE b.test IS DISTINCT FROM a.test OR b.n <> a.n OR b.rating <> a.rating OR abs(a.statistic - b.statistic) > 5e-4 * (5 + abs(a.statistic)) OR abs(a.p_value - b.p_value) > 1e-3)
FROM custseg.segment_tests('there', 'plain', NULL, '{"test": "kruskal_wallis"}') a FULL JOIN custseg.segment_tests('there', 'far', NULL, '{"test": "kruskal_wallis"}') b USING (column_name)
END

# samples by hashes: the rows are the same ones in shards and on leaves, and all of them where these are few
is(value("SELECT round(statistic::numeric, 6), verdict FROM custseg.drift_multivariate('there', 'SELECT * FROM far WHERE id <= 1500', 'SELECT * FROM far WHERE id > 18500')"),
    value("SELECT round(statistic::numeric, 6), verdict FROM custseg.drift_multivariate('there', 'SELECT * FROM plain WHERE id <= 1500', 'SELECT * FROM plain WHERE id > 18500')"), 'drift_multivariate of all rows');

# single customers: all of them, who is nearest to a border, rows that are drawn where not all fit, and halves
value("SELECT custseg.name_segment('there', s, 'number ' || s, rank => s) FROM generate_series(1, 4) s");
for my $single ("score('there', '%s') r", "at_risk('there', '%s', '{\"limit\": 50}') r", "at_risk('there', '%s', '{\"margin\": 0.02}') r")
{
    my $told = "SELECT string_agg(rounded(r), chr(10) ORDER BY r.id) FROM custseg.$single";

    is(value("SET maintenance_work_mem = '1MB'; " . sprintf($told, 'far')), value(sprintf($told, 'plain')), "$single: as of a local table");
}
$coordinator->psql('postgres', "SET maintenance_work_mem = '1MB'; SET citus.log_remote_commands = on; SELECT count(*) FROM custseg.at_risk('there', 'far', '{\"limit\": 50}')", stderr => \$stderr);
asked_for_no_rows('at_risk', 8 * 3, qr/$aggregates|WHERE \(+hashint4extended\(id, '0'/, $stderr =~ /issuing (SELECT .*)/g);
my $outlying = "SELECT string_agg(concat_ws(' ', id, beyond_fences, beyond_deviations, round(largest_z::numeric, 8), round(mahalanobis::numeric, 8)), chr(10) ORDER BY id::int) FROM custseg.outliers('%s', '{recency,frequency,monetary}', '{\"id\": \"id\", \"limit\": 100000, \"z_limit\": 1.6}')";
like(value("SET maintenance_work_mem = '1MB'; " . sprintf($outlying, 'far')), qr/^\d+ .*\n.*\n/, 'outliers of more rows than fit');
is(value("SET maintenance_work_mem = '1MB'; " . sprintf($outlying, 'far')), value(sprintf($outlying, 'plain')), 'as of a local table');
my $widths = "SELECT string_agg(concat_ws(' ', id, segment, round(silhouette::numeric, 9), neighbor), chr(10) ORDER BY id) FROM custseg.silhouette('there', '%s')";
my $drawn;

$coordinator->psql('postgres', "SET maintenance_work_mem = '2MB';" . sprintf($widths, 'far'), stdout => \$drawn, stderr => \$stderr);
like($stderr, qr/NOTICE:  silhouettes are computed from a sample of [1-9]\d{3} of some 20000 rows/, 'silhouette of a sample');
value("CREATE TABLE drawn AS SELECT * FROM plain WHERE id IN (SELECT split_part(line, ' ', 1)::int FROM regexp_split_to_table(\$_\$$drawn\$_\$, E'\\n') line)");
is($drawn, value(sprintf($widths, 'drawn')), 'as of a local table with its rows');
is(value(<<'END'), '0', 'split_stability: as of a local table, but for what chance puts into which half');
WITH a AS (SELECT *, coalesce(level, '-') AS of FROM custseg.split_stability('there', 'plain') WHERE column_name IS NOT NULL), b AS (SELECT *, coalesce(level, '-') AS of FROM custseg.split_stability('there', 'far') WHERE column_name IS NOT NULL)
SELECT count(*) FILTER (WHERE a.n_a IS NULL OR b.n_a IS NULL OR abs(a.expected_gap - b.expected_gap) > 1e-2 * a.expected_gap OR abs(a.n_a - b.n_a) > 600) FROM a FULL JOIN b USING (segment, column_name, of)
END

# values that do not fit into memory
value(<<'END');
CREATE TABLE plenty AS SELECT i AS id, exp(3 * test.u(i, 1)) * (1 + (i % 1000 = 0)::int * 100 * test.u(i, 2)) AS spent, (5 * test.u(i, 3) ^ 3)::int AS orders FROM generate_series(1, 60000) i;
CREATE TABLE plenty_far (LIKE plenty);
SELECT create_distributed_table('plenty_far', 'id');
INSERT INTO plenty_far SELECT * FROM plenty;
END
for my $column (qw(spent orders))
{
    my $rows;
    my $measured = "SELECT n, n_null, round(total::numeric, 4), round(gini::numeric, 5), round(top_10_share::numeric, 9), round(top_1_share::numeric, 9), (SELECT string_agg(round(x::numeric, 9)::text, ' ' ORDER BY o) FROM unnest(lorenz) WITH ORDINALITY l (x, o)) FROM custseg.concentration('%s', '$column')";

    $coordinator->psql('postgres', "SET maintenance_work_mem = '1MB'; SET citus.log_remote_commands = on;" . sprintf($measured, 'plenty_far'), stdout => \$rows, stderr => \$stderr);
    is($rows, value(sprintf($measured, 'plenty')), "concentration of $column past memory: as of a local table");
    asked_for_no_rows("concentration of $column", 8 * 4, $aggregates, $stderr =~ /issuing (SELECT .*)/g);
}

# components of all rows, too
my $scree = "SELECT component, round(eigenvalue::numeric, 8), round(variance_share::numeric, 8), (SELECT string_agg(concat(key, ' ', round(value::numeric, 8)), ', ' ORDER BY key) FROM jsonb_each_text(loadings)) FROM custseg.pca('%s', '{recency,frequency,monetary,channel}')";
my ($far_scree, $near_scree);
$coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($scree, 'far'), stdout => \$far_scree, stderr => \$stderr);
$near_scree = value(sprintf($scree, 'plain'));
like($near_scree, qr/^PC1\|.*\nPC2\|.*\nPC3\|/s, 'pca finds components');
is($far_scree, $near_scree, 'those of a local table');
asked_for_no_rows('pca', 31, $aggregates, $stderr =~ /issuing (SELECT .*)/g);

like(error(sprintf($training, 'refused', 'far', 'distributed') =~ s/'\{"engine"/'{"covariance_type": "full", "engine"/r), qr/ERROR:  22023:/, 'an option that it does not know is an error');

#
# Lines of orders: customers, and an experiment's outcomes, from what each shard sums up
#
value(<<'END');
CREATE TABLE lines AS
SELECT i AS line, (1 + 700 * test.u(i / 3, 1))::int AS customer, timestamptz '2025-01-01 00:00+00' + interval '1 minute' * (500000 * test.u(i / 3, 2))::int AS at,
    CASE WHEN i % 19 = 0 THEN -1 ELSE 1 END * round((100 * test.u(i, 3))::numeric, 2) AS amount, i / 3 AS "order",
    (ARRAY['view', 'cart', 'buy', 'return'])[1 + (4 * test.u(i, 4))::int % 4] AS step, 'product ' || (30 * test.u(i, 5) ^ 2)::int AS product, i % 7 < 3 AS returned
FROM generate_series(1, 9000) i;
CREATE TABLE whole (LIKE lines);
SELECT create_distributed_table('whole', 'customer');
INSERT INTO whole SELECT * FROM lines;
CREATE TABLE scattered (LIKE lines);
SELECT create_distributed_table('scattered', 'line');
INSERT INTO scattered SELECT * FROM lines;
END
value(qq{SELECT custseg.create_experiment('spring', 'here', '["control", "offer"]', '[{"metric": "revenue", "kind": "mean", "role": "primary", "column": "amount", "effect": 1, "window": "60 days", "covariate": "amount"}]', '{"method": "fixed"}');
SELECT custseg.enroll('spring', 'SELECT * FROM plain WHERE id <= 700');
UPDATE custseg.enrolment SET enrolled_at = '2025-04-01 08:00+00'});
my %answers = (
    'purchase_summary' => q{SELECT md5(string_agg(s::text, ' ' ORDER BY s)), count(*) FROM custseg.purchase_summary('%s', 'customer', 'at', 'amount', options => '{"time_zone": "Europe/Berlin"}') s},
    'rfm' => q{SELECT md5(string_agg(s::text, ' ' ORDER BY s)), count(*) FROM custseg.rfm('%s', 'customer', 'at', 'amount', options => '{"order": "order"}') s},
    'customer_features' => q{SELECT md5(string_agg((to_jsonb(f) - '{product_entropy,category_entropy}'::text[])::text, ' ' ORDER BY customer_id)), count(*), round(sum(product_entropy)::numeric, 9) FROM custseg.customer_features('%s', 'customer', 'at', 'amount', product => 'product', category => 'step', quantity => 'order', options => '{"order": "order", "time_zone": "Europe/Berlin"}') f},
    'customer_features of lines' => q{SELECT md5(string_agg(f::text, ' ' ORDER BY customer_id)), count(*) FROM custseg.customer_features('%s', 'customer', 'at', 'amount', as_of => '2025-06-01') f},
    'cohorts' => q{SELECT md5(string_agg(c::text, ' ')), count(*) FROM custseg.cohorts('%s', 'customer', 'at', 'amount', options => '{"time_zone": "Europe/Berlin"}') c},
    'retention' => q{SELECT md5(string_agg(r::text, ' ')), count(*) FROM custseg.retention('%s', 'customer', 'returned', 'step') r},
    'experiment_results' => q{SELECT segment, n_control, n_treatment, round(difference::numeric, 9), round(theta::numeric, 9) FROM custseg.experiment_results('spring', '%s', 'customer', '{"time": "at"}') ORDER BY 1}
);
for my $name (sort keys %answers)
{
    for my $table (qw(whole scattered))
    {
        my $out;

        $coordinator->psql('postgres', 'SET citus.log_remote_commands = on;' . sprintf($answers{$name}, $table), stdout => \$out, stderr => \$stderr);
        is($out, value(sprintf($answers{$name}, 'lines')), "$name: $table, as of a table here");
        asked_for_no_rows("$name: $table", 8, qr/custseg_private\.buying\(|$aggregates|min\(|GROUP BY/, $stderr =~ /issuing ((?:SELECT|COPY|WITH) .*)/g);
    }
}

# Lines that are read one by one come in the order that they are asked for.
my %ordered = (
    'paths' => q{SELECT count(*), array_agg(p::text) FROM custseg.paths('%s', 'customer', 'at', 'step') p},
    'basket_rules' => q{SELECT count(*), array_agg(r::text) FROM custseg.basket_rules('%s', 'order', 'product', '{"min_support": 0.001}') r}
);
for my $name (sort keys %ordered)
{
    my $here = value(sprintf($ordered{$name}, 'lines'));

    like($here, qr/^[1-9]\d*\|\{/, "$name finds some");
    is(value(sprintf($ordered{$name}, $_)), $here, "$name: $_, as of a table here") for qw(whole scattered);
}

#
# A worker that is gone
#
$workers[0]->stop('immediate');
like(error("CALL custseg.resegment($model, 'far')"), qr/ERROR:  .*(?:connection|server)/s, 'a worker that is gone is an error');
like(error(sprintf($training, 'lost', 'far', 'auto')), qr/ERROR:  .*(?:connection|server)/s, 'of a training, too');
is(value("SELECT count(*) FROM custseg.models WHERE name = 'lost'"), '0', 'of which nothing is kept');
$workers[0]->start;
value("CALL custseg.resegment($model, 'far')");
is(value("CALL custseg.resegment($model, 'far')"), '0|20000', 'and when it is back all is well');

$_->stop for @workers, $coordinator;
done_testing();
