# Passes over rows on other servers: the same model to the last bit however the rows are laid out, and nothing
# but states comes over.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use PostgreSQL::Test::Utils;
use Test::More;

my $servers = OtherServers->new([qw(west east)], here => "session_preload_libraries = 'auto_explain'\nmax_parallel_workers_per_gather = 0\n",
    there => "log_statement = all\nlog_min_messages = warning\n");
my ($here, %there) = $servers->nodes;
my $columns = 'id int, recency float8, frequency float8, monetary float8, channel text, member bool';
my $states = qr/SELECT custseg_private\.pass\(|count\(\*\)/;

customers($here, 'postgres', 'customers', 12000);

# A table of customers whose hash partitions are in turn on the two servers.
sub spread
{
    my ($table, $leaves, $source) = @_;

    $servers->spread($table, $columns, $leaves, 'id', "$source ORDER BY hashint4extended(id, 3)");
}

spread('eight', 8, 'customers');
spread('sixteen', 16, 'customers');
$here->safe_psql('postgres', <<"END");
CREATE TABLE reversed AS SELECT * FROM customers ORDER BY id DESC;
CREATE TABLE shuffled AS SELECT * FROM customers ORDER BY hashint4extended(id, 1);
-- leaves here and there
CREATE TABLE mixed ($columns) PARTITION BY RANGE (id);
CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (0) TO (5001);
END
$there{east}->safe_psql('postgres', "CREATE TABLE mixed_there ($columns)");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE mixed_there PARTITION OF mixed FOR VALUES FROM (5001) TO (12001) SERVER east;"
      . ' INSERT INTO mixed SELECT * FROM customers');

# All numbers of a model but its name and times.
sub bits
{
    my ($model) = @_;

    return $here->safe_psql('postgres', <<"END");
SELECT md5(concat((SELECT jsonb_agg(to_jsonb(s) - 'model' ORDER BY segment) FROM custseg.segment s WHERE s.model = '$model'),
    (SELECT jsonb_agg(to_jsonb(f) - 'model' ORDER BY position) FROM custseg.feature f WHERE f.model = '$model'),
    (SELECT jsonb_agg(metrics - '{read_milliseconds,prepare_milliseconds,fit_milliseconds}'::text[]) FROM custseg.model_version v WHERE v.model = '$model')))
END
}

my $features = "'{recency,frequency,monetary,channel,member}', k => 4, id => 'id'";
my $parallel = 'SET max_parallel_workers_per_gather = 4; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
my $local_log = -s $here->logfile;

$servers->listen_from_now;
$here->safe_psql('postgres', "SELECT custseg.train('customers', 'customers', $features, options => '{\"engine\": \"distributed\"}')");
$here->safe_psql('postgres', "$parallel SELECT custseg.train('parallel', 'customers', $features, options => '{\"engine\": \"distributed\"}')");
for my $table (qw(reversed shuffled))
{
    $here->safe_psql('postgres', "SELECT custseg.train('$table', '$table', $features, options => '{\"engine\": \"distributed\"}')");
}
for my $table (qw(eight sixteen mixed))
{
    my ($out, $err);

    $here->psql('postgres', "SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_verbose = on;"
          . " SELECT n_rows FROM custseg.train('$table', '$table', $features)", stdout => \$out, stderr => \$err);
    is($out, '12000', "$table: trains");
    like($err, qr/training with the distributed engine.*has rows on other servers/s, "$table: says which engine, and why");
}
for my $model (qw(parallel reversed shuffled eight sixteen mixed))
{
    is(bits($model), bits('customers'), "$model: the model to the last bit");
}

# Likewise in the space of principal components.
for my $table (qw(customers shuffled eight sixteen))
{
    $here->safe_psql('postgres', "SELECT custseg.train('reduced $table', '$table', $features, prep => '{\"pca\": 3}', options => '{\"engine\": \"distributed\"}')");
    is(bits("reduced $table"), bits('reduced customers'), "components of $table: the model to the last bit");
}
is($here->safe_psql('postgres', "SELECT count(DISTINCT reduction), min(jsonb_array_length(reduction -> 'components')) FROM custseg.model_version WHERE model ~ '^reduced'"), '1|3',
    'the same components');

# The plans, and what the other servers were asked.
my @plans = split /(?=Query Text: )/, slurp_file($here->logfile, $local_log);
my @passes = grep { /^Query Text: SELECT custseg_private\.pass_merge/ } @plans;

cmp_ok(scalar @passes, '>', 10, 'plans of passes were logged');
is(scalar(grep { !/Async Foreign Scan/ } grep { /eight_1|sixteen_1/ } @passes), 0, 'servers work at the same time');
is(scalar(grep { !/Relations: Aggregate on/ } @passes), 0, 'they are asked for aggregates');
$servers->heard_no_rows('trainings', 11, $states);

# A retraining keeps numbers and names, also where the version before was trained here.
$here->safe_psql('postgres', "SELECT custseg.name_segment('eight', 3, 'the third'); SELECT custseg.retrain('eight', deploy => true)");
is($here->safe_psql('postgres', "SELECT string_agg(name, ', ' ORDER BY segment) FROM custseg.segment WHERE model = 'eight' AND version = 2"),
    'segment 1, segment 2, the third, segment 4', 'a retraining keeps names');
is($here->safe_psql('postgres', "SELECT count(*) FILTER (WHERE custseg.predict('eight', c) <> custseg.predict('customers', c)) FROM customers c"), '0',
    'it predicts as the model of the plain table');

# Reports: those of a table here, from what the other servers add up.
my %reports = (
    'segment_sizes' => 'segment, name, n, share, training_share, change, low, high, p_adjusted, round(mean_distance::numeric, 9), herfindahl, entropy, psi, psi_critical, n_unplaced, verdict, reason',
    'drift' => 'feature, kind, n_baseline, n_current, null_share_baseline, null_share_current, psi, psi_critical, ks, wasserstein, jensen_shannon, chi_square, cramers_v, l_infinity, p_value, p_adjusted, new_levels, vanished_levels, statistics, verdict, reason'
);

$here->safe_psql('postgres', <<'END');
CREATE TABLE moved AS SELECT id, recency * 1.2 + 1 AS recency,
    CASE id % 50 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE frequency END AS frequency, round(monetary) AS monetary,
    CASE WHEN id % 9 = 0 THEN 'app' ELSE channel END AS channel, member OR id % 3 = 0 AS member FROM customers WHERE id % 8 > 1 OR id < 3000;
CREATE TABLE expected AS SELECT * FROM custseg.correlations('moved');
END
spread('moved_there', 16, 'moved');
$here->safe_psql('postgres', "SELECT custseg.train('skips', 'customers', $features, prep => '{\"impute\": \"skip\", \"transform\": \"log1p\"}', options => '{\"engine\": \"local\"}')");
$servers->listen_from_now;
for my $model (qw(customers skips))
{
    for my $report (sort keys %reports)
    {
        my $call = "SELECT $reports{$report} FROM custseg.$report('$model',";
        my $expected = $here->safe_psql('postgres', "$call 'moved')");

        is($here->safe_psql('postgres', "$call 'moved_there')"), $expected, "$report of $model: as of a table here");
        like($expected, qr/drifted/, "$report of $model: something has drifted");
    }
    is($here->safe_psql('postgres', "SELECT count(*) FROM custseg.drift('$model', 'moved_there') a JOIN custseg.drift('$model', 'moved') b USING (feature)"
          . ' WHERE a.ks IS DISTINCT FROM b.ks AND abs(a.ks - b.ks) > 0.001'), '0', "drift of $model: the KS distance within 0.001");
}
is($here->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', feature, psi, round(wasserstein::numeric, 12), verdict), ', ' ORDER BY feature) FROM custseg.drift('customers', 'customers', reference => 'moved_there')"),
    $here->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', feature, psi, round(wasserstein::numeric, 12), verdict), ', ' ORDER BY feature) FROM custseg.drift('customers', 'customers', reference => 'moved')"),
    'drift: a reference over there, whose standard deviation has other last bits');

# How many segments: the same bits on all layouts, and the fits are those of trainings.
my $measures = "SELECT string_agg(concat_ws(' ', k, inertia, silhouette, calinski_harabasz, davies_bouldin, gap, gap_se, smallest_share, largest_share, votes, reason), ', ' ORDER BY k)"
  . ' FROM custseg.choose_k(%s, \'{recency,frequency,monetary,channel}\', 2, 5, id => \'id\', options => \'{"engine": "%s", "silhouette_sample": 2000, "gap_references": 2, "gap_sample": 500}\')';
my $chosen = $here->safe_psql('postgres', sprintf($measures, "'customers'", 'distributed'));

like($chosen, qr/^2 .* 5 .*preferred by/s, 'choose_k() chooses');
for my $table (qw(shuffled eight sixteen))
{
    is($here->safe_psql('postgres', sprintf($measures, "'$table'", $table eq 'shuffled' ? 'distributed' : 'auto')), $chosen, "choose_k() on $table: the same bits");
}
$here->safe_psql('postgres', "SELECT custseg.train('three', 'eight', '{recency,frequency,monetary,channel}', 3, id => 'id')");
is($here->safe_psql('postgres', "SELECT c.inertia = (v.metrics ->> 'inertia')::float8, c.smallest_share = (SELECT min(share) FROM custseg.segment WHERE model = 'three') FROM custseg.model_version v, custseg.choose_k('sixteen', '{recency,frequency,monetary,channel}', 3, 3, id => 'id', options => '{\"gap_references\": 0}') c WHERE v.model = 'three'"),
    't|t', 'its fits are those of trainings');

# Correlations: of all rows to the last bits, and by ranks of a sample where memory has no room for all.
my $correlations = 'SELECT md5(string_agg(c::text, chr(10) ORDER BY column_a, column_b)), bool_or(spearman > 0.05), count(*) FROM custseg.correlations';
my $apart = 'SELECT count(*), count(a.pearson), bool_and(a.n = b.n AND (a.pearson IS NULL) = (b.pearson IS NULL)), max(abs(a.pearson - b.pearson)) < 1e-12, max(abs(a.spearman - b.spearman))';

spread('moved_eight', 8, 'moved');
for my $memory (qw(64MB 1MB))
{
    my $set = "SET maintenance_work_mem = '$memory'";

    is($here->safe_psql('postgres', "$set; $correlations('moved_eight') c"), $here->safe_psql('postgres', "$set; $correlations('moved_there') c"),
        "correlations with $memory: the same bits on 8 and 16 leaves");
    is($here->safe_psql('postgres', "$set; SELECT count(*) FROM custseg.correlations('moved_there', '{recency,frequency}') WHERE n < (SELECT count(*) FROM moved)"), '1',
        "correlations with $memory: only rows that have both");
}
is($here->safe_psql('postgres', "SELECT n, p, same, pearson, r < 1e-12 FROM ($apart FROM custseg.correlations('moved_there') a JOIN custseg.correlations('moved') b USING (column_a, column_b)) s(n, p, same, pearson, r)"),
    '10|10|t|t|t', 'correlations: those of a table here');
is($here->safe_psql('postgres', "SET maintenance_work_mem = '1MB'; SELECT n, p, same, pearson, r BETWEEN 1e-6 AND 0.1 FROM ($apart FROM custseg.correlations('moved_there') a JOIN expected b USING (column_a, column_b)) s(n, p, same, pearson, r)"),
    '10|10|t|t|t', 'correlations: by ranks of a sample');

# data_quality(): ids are compared where rows with the same one are together, and a time is the newest of all.
$here->safe_psql('postgres', "CREATE TABLE worn AS SELECT id, recency, NULLIF(frequency, 'NaN') AS frequency, 7::float8 AS monetary,"
      . " CASE WHEN id % 9 = 0 THEN 'app' WHEN id % 100 = 1 THEN 'fax' || id % 3 ELSE channel END AS channel, member, CASE WHEN id % 7 = 0 THEN 'infinity' ELSE date '2020-01-01' + id / 10 END AS seen FROM moved;"
      . ' INSERT INTO worn (id, recency, seen) SELECT id, -1, NULL FROM moved WHERE id % 1000 = 3; INSERT INTO worn DEFAULT VALUES');
$servers->spread('worn_there', "$columns, seen date", 16, 'id', 'worn ORDER BY hashint4extended(id, 4)');
$servers->spread('worn_apart', "$columns, seen date", 16, 'recency', 'worn ORDER BY hashint4extended(id, 4)');
my $quality_of = "SELECT replace((to_jsonb(d) - 'age')::text, '%s', 'worn') FROM custseg.data_quality('%s', '%s', '{\"time_column\": \"seen\"}') d";
for my $model (qw(customers skips))
{
    my $expected = $here->safe_psql('postgres', sprintf($quality_of, 'worn', $model, 'worn'));

    is($here->safe_psql('postgres', sprintf($quality_of, 'worn_there', $model, 'worn_there')), $expected, "data_quality of $model: as of a table here");
    like($expected, qr/rows repeat the id of another.*1 row has no id/s, 'ids that repeat, and one that is missing');
    like($expected, qr/have a level that the model does not know|clipped|outside the range|smallest|have no value/, 'something is wrong');
    like($expected, qr/all rows with a value have the same one/, 'a constant');
}
is($here->safe_psql('postgres', "SELECT n_duplicates, verdict, reason FROM custseg.data_quality('customers', 'worn_apart') WHERE subject = 'id'"),
    '|broken|1 row has no id; ids of rows on different servers are not compared', 'ids that are not together are not compared');

# monitor() with all its reports: the silhouette is of the rows of the lowest hashes, here all of them.
my %silhouette = map { $_ => $here->safe_psql('postgres', "SELECT round(s.silhouette::numeric, 9), s.n, round(s.deviation::numeric, 9) FROM custseg_private.make_reports('customers', '$_', '{}', 1) r, unnest(r.silhouette) s") }
  qw(moved moved_there worn worn_there);

is($silhouette{moved_there}, $silhouette{moved}, 'monitor: the silhouette of a table here');
is($silhouette{worn_there}, $silhouette{worn}, 'monitor: that of rows with other levels and without values');
like($silhouette{moved_there}, qr/^0\.\d{9}\|\d{4,5}\|0/, 'which is of many rows');
like($here->safe_psql('postgres', "SELECT status, n, verdict FROM custseg.monitor('customers', 'moved_there')"), qr/^\w+\|\d{4,5}\|drifted$/, 'a run of monitor');

# Portraits: what segments have of features and of other columns, codes among them.
$here->safe_psql('postgres', <<'END');
CREATE FUNCTION rounded(t anyelement) RETURNS text LANGUAGE sql AS
    $$SELECT string_agg(key || ' ' || CASE WHEN jsonb_typeof(value) = 'number' THEN round((value)::numeric, 8)::text ELSE value::text END, ', ' ORDER BY key) FROM jsonb_each(to_jsonb(t))$$;
END
my %portrayed = map { $_ => "SELECT *, (ARRAY[2, 7, 40])[1 + id % 3] AS code, id % 40 AS visits, monetary > 100 AS rich FROM $_" } qw(moved worn);
for my $table (sort keys %portrayed)
{
    $here->safe_psql('postgres', "CREATE TABLE ${table}_wide AS $portrayed{$table}");
    $servers->spread("${table}_wide_there", $servers->columns_of("${table}_wide"), 16, 'id', "${table}_wide ORDER BY hashint4extended(id, 5)");
}
for my $call ("segment_profile('customers', '%s')", "segment_profile('skips', '%s', '{recency,channel,code,visits}', '{\"levels\": 2}')",
    "boxplot('customers', '%s')", "radar('customers', '%s')", "heatmap('customers', '%s')", "segment_summary('customers', '%s', 'visits')")
{
    for my $table (sort keys %portrayed)
    {
        my ($far, $near) = map { $here->safe_psql('postgres', 'SELECT rounded(p) FROM custseg.' . sprintf($call, "${table}_wide$_") . ' p') } ('_there', '');

        is($far, $near, sprintf("$call: as of a table here", $table));
        cmp_ok(length($near), '>', 500, 'which tells something');
    }
}

my $described = 'column_name, type, kind, n, n_null, null_share, n_infinite, n_distinct, '
  . join(', ', map { "round($_\::numeric, 9)" } qw(mean standard_deviation skewness kurtosis jarque_bera_p_value))
  . ', jarque_bera::float4, minimum, first_quartile, median, third_quartile, maximum, n_iqr_outliers, n_z_outliers, top_levels, suggestion';
for my $arguments ('', ", '{frequency,channel}', '{\"iqr_factor\": 0.2, \"z_limit\": 1}'")
{
    is($here->safe_psql('postgres', "SELECT $described FROM custseg.describe('moved_there'$arguments)"),
        $here->safe_psql('postgres', "SELECT $described FROM custseg.describe('moved'$arguments)"), "describe$arguments: as of a table here");
}

my $of_reports = qr/$states|SELECT max\(/;

$servers->heard_no_rows('reports', 21, $of_reports);

# Leaves that had no rows, or one each, when they were analyzed: the planner would as soon fetch what they have by now.
$here->safe_psql('postgres', 'CREATE TABLE few_here AS SELECT * FROM moved WHERE id <= 5');
spread('few', 8, 'few_here');
$here->safe_psql('postgres', 'ANALYZE few');
$servers->listen_from_now;
for my $rows ('five rows', 'more rows')
{
    for my $report ("$described FROM custseg.describe('%s')", "to_jsonb(q) - '{name,reason}'::text[] FROM custseg.data_quality('customers', '%s') q",
        "rounded(p) FROM custseg.segment_profile('customers', '%s') p", "column_a, column_b, n, round(pearson::numeric, 9) FROM custseg.correlations('%s')")
    {
        is($here->safe_psql('postgres', 'SELECT ' . sprintf($report, 'few')), $here->safe_psql('postgres', 'SELECT ' . sprintf($report, 'few_here')),
            "leaves of few rows, $rows: $report");
    }
    $here->safe_psql('postgres', "INSERT INTO $_ SELECT * FROM moved WHERE id BETWEEN 6 AND 900") for (qw(few few_here));
}
$servers->heard_no_rows('reports of leaves of few rows', 21, $of_reports);
is($here->safe_psql('postgres', "SELECT n_duplicates, reason FROM custseg.data_quality('customers', 'SELECT * FROM worn_apart') WHERE subject = 'id'"),
    $here->safe_psql('postgres', "SELECT n_duplicates, reason FROM custseg.data_quality('customers', 'worn') WHERE subject = 'id'"), 'those of a query are, for its rows are fetched');

# What needs single rows fetches them as long as there is memory for so many; what passes tell needs none for rows.
# each customer of it is there 30 times, but for one.
my $alone = $here->safe_psql('postgres', 'SELECT min(i) FROM generate_series(1000000, 1000100) i WHERE hashint4extended(i, 0) & 3 = 0');
$there{west}->safe_psql('postgres', "CREATE VIEW plenty AS SELECT c.* FROM eight_0 c CROSS JOIN generate_series(1, 30) UNION ALL (SELECT $alone, recency, frequency, monetary, channel, member FROM eight_0 ORDER BY id LIMIT 1)");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE plenty ($columns) SERVER west; ANALYZE plenty");
my $similar = "SELECT count(*) > 0 FROM custseg.similar_customers('customers', 'plenty', $alone)";
my $little = "SET maintenance_work_mem = '1MB';";

like(psql_error($here, 'postgres', "$little $similar"),
    qr/ERROR:  0A000: some \d{5} rows of relation "plenty" would be fetched from other servers.*DETAIL:  They are about 3 MB, and maintenance_work_mem is 1 MB\..*HINT:  Give a sample as the source: SELECT \* FROM public\.plenty WHERE pg_catalog\.hashint4extended\(id, 0\) & 3 = 0\.  Or SET maintenance_work_mem = '3MB' to fetch them all the same\./s,
    'more rows than there is memory for are not fetched');
is($here->safe_psql('postgres', "$little " . ($similar =~ s/'plenty'/'SELECT * FROM public.plenty WHERE pg_catalog.hashint4extended(id, 0) & 3 = 0'/r)), 't',
    'the sample that the hint names is');
$there{west}->safe_psql('postgres', "CREATE VIEW dated AS SELECT DATE '2026-01-01' + id % 5 AS day, channel, member, id, recency FROM plenty");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE dated (day date, channel text, member boolean, id int, recency float8) SERVER west; ANALYZE dated");
like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.outliers('dated')"),
    qr/HINT:  Give a sample as the source: SELECT \* FROM public\.dated WHERE pg_catalog\.hashint4extended\(id, 0\) & \d = 0\./,
    'the sample is one by the column with most values: a date has no hash of its own, and of a few channels all may be in it, or none');
like(psql_error($here, 'postgres', "$little SELECT custseg.train('broken', 'plenty', '{recency,frequency}', algorithm => 'tree', options => '{\"target\": \"channel\"}')"),
    qr/ERROR:  0A000: some \d{5} rows of relation "plenty" would be fetched from other servers.*HINT:  SET maintenance_work_mem = '\d+MB' to fetch them all the same; or train on a sample of the rows: SELECT \* FROM public\.plenty WHERE pg_catalog\.hashint4extended\(id, 0\) & \d+ = 0\./s,
    'a training that needs them names a sample, too');
# Tables that nobody has analyzed are counted, unless few rows are read.
$here->safe_psql('postgres', "CREATE FOREIGN TABLE unknown ($columns) SERVER west OPTIONS (table_name 'plenty');"
      . " CREATE TABLE parted ($columns) PARTITION BY LIST (channel); CREATE FOREIGN TABLE parted_rest PARTITION OF parted DEFAULT SERVER west OPTIONS (table_name 'plenty')");
for my $table (qw(unknown parted))
{
    like(psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg.outliers('$table', '{recency,frequency,monetary}')"),
        qr/ERROR:  0A000: some \d{5} rows of relation "$table" would be fetched from other servers/, "a table that nobody has analyzed: $table");
}
is($here->safe_psql('postgres', "$little SELECT count(*) FROM custseg.outliers('SELECT * FROM unknown LIMIT 100', '{recency,frequency,monetary}')"), '0', 'few rows of it are read');
for my $call ("outliers('plenty', '{recency,frequency,monetary}')",
    "outliers('SELECT p.recency, p.frequency, e.monetary FROM plenty p JOIN eight_0 e USING (id)')",
    "purchase_summary('SELECT id, DATE ''2026-01-01'' + recency::int AS day, monetary FROM plenty', 'id', 'day', 'monetary')",
    "frequent_itemsets('SELECT * FROM plenty UNION ALL SELECT * FROM plenty', 'id', 'channel')")
{
    like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.$call"),
        qr/ERROR:  0A000: some \d{5} rows of (relation "plenty"|the query) would be fetched from other servers.*HINT:  Give a sample as the source: .* Or SET maintenance_work_mem = '\dMB'/s,
        "nor are they by custseg.$call");
}
# Of rows that belong together, as lines of a customer do, a sample has all or none, though another column has more values.
my %sample = ("frequent_itemsets('plenty', 'channel', 'id')" => qr/relation "plenty" .*sample as the source: SELECT \* FROM public\.plenty WHERE pg_catalog\.hashtextextended\(channel, 0\) & \d+ = 0\.  Or/s,
    "purchase_summary('SELECT id, channel, DATE ''2026-01-01'' + recency::int AS day, monetary FROM plenty', 'channel', 'day', 'monetary')" =>
      qr/the query .*sample as the source: with the condition pg_catalog\.hashtextextended\(channel, 0\) & \d+ = 0\.  Or/s,
    "purchase_summary('SELECT id::money AS price, DATE ''2026-01-01'' + recency::int AS day, monetary FROM plenty', 'price', 'day', 'monetary')" =>
      qr/the query .*sample as the source: with a condition that holds for all rows of a value of column "price", or for none\.  Or/s);
while (my ($call, $hint) = each %sample)
{
    like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.$call"), qr/some \d{5} rows of $hint/, "a sample of whole customers: $call");
}
# Of what the planner does not know, it is seen when it comes: rows that were none when the table was analyzed, that are read anew for each
# row of another table, and that a function reads.
$there{west}->safe_psql('postgres', 'CREATE VIEW late AS SELECT * FROM plenty WHERE false');
$here->safe_psql('postgres', <<"SQL");
CREATE FOREIGN TABLE late ($columns) SERVER west;
ANALYZE late;
CREATE FUNCTION hidden() RETURNS SETOF plenty LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM plenty; END';
SQL
$there{west}->safe_psql('postgres', 'CREATE OR REPLACE VIEW late AS SELECT * FROM plenty');
for my $source ('late', 'SELECT * FROM late', 'SELECT * FROM hidden()', 'SELECT l.* FROM generate_series(1, 40) i, LATERAL (SELECT * FROM eight_0 e WHERE e.id > i OFFSET 0) l',
    'SELECT * FROM plenty WHERE random() >= 0 OFFSET 40000 LIMIT 10', 'SELECT * FROM plenty WHERE random() < 0.0001')
{
    like(psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg.path_sizes('customers', '$source')"),
        qr/ERROR:  0A000: (more than|some) \d{5} rows of (relation "late"|the query) would be fetched from other servers/, "nor are rows of which the planner does not know: $source");
}
like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.journey('SELECT id, timestamptz ''2026-01-01'' + recency * interval ''1 day'' AS at, channel FROM plenty', 'id', 'at', 'channel')"),
    qr/ERROR:  0A000: more than \d{5} rows of the query would be fetched from other servers.*HINT:  ANALYZE public\.plenty tells how many rows there are; then give a sample as the source\.  Or raise maintenance_work_mem/s,
    'where other servers count, and then send');
like(psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg.path_sizes('customers', 'late')"),
    qr/DETAIL:  More than 1 MB are, which is maintenance_work_mem, and fewer rows were expected, the last ones of foreign table "late"\..*HINT:  ANALYZE public\.late tells how many rows there are; then give a sample as the source\.  Or raise maintenance_work_mem to fetch them all the same\./s,
    'and what to do is said');
is($here->safe_psql('postgres', "$little SELECT count(*) FROM custseg.outliers('SELECT * FROM customers WHERE EXISTS (SELECT FROM plenty)', '{recency,frequency}')"),
    $here->safe_psql('postgres', "SELECT count(*) FROM custseg.outliers('customers', '{recency,frequency}')"), 'whether there is a row is told by one');
is($here->safe_psql('postgres', "$little SET enable_material = off; SELECT sum(n) FROM custseg.path_sizes('customers', 'SELECT e.* FROM generate_series(1, 9000) i LEFT JOIN (SELECT * FROM eight_0 LIMIT 5) e ON true')"), '45000',
    'rows that are kept are fetched once');
# A cursor that a function opens while its rows are read outlives the reading: what is fetched from it later is counted for nobody.
$here->safe_psql('postgres', <<'SQL');
CREATE FUNCTION opens_cursor() RETURNS SETOF plenty LANGUAGE plpgsql AS $$
DECLARE
    later refcursor := 'later';
BEGIN
    OPEN later FOR SELECT * FROM plenty;
    RETURN QUERY SELECT * FROM customers LIMIT 200;
END
$$;
SQL
is($here->safe_psql('postgres', <<"SQL"), "t\nt\nt", 'rows of a cursor that outlives the reading it was opened in');
BEGIN;
$little
SELECT count(*) > 0 FROM custseg.describe('SELECT * FROM opens_cursor()');
DO 'DECLARE later refcursor := ''later''; BEGIN MOVE FORWARD 100 FROM later; END';
SELECT count(*) > 0 FROM custseg.describe('SELECT * FROM customers LIMIT 10');
DO 'DECLARE later refcursor := ''later''; BEGIN MOVE FORWARD ALL FROM later; END';
SELECT count(*) > 0 FROM custseg.describe('SELECT * FROM customers LIMIT 10');
COMMIT;
SQL
is($here->safe_psql('postgres', "$little SELECT count(*) FROM custseg.outliers('SELECT * FROM plenty WHERE id < 0')"), '0', 'what the other server leaves out is not fetched');
is($here->safe_psql('postgres', "$little SELECT n_rows > 40000 FROM custseg.train('streamed', 'plenty', '{recency,frequency}', k => 3, algorithm => 'minibatch', options => '{\"engine\": \"local\"}')"), 't',
    'a training that is told to fetch them does');
is($here->safe_psql('postgres', "SET maintenance_work_mem = '3MB'; $similar"), 't', 'they are with as much memory as the hint says');
is($here->safe_psql('postgres', "$little SELECT count(*) FROM custseg.drift('customers', 'plenty')"), '5', 'drift() needs no memory for them');
is($here->safe_psql('postgres', "$little SELECT n_duplicates = 29 * count(*) / 30 FROM custseg.data_quality('customers', 'plenty'), plenty WHERE subject = 'id' GROUP BY n_duplicates"), 't',
    'nor does data_quality(), whose ids are compared over there');
is($here->safe_psql('postgres', "$little SELECT n = (SELECT count(*) FROM plenty) FROM custseg.segment_sizes('customers', 'plenty') WHERE segment IS NULL"), 't',
    'nor does segment_sizes()');

# Each level comes over with its count, up to a limit.
for my $levels (100000, 100001)
{
    $there{west}->safe_psql('postgres', "CREATE VIEW motley_$levels AS SELECT i AS id, i::float8 AS recency, 1::float8 AS frequency, 2::float8 AS monetary,"
          . " 'level ' || i AS channel, true AS member FROM generate_series(1, $levels) i");
    $here->safe_psql('postgres', "CREATE FOREIGN TABLE motley_$levels ($columns) SERVER west");
}
is($here->safe_psql('postgres', "SELECT n_current, l_infinity > 0.3, new_levels[1] FROM custseg.drift('customers', 'motley_100000') WHERE feature = 'channel'"),
    '100000|t|level 1', 'as many levels as there may be');
like(psql_error($here, 'postgres', "SELECT * FROM custseg.drift('customers', 'motley_100001')"),
    qr/ERROR:  0A000: column "channel" has more than 100000 levels, which are not counted on other servers.*HINT:  Leave it out, or group its values in a view on these servers\./s,
    'one more');

# Their texts are held to maintenance_work_mem, whatever the number of pieces that have them.
$there{west}->safe_psql('postgres', "CREATE VIEW wordy AS SELECT i AS id, i::float8 AS recency, 1::float8 AS frequency, 2::float8 AS monetary,"
      . " i || repeat('x', 3000) AS channel, true AS member FROM generate_series(1, 3000) i");
$here->safe_psql('postgres', "CREATE TABLE wordy ($columns)");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE wordy_$_ () INHERITS (wordy) SERVER west OPTIONS (table_name 'wordy')") for (1 .. 4);
like(psql_error($here, 'postgres', "SET maintenance_work_mem = '8MB'; SELECT * FROM custseg.drift('customers', 'wordy')"),
    qr/ERROR:  54000: counting the values of a category needs more than 8 MB, maintenance_work_mem is 8 MB.*HINT:  Raise maintenance_work_mem; or group its values in a view on the other servers\./s,
    'levels that are too long');
is($here->safe_psql('postgres', "SET maintenance_work_mem = '16MB'; SELECT n_current FROM custseg.drift('customers', 'wordy') WHERE feature = 'channel'"), '12000',
    'levels of four pieces are kept once');

# describe() counts levels as long as there is room, and of very many values those of a part by their hash.
like($here->safe_psql('postgres', "SELECT n, n_distinct, top_levels, suggestion FROM custseg.describe('motley_100001', '{channel}')"),
    qr/^100001\|\|\[\]\|training leaves the column out unless it is named: too many levels$/, 'describe: more levels than are counted');
$there{west}->safe_psql('postgres', 'CREATE VIEW numerous AS SELECT i AS id, (i % 150000)::float8 / 7 AS recency, i % 3 AS frequency, i + 0.5 AS monetary FROM generate_series(1, 300000) i');
$here->safe_psql('postgres', 'CREATE FOREIGN TABLE numerous (id bigint, recency float8, frequency int, monetary float8) SERVER west');
is($here->safe_psql('postgres', "$little SELECT column_name, n_distinct BETWEEN 135000 AND 165000, n_distinct = 300000, n_distinct = 3, suggestion FROM custseg.describe('numerous')"),
    "id|f|t|f|training leaves the column out unless it is named: numbers the rows\nrecency|t|f|f|fine as it is\nfrequency|f|f|t|fine as it is\nmonetary|f|t|f|fine as it is",
    'describe: different values of a number');
like($here->safe_psql('postgres', "SELECT n_distinct FROM custseg.describe('numerous') WHERE column_name = 'recency'"), qr/^1(49|50|51)\d{3}$/,
    'more memory tells them closer');

# Rows that are others in each pass are an error, however little memory there is for what passes tell, and no passes without end.
$there{west}->safe_psql('postgres', "CREATE VIEW restless AS SELECT i AS id, random() * 1e6 AS recency, random() AS frequency, random() AS monetary, 'web' AS channel, true AS member FROM generate_series(1, 20000) i");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE restless ($columns) SERVER west");
for my $i (1 .. 4)
{
    like(psql_error($here, 'postgres', "$little SET statement_timeout = '60s'; SELECT * FROM custseg.drift('customers', 'restless')"),
        qr/ERROR:  55000: the source had other rows when it was read again/, "rows of chance, $i");
}

# Where a server would send its rows instead, that is an error before it does.
$here->safe_psql('postgres', "ALTER SERVER west OPTIONS (DROP extensions)");
like(psql_error($here, 'postgres', "SELECT custseg.train('broken', 'eight', $features)"),
    qr/ERROR:  0A000: rows of foreign table "eight_\d" would be fetched from server "west".*ALTER SERVER west OPTIONS \(ADD extensions 'custseg'\)/s,
    'a server that does not know custseg');
$here->safe_psql('postgres', "ALTER SERVER west OPTIONS (ADD extensions 'custseg')");
$here->safe_psql('postgres', "ALTER TABLE eight ENABLE ROW LEVEL SECURITY; CREATE ROLE reader LOGIN; GRANT SELECT ON eight TO reader;");
like(psql_error($here, 'postgres', "SET ROLE reader; SELECT custseg.train('broken', 'eight', $features)"),
    qr/ERROR:  0A000: relation "eight" has row-level security and leaves on other servers/, 'policies of a parent');
$here->safe_psql('postgres', "CREATE POLICY few ON eight TO reader USING (id <= 70); SELECT custseg.grant_model('customers', 'reader');");
$servers->let_in('reader');
for my $call ("describe('eight', '{recency}')", "data_quality('customers', 'eight')", "drift('customers', 'eight')", "correlations('eight', '{recency,frequency}')",
    "segment_profile('customers', 'eight', '{recency}')")
{
    my $rows = "SELECT string_agg(r::text, ' ') FROM custseg.$call r";
    # rows come in another order, with other last digits
    my ($seen, $expected) = map { s/(\.\d{9})\d+/$1/gr =~ s/relation ""eight""|the query/the source/gr }
      $here->safe_psql('postgres', "SET ROLE reader; $rows"), $here->safe_psql('postgres', $rows =~ s/'eight'/'SELECT * FROM eight WHERE id <= 70'/r);

    is($seen, $expected, "custseg.$call heeds a policy of the parent, through which rows are read");
}
$here->safe_psql('postgres', "ALTER TABLE eight DISABLE ROW LEVEL SECURITY");
like(psql_error($here, 'postgres', "SET ROLE reader; SELECT custseg.train('broken', 'eight', $features)"),
    qr/ERROR:  42501: permission denied for foreign table eight_/, 'leaves are read with the rights to them');
is($here->safe_psql('postgres', "SET ROLE reader; SELECT n_null + n_infinite FROM custseg.describe('eight', '{recency}')"),
    $here->safe_psql('postgres', "SELECT n_null + n_infinite FROM custseg.describe('eight', '{recency}')"), 'describe() has rows read through the table for want of rights to them');

# Rows of a sample that are too wide for so many leaves, one of which is the parent, are refused before they are sent.
my @many = map { "f$_" } (1 .. 700);

$here->safe_psql('postgres', 'CREATE TABLE wide (' . join(', ', map { "$_ float8" } @many) . ')');
for my $i (0 .. 15)
{
    my $name = $i % 2 ? 'east' : 'west';

    $there{$name}->safe_psql('postgres', "CREATE VIEW wide_$i AS SELECT " . join(', ', map { "recency + $_ * frequency AS f$_" } (1 .. 700)) . " FROM sixteen_$i");
    $here->safe_psql('postgres', "CREATE FOREIGN TABLE wide_$i () INHERITS (wide) SERVER $name OPTIONS (table_name 'wide_$i')");
}
like(psql_error($here, 'postgres', "SET maintenance_work_mem = '2GB'; SELECT custseg.train('broken', 'wide', '{" . join(',', @many) . "}', k => 3, options => '{\"engine\": \"distributed\"}')"),
    qr/ERROR:  54000: a pass would send 1093 MB: 17 states of 65 MB.*DETAIL:  The limit is 1024 MB.*HINT: .*fewer leaves or shards/s, 'states that are too large');

# A server that is lost in the middle of a pass.
for my $name (sort keys %there)
{
    $there{$name}->safe_psql('postgres', 'CREATE VIEW slow AS SELECT * FROM eight_' . ($name eq 'east' ? 1 : 0)
          . ' c WHERE (SELECT true FROM pg_sleep(0.001 + 0 * c.id))');
}
$here->safe_psql('postgres', "CREATE TABLE slow ($columns); CREATE FOREIGN TABLE slow_west () INHERITS (slow) SERVER west OPTIONS (table_name 'slow');"
      . " CREATE FOREIGN TABLE slow_east () INHERITS (slow) SERVER east OPTIONS (table_name 'slow')");
my $session = CustsegTest::Session->new($here, 'postgres');

$session->send("SELECT custseg.train('lost', 'slow', '{recency,frequency,monetary}', k => 3, options => '{\"engine\": \"distributed\", \"tol\": 0}');");
$here->safe_psql('postgres', "SELECT test.await_phase('lost', 'iterating')");
$there{east}->stop('immediate');
like(($session->wait)[1], qr/ERROR:  /, 'a server that is lost is an error');
is($here->safe_psql('postgres', "SELECT count(*) FROM custseg.model WHERE name = 'lost'"), '0', 'nothing is stored');
$session->quit;
ok($there{west}->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE query ~ 'custseg_private.pass' AND pid <> pg_backend_pid()"),
    'no process is left over there');
$there{east}->start;
is($here->safe_psql('postgres', "SELECT n_rows FROM custseg.train('back', 'mixed', $features)"), '12000', 'the server is back');

done_testing();
