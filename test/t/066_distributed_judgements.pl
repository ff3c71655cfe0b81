# Versions judged by rows on other servers: as by a table here, and no rows come over but those of samples.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use PostgreSQL::Test::Utils;
use Test::More;

my $servers = OtherServers->two;
my ($here, %there) = $servers->nodes;

# Customers some of whom lack a feature, or are far off, and columns that the models do not know.
my $little = "SET maintenance_work_mem = '1MB';";

customers($here, 'postgres', 'customers', 6000);
$here->safe_psql('postgres', <<'END');
CREATE TABLE later AS SELECT id, recency * 1.1 + 1 AS recency,
    CASE id % 50 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE frequency END AS frequency, monetary,
    CASE WHEN id % 9 = 0 THEN 'app' ELSE channel END AS channel, member, (id % 6)::smallint AS code,
    exp(4 * test.u(id, 7) ^ 2)::numeric(12, 2) AS spent, round((3 * test.u(id, 10) ^ 4 + monetary / 1000)::numeric) AS few, 7 AS same,
    NULL::float8 AS nothing, (1e9 + test.u(id, 8) + recency / 100)::float8 AS far_off, CASE WHEN id = 5 THEN 1e300 ELSE test.u(id, 9) END AS outlier,
    CASE WHEN id % 7 > 0 THEN (ARRAY['women', E'"men"\t<script>', 'Ελλάδα 🙂', '%s'])[1 + (id % 5 * id) % 4] END AS sex, current_date + id % 30 AS since
FROM customers c WHERE id % 8 > 1 OR id < 1500;
END
$servers->spread_like('eight', 8, 'later', 'hashint4extended(id, 3)');
$servers->spread_like('sixteen', 16, 'later', 'id DESC');

# evaluate(): measures of all rows but for their last bits, silhouettes of a sample, which has all rows where these are few.
$here->safe_psql('postgres', <<'END');
SELECT custseg.train('segments', 'customers', '{recency,frequency,monetary,channel}', 4, id => 'id');
SELECT custseg.train('skips', 'customers', '{recency,frequency,channel,member}', 3, id => 'id', prep => '{"impute": "skip"}');
SELECT custseg.train('mixture', 'customers', '{recency,monetary,frequency}', 3, id => 'id', algorithm => 'gmm');
SELECT custseg.train('noisy', 'SELECT * FROM customers WHERE id % 10 = 0', '{recency,frequency}', id => 'id', algorithm => 'dbscan', options => '{"eps": 0.12, "min_samples": 8}');
SELECT custseg.train('components', 'customers', '{recency,frequency,monetary,channel}', 3, id => 'id', prep => '{"pca": 2, "columns": {"frequency": {"impute": "knn"}}}');
SELECT custseg.train('strict', 'SELECT * FROM customers WHERE recency IS NOT NULL', '{recency,frequency}', 3, id => 'id', prep => '{"columns": {"recency": {"impute": "error"}}}');
SELECT custseg.train('borders', 'customers', '{recency,monetary}', algorithm => 'rules', id => 'id',
    options => '{"segments": [{"name": "recent", "when": {"recency": {"to": 20}}}, {"name": "rich", "when": {"monetary": {"from": {"percentile": 80}}}}, {"name": "rest"}], "else": "rest"}');
CREATE TABLE nobody AS SELECT * FROM later WHERE false;
END
$servers->spread_like('nobody_there', 2, 'nobody', 'id');
$servers->listen_from_now;
my %metrics;
for my $model (qw(segments skips mixture noisy components))
{
    my $evaluated = "SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('$model', '%s')";

    is($servers->result("SELECT string_agg(concat_ws(' ', metric, a.result, b.result), ',') FROM custseg.evaluate('$model', 'later') a FULL JOIN custseg.evaluate('$model', 'sixteen') b USING (metric)"
          . ' WHERE a.metric IS NULL OR b.metric IS NULL OR (a.result IS NULL) <> (b.result IS NULL) OR abs(a.result - b.result) > 1e-10 * (abs(a.result) + abs(b.result))'), '', "evaluate of $model: of sixteen as of later");
    is($servers->result("SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('$model', 'sixteen') WHERE metric NOT LIKE 'silhouette'"),
        $servers->result("SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('$model', 'eight') WHERE metric NOT LIKE 'silhouette'"), 'the same bits on 8 and 16 leaves');
    $metrics{$model} = $servers->result(sprintf($evaluated, 'sixteen'));
    unlike($metrics{$model}, qr/NaN/, 'measures');
}
like($metrics{mixture}, qr/^log_likelihood -?\d/m, 'likelihoods');
like($metrics{noisy}, qr/^noise_share 0\.\d/m, 'noise');
like($metrics{skips}, qr/^unplaced_rows [1-9]/m, 'rows that are not placed');
like($metrics{segments}, qr/^silhouette_rows [1-9]\d+/m, 'silhouettes');
$servers->heard_states('evaluate');
is($servers->result("SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('borders', 'nobody_there')"),
    $servers->result("SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('borders', 'nobody')"), 'evaluate of nobody');
for my $table (qw(later sixteen))
{
    like(psql_error($here, 'postgres', "SELECT * FROM custseg.evaluate('strict', '$table')"), qr/ERROR:  22004: .*recency/, "evaluate of $table, where a value is missing that must be there");
}
$servers->listen_from_now;
is($servers->result("$little SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('segments', 'sixteen') WHERE metric !~ 'silhouette'"),
    $servers->result("SELECT string_agg(concat_ws(' ', metric, result), chr(10)) FROM custseg.evaluate('segments', 'eight') WHERE metric !~ 'silhouette'"), 'evaluate in little memory');

# segment_tests(): sums and counts of all rows; ranks between 1,001 quantiles.
for my $model (qw(segments skips noisy))
{
    for my $test (qw(auto anova welch kruskal_wallis))
    {
        my $of = "custseg.segment_tests('$model', '%s', NULL, '{\"test\": \"$test\"}')";
        my $differ = join ' OR ', map({ "a.$_ IS DISTINCT FROM b.$_" } qw(n n_null test effect_size rating reason is_feature kind)),
          map({ "(a.$_ IS NULL) <> (b.$_ IS NULL) OR abs(a.$_ - b.$_) > CASE WHEN a.test = 'kruskal_wallis' AND column_name NOT IN ('few', 'code') THEN 5e-4 * (5 + abs(a.$_)) ELSE 1e-9 * (abs(a.$_) + abs(b.$_)) END" } qw(statistic df_between df_within effect)),
          map({ "(a.$_ IS NULL) <> (b.$_ IS NULL) OR abs(a.$_ - b.$_) > CASE WHEN a.test = 'kruskal_wallis' AND column_name NOT IN ('few', 'code') OR '$_' = 'p_adjusted' THEN 1e-3 ELSE 1e-9 * (a.$_ + b.$_) END" } qw(p_value p_adjusted));

        is($servers->result('SELECT string_agg(concat_ws(E\'\n\', column_name, a, b), E\'\n\') FROM ' . sprintf($of, 'later') . ' a FULL JOIN ' . sprintf($of, 'sixteen') . " b USING (column_name) WHERE column_name IS NULL OR $differ"), '',
            "segment_tests of $model, $test: of sixteen as of later");
        is($servers->result('SELECT string_agg(t::text, E\'\n\') FROM ' . sprintf($of, 'sixteen') . ' t'), $servers->result('SELECT string_agg(t::text, E\'\n\') FROM ' . sprintf($of, 'eight') . ' t'), 'the same bits on 8 and 16 leaves');
    }
}
like($servers->result("SELECT string_agg(DISTINCT test, ',' ORDER BY test) FROM custseg.segment_tests('segments', 'sixteen')"), qr/^chi_square,kruskal_wallis,welch$/, 'all tests are made');
$servers->heard_states('segment_tests');

# feature_importance(): associations of all rows, and a sample whose values are shuffled, of all rows where these are few.
my $importance = "SELECT string_agg(i::text, chr(10)) FROM (SELECT feature, kind, importance > 0 AS listens, round(eta_squared::numeric, 9) AS eta, round(cramers_v::numeric, 9) AS v, n FROM custseg.feature_importance('%s', '%s', '{\"sample\": 20000}') ORDER BY feature) i";

for my $model (qw(segments skips noisy))
{
    is($servers->result(sprintf($importance, $model, $_)), $servers->result(sprintf($importance, $model, 'later')), "feature_importance of $model: of $_ as of later") for (qw(eight sixteen));
}
is($servers->result("SELECT string_agg(i::text, chr(10)) FROM custseg.feature_importance('segments', 'sixteen', '{\"sample\": 500}') i"),
    $servers->result("SELECT string_agg(i::text, chr(10)) FROM custseg.feature_importance('segments', 'eight', '{\"sample\": 500}') i"), 'of a sample the same bits on 8 and 16 leaves');
$servers->heard_states('feature_importance');

# Where each row is an answer, more of them than there is memory for are refused, with a query to write that works.
$there{west}->safe_psql('postgres', 'CREATE VIEW plenty AS SELECT e.id + 100000 * g AS id, e.recency, e.frequency, e.monetary, e.channel, e.member, e.spent FROM eight_0 e CROSS JOIN generate_series(1, 80) g');
$here->safe_psql('postgres', 'CREATE FOREIGN TABLE plenty (id int, recency float8, frequency float8, monetary float8, channel text, member bool, spent numeric) SERVER west; ANALYZE plenty');
$here->safe_psql('postgres', "SELECT custseg.name_segment('segments', s, 'number ' || s, rank => s) FROM generate_series(1, 4) s");
for my $call ("outliers('%s', '{recency,spent,monetary}')")
{
    my $error = psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg." . sprintf($call, 'plenty'));
    my ($query) = $error =~ /ERROR:  0A000: some \d+ rows of relation "plenty" would be fetched from other servers.*HINT:  Give a sample as the source: (SELECT .*?)\.  Or SET maintenance_work_mem/s;

    ok(defined $query, "$call of too many rows is refused") or diag($error);
    # what it keeps of a row takes more than the row
    $query =~ s/& \d+ = 0/& 31 = 0/ if $call =~ /^outliers/;
    like($servers->result("$little SELECT count(*) FROM custseg." . sprintf($call, ($query // 'plenty') =~ s/'/''/gr)), qr/^\d+$/, 'and the query of the hint gives an answer');
}

# silhouette(): of the rows of the lowest hashes, as many as there is memory for; the same widths as of a table here with these rows.
$here->safe_psql('postgres', 'CREATE TABLE ample AS SELECT e.id + 100000 * g AS "Customer %s", e.recency, e.frequency, e.monetary, e.channel, e.member FROM later e CROSS JOIN generate_series(1, 10) g');
$servers->spread('ample_there', $servers->columns_of('ample'), 6, '"Customer %s"', 'ample ORDER BY "Customer %s" DESC');
$servers->spread('ample_apart', $servers->columns_of('ample'), 4, '"Customer %s"', 'ample ORDER BY recency');
$here->safe_psql('postgres', 'ANALYZE ample_there; ANALYZE ample_apart;');
my $some = "SET maintenance_work_mem = '2MB';";

for my $model (qw(segments skips noisy))
{
    my $widths = "SELECT string_agg(concat_ws(' ', id, segment, round(silhouette::numeric, 9), neighbor), chr(10) ORDER BY id) FROM custseg.silhouette('named', '%s')";
    my ($out, $err);

    # by an id with a name that is none for people
    $here->safe_psql('postgres', "DO 'BEGIN PERFORM custseg.drop_model(name, whole => true) FROM custseg.models WHERE name = ''named''; END'");
    $here->safe_psql('postgres', "SELECT custseg.train('named', 'SELECT * FROM ample WHERE \"Customer %s\" % 10 = 1', " . ($model eq 'segments' ? "'{recency,frequency,monetary,channel}', 4, id => 'Customer %s')"
          : $model eq 'skips' ? "'{recency,frequency,channel,member}', 3, id => 'Customer %s', prep => '{\"impute\": \"skip\"}')"
          : "'{recency,frequency}', id => 'Customer %s', algorithm => 'dbscan', options => '{\"eps\": 0.12, \"min_samples\": 8}')"));
    $servers->listen_from_now;
    $here->psql('postgres', "$some " . sprintf($widths, 'ample_there'), stdout => \$out, stderr => \$err);
    like($err, qr/NOTICE:  silhouettes are computed from a sample of [1-9]\d{3} of some \d{5} rows\s.*DETAIL:  All of them would not fit into maintenance_work_mem, .*HINT:  Raise maintenance_work_mem to use more rows/s, "silhouette of $model: a sample");
    $servers->heard_no_rows("silhouette of $model", 1, qr/WHERE .*hashint4extended\("Customer %s", 42/);
    $here->safe_psql('postgres', "CREATE TABLE drawn AS SELECT * FROM ample WHERE \"Customer %s\" IN (SELECT split_part(line, ' ', 1)::int FROM regexp_split_to_table(\$_\$$out\$_\$, E'\\n') line)");
    is($servers->result(sprintf($widths, 'drawn')), $out, 'the widths are those of a table here with the rows of the sample') if $model ne 'noisy';
    is($servers->result("$some " . sprintf($widths, 'ample_apart')), $out, 'the same rows on 4 and 6 leaves');
    $here->safe_psql('postgres', 'DROP TABLE drawn');
}
like($servers->result("$some SELECT count(*), max(id::int) - min(id::int) > 800000 FROM custseg.silhouette('named', 'ample_there', 100)"), qr/^\d+\|t$/, 'no more than are asked for');
my $all = "SELECT md5(string_agg(concat_ws(' ', id, segment, round(silhouette::numeric, 9), neighbor), chr(10) ORDER BY id)) FROM custseg.silhouette('segments', '%s')";
is($servers->result(sprintf($all, 'sixteen')), $servers->result(sprintf($all, 'later')), 'where there is room for all rows, all are read');
is($servers->result("SELECT count(*) FROM custseg.silhouette('segments', 'nobody_there')"), '0', 'silhouette of nobody');
like(psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg.silhouette('named', 'SELECT * FROM ample_there')"), qr/ERROR:  0A000: some \d+ rows of the query would be fetched from other servers.*HINT:  /s, 'of a query nothing is drawn');
my $wide = join(', ', map { "f$_" } 1 .. 250);
$here->safe_psql('postgres', 'CREATE TABLE wide AS SELECT i AS id, ' . join(', ', map { "test.u(i, $_) + i % 3 AS f$_" } 1 .. 250) . ' FROM generate_series(1, 600) i');
$servers->spread_like('wide_there', 2, 'wide', 'id');
$here->safe_psql('postgres', "SELECT custseg.train('wide', 'wide', '{$wide}', 3, id => 'id')");
like(psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg.silhouette('wide', 'wide_there')"), qr/ERROR:  0A000: some \d+ rows of .*"wide_there" would be fetched from other servers/, 'nor where not one row fits');

$here->safe_psql('postgres', 'CREATE TABLE repeated AS SELECT l.id, l.recency * (1 + i / 1e7) AS recency, l.frequency, l.monetary, l.channel FROM later l, generate_series(1, 60) i');
$servers->spread_like('repeated_there', 3, 'repeated', 'monetary');

# at_risk(): who is nearest is found where the rows are, and fetched: the list is that of a table here, without whom somebody has decided of.
for my $model (qw(segments components mixture borders))
{
    my $n = $servers->result("SELECT n_segments FROM custseg.model_version WHERE model = '$model'");

    $here->safe_psql('postgres', "SELECT custseg.name_segment('$model', s, 'number ' || s, rank => s) FROM generate_series(1, $n) s") if $model ne 'segments';
    for my $options ('{}', '{"limit": 7}', '{"margin": 0.05}')
    {
        my $risky = "SELECT string_agg(concat_ws(' ', id, segment, name, runner_up, runner_up_name, round(margin::numeric, 12)), chr(10) ORDER BY margin, id) FROM custseg.at_risk('$model', '%s', '$options')";
        my $expected = $servers->result(sprintf($risky, 'later'));

        isnt($expected, '', "at_risk of $model $options") if $model ne 'borders';
        is($servers->result(sprintf($risky, 'sixteen')), $expected, 'of sixteen as of later');
        is($servers->result("$little " . sprintf($risky, 'eight')), $expected, 'of eight, in little memory');
    }
    if ($model eq 'segments')
    {
        $servers->listen_from_now;
        $servers->result("$little SELECT count(*) FROM custseg.at_risk('segments', 'plenty', '{\"limit\": 20}')");
        asked_for_no_rows('at_risk', 3, qr/SELECT custseg_private\.pass\(|WHERE \(*hashint4extended\(id, 0::bigint\)::double precision = ANY/, $servers->asked('west'));
        my $first = $servers->result("SELECT string_agg(id, ',') FROM (SELECT id FROM custseg.at_risk('segments', 'later', '{\"limit\": 5}')) x");
        $here->safe_psql('postgres', "SELECT custseg.override_segment('segments', id, 1, 'knows better') FROM unnest(string_to_array('$first', ',')) id");
        is($servers->result("SELECT string_agg(id, ',' ORDER BY margin) FROM custseg.at_risk('segments', 'sixteen', '{\"limit\": 5}')"),
            $servers->result("SELECT string_agg(id, ',' ORDER BY margin) FROM custseg.at_risk('segments', 'later', '{\"limit\": 5}')"), 'decisions by hand');
        is($servers->result("SELECT count(*) FROM custseg.at_risk('segments', 'sixteen', '{\"limit\": 5}') WHERE id = ANY (string_to_array('$first', ','))"), '0', 'whose customers are not listed');
        # customers with several rows each, of which those of whom somebody has decided take more room than there are decisions
        my $rows = "SELECT string_agg(concat_ws(' ', id, round(margin::numeric, 12)), chr(10) ORDER BY margin, id) FROM custseg.at_risk('segments', '%s', '{\"limit\": 5}')";
        is($servers->result(sprintf($rows, 'repeated_there')), $servers->result(sprintf($rows, 'repeated')), 'decisions by hand of customers with several rows');
        isnt($servers->result(sprintf($rows, 'repeated')), '', 'of whom some are left');
        $here->safe_psql('postgres', "SELECT custseg.end_override('segments', id) FROM unnest(string_to_array('$first', ',')) id");
    }
}
is($servers->result("SELECT count(*) FROM custseg.at_risk('segments', 'nobody_there')"), '0', 'at_risk of nobody');
# a value that has to be there is an error where rows are read, and of two ids that are the same both customers are listed
$here->safe_psql('postgres', "SELECT custseg.name_segment('strict', s, 'number ' || s, rank => s) FROM generate_series(1, 3) s");
like(psql_error($here, 'postgres', "SELECT * FROM custseg.at_risk('strict', '$_')"), qr/ERROR:  22004: .*recency/, "at_risk of $_, where a value is missing that must be there") for (qw(later sixteen));

# split_stability(): halves by the hash of the id, of all rows; what is judged is hardly different from what other halves give.
$servers->listen_from_now;
for my $model (qw(segments skips noisy mixture))
{
    my $split = "SELECT string_agg(concat_ws(' ', segment, name, column_name, level, n_a, n_b, value_a, value_b, relative_gap, standard_gap, expected_gap, rating, reason), chr(10)) FROM custseg.split_stability('$model', '%s')";

    is($servers->result(sprintf($split, 'sixteen')), $servers->result("$little " . sprintf($split, 'eight')), "split_stability of $model: the same bits on 8 and 16 leaves");
    is($servers->result(<<"END"), '', 'of which no verdict differs from that of a table here');
WITH a AS (SELECT *, coalesce(level, '-') AS of FROM custseg.split_stability('$model', 'later') WHERE column_name IS NOT NULL), b AS (SELECT *, coalesce(level, '-') AS of FROM custseg.split_stability('$model', 'sixteen') WHERE column_name IS NOT NULL)
SELECT string_agg(concat_ws(' ', segment, column_name, of, a.expected_gap, b.expected_gap, a.rating, b.rating), chr(10))
FROM a FULL JOIN b USING (segment, column_name, of)
WHERE a.n_a IS NULL OR b.n_a IS NULL OR abs(a.expected_gap - b.expected_gap) > 1e-2 * a.expected_gap OR (a.expected_gap IS NULL) <> (b.expected_gap IS NULL)
    OR (a.rating <> b.rating AND abs(a.expected_gap - 0.1) > 1e-3)
END
}
$servers->heard_states('split_stability');
is($servers->result(<<'END'), 't|t', 'its halves are those of the hash');
WITH halves AS (
    SELECT custseg.predict('segments', l) AS segment, hashfloat8extended(hashint4extended(id, 0)::float8, 42) < 0 AS is_second, monetary FROM later l
), told AS (
    SELECT * FROM custseg.split_stability('segments', 'sixteen') WHERE column_name = 'monetary'
), here AS (
    SELECT segment, count(monetary) FILTER (WHERE NOT is_second) AS n_a, count(monetary) FILTER (WHERE is_second) AS n_b,
        avg(monetary) FILTER (WHERE NOT is_second) AS a, avg(monetary) FILTER (WHERE is_second) AS b FROM halves WHERE segment IS NOT NULL AND monetary < 'infinity' GROUP BY 1
)
SELECT count(*) = 4, bool_and(t.n_a = h.n_a AND t.n_b = h.n_b AND abs(t.value_a - h.a) < 1e-9 * h.a AND abs(t.value_b - h.b) < 1e-9 * h.b) FROM told t JOIN here h USING (segment)
END
isnt($servers->result("SELECT value_a FROM custseg.split_stability('segments', 'sixteen', options => '{\"seed\": 7}') WHERE column_name = 'monetary' LIMIT 1"),
    $servers->result("SELECT value_a FROM custseg.split_stability('segments', 'sixteen') WHERE column_name = 'monetary' LIMIT 1"), 'another seed, other halves');
is($servers->result("SELECT string_agg(rating, ',') FROM custseg.split_stability('segments', 'nobody_there')"), $servers->result("SELECT string_agg(rating, ',') FROM custseg.split_stability('segments', 'nobody')"), 'split_stability of nobody');

# outliers(): where rows do not fit, the farthest are found where they are, by fences, deviations and covariances of all rows.
for my $columns ('recency,frequency,monetary', 'recency,monetary', 'frequency,monetary,member')
{
    for my $options (', "limit": 100000', ', "limit": 25', ', "z_limit": 2, "iqr_factor": 1, "significance": 0.01, "limit": 400', ', "z_limit": 3, "significance": 0, "limit": 100000')
    {
        my $far = "SELECT string_agg(concat_ws(' ', id, beyond_fences, beyond_deviations, round(largest_z::numeric, 8), round(mahalanobis::numeric, 8), round(mahalanobis_p_value::numeric, 12)), chr(10) ORDER BY id::int) FROM custseg.outliers('%s', '{$columns}', '{\"id\": \"Customer %s\"$options}')";
        my $out = $servers->result("$little " . $far =~ s/'%s'/'ample_there'/r);

        is($out, $servers->result($far =~ s/'%s'/'ample'/r), "outliers by $columns$options: as of a table here") if $options =~ /100000/;
        is($servers->result("$little " . $far =~ s/'%s'/'ample_apart'/r), $out, 'the same ones on 4 and 6 leaves');
    }
}
$servers->listen_from_now;
is($servers->result("$little SELECT count(*), count(row), count(id), min(mahalanobis) > 3 FROM custseg.outliers('ample_there', '{recency,frequency,monetary}', '{\"id\": \"Customer %s\", \"limit\": 25, \"significance\": 0.01}')"), '25|0|25|t', 'as many as are asked for, of which no row numbers are known');
asked_for_no_rows('outliers', 5, qr/SELECT custseg_private\.pass\(|count\(\*\)|WHERE \(+hashint4extended\("Customer %s", 0::bigint\)::double precision = ANY/, $servers->asked('west'));

# The rows that lack nothing may lie together and far from the others: then their covariance is taken about their own middle.
$here->safe_psql('postgres', 'CREATE TABLE clump AS SELECT i AS id, CASE WHEN i % 2 = 0 THEN 1e9 + test.u(i, 11) ELSE -1e9 END AS a, CASE WHEN i % 2 = 0 THEN test.u(i, 12) + CASE WHEN i = 778 THEN 8 ELSE 0 END END AS b FROM generate_series(1, 60000) i');
$servers->spread('clump_there', $servers->columns_of('clump'), 4, 'id', 'clump');
my $clumped = "SELECT id, round(largest_z::numeric, 8), round(mahalanobis::numeric, 8) FROM custseg.outliers('%s', '{a,b}', '{\"id\": \"id\", \"z_limit\": 5}')";
like($servers->result(sprintf($clumped, 'clump')), qr/^778\|2\d\.\d+\|2\d\.\d+$/, 'one outlier of a clump');
is($servers->result("$little " . sprintf($clumped, 'clump_there')), $servers->result(sprintf($clumped, 'clump')), 'the same one on 4 leaves');

# score() has a row for each, which is on disk beyond work_mem: nothing of the rows stays in memory, and there may be as many as there are.
$there{west}->safe_psql('postgres', 'CREATE VIEW abundant AS SELECT e.id + 100000 * g AS id, e.recency, e.frequency, e.monetary, e.channel FROM eight_0 e CROSS JOIN generate_series(1, 400) g');
$here->safe_psql('postgres', 'CREATE FOREIGN TABLE abundant (id int, recency float8, frequency float8, monetary float8, channel text) SERVER west; ANALYZE abundant');
my $count = $servers->result('SELECT count(*) FROM abundant');
my $frugal = "SET work_mem = '256kB'; $little SET temp_file_limit = -1;";
my $scored = "SELECT count(*), count(segment), count(DISTINCT id) FROM custseg.score('segments', '%s')";

cmp_ok($count, '>', 200000, 'plenty of rows');
is($servers->result("$frugal SELECT md5(string_agg(s::text, chr(10) ORDER BY id)) FROM custseg.score('segments', 'plenty') s"),
    $servers->result("CREATE TEMP TABLE gathered AS SELECT * FROM plenty; SELECT md5(string_agg(s::text, chr(10) ORDER BY id)) FROM custseg.score('segments', 'gathered') s"), 'score of plenty of rows: as of a table here');
is($servers->result("$frugal " . sprintf($scored, 'nobody_there')), '0|0|0', 'score of nobody');
SKIP:
{
    skip 'no /proc', 2 unless -r '/proc/self/status';
    my $session = CustsegTest::Session->new($here, 'postgres');
    my $peak = sub { (slurp_file('/proc/' . $session->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m)[0] / 1024 };
    my $before;

    $session->query("$frugal " . sprintf($scored, 'sixteen') . ';');
    $before = $peak->();
    like($session->query(sprintf($scored, 'abundant') . ';'), qr/^$count\|[1-9]\d*\|$count$/, 'score of very many rows');
    SKIP:
    {
        skip 'AddressSanitizer keeps what is freed', 1 if $ENV{ASAN_OPTIONS};
        cmp_ok($peak->() - $before, '<', 4, 'takes little memory');
    }
    note(sprintf('%.1f MB more than of few rows', $peak->() - $before));
    $session->quit;
}

# Customers without an id, or with a part of one, are customers; none of them is left out, and they are not all in one half.
$here->safe_psql('postgres', 'CREATE TABLE unnamed AS SELECT CASE WHEN i % 5 > 0 THEN i END AS id, NULLIF(i % 7, 3) AS shop, i / 7 AS number, recency + test.u(i, 11) AS recency, frequency, monetary, channel FROM (SELECT a.*, "Customer %s" AS i FROM ample a) a');
$servers->spread('unnamed_there', $servers->columns_of('unnamed'), 3, 'recency', 'unnamed ORDER BY monetary');
$servers->spread('unnamed_apart', $servers->columns_of('unnamed'), 7, 'recency', 'unnamed ORDER BY frequency');
$here->safe_psql('postgres', 'ANALYZE unnamed_there; ANALYZE unnamed_apart');
$here->safe_psql('postgres', "SELECT custseg.train('shops', 'SELECT * FROM unnamed WHERE shop IS NOT NULL AND frequency < ''infinity'' AND number < 30000', '{recency,frequency,monetary,channel}', 4, id => 'shop,number'); SELECT custseg.name_segment('shops', s, 'number ' || s, rank => s) FROM generate_series(1, 4) s");
for my $model (qw(segments shops))
{
    for my $limit (20, 10000)
    {
        my $risky = "SELECT count(*), count(id), string_agg(concat_ws(' ', coalesce(id, 'nobody'), segment, runner_up, round(margin::numeric, 12)), chr(10) ORDER BY margin, id) FROM custseg.at_risk('$model', '%s', '{\"limit\": $limit}')";

        is($servers->result("$little " . sprintf($risky, $_)), $servers->result(sprintf($risky, 'unnamed')), "at_risk of $model, $limit at most, where ids are missing: of $_ as of unnamed") for (qw(unnamed_there unnamed_apart));
    }
}
my $many = "SELECT count(*) FROM custseg.at_risk('segments', 'unnamed_apart', '{\"limit\": 100000}')";
my ($needed) = psql_error($here, 'postgres', "$little $many") =~ /ERROR:  54000: asking for \d{5} rows in 7 places on other servers needs (\d+) MB, maintenance_work_mem is 1 MB.*or lower "limit"/s;
ok(defined $needed, 'a statement with the hashes of so many rows that it takes too much memory in all leaves is refused');
is($servers->result("SET maintenance_work_mem = '" . ($needed // 1) . "MB'; $many"), $servers->result($many =~ s/unnamed_apart/unnamed/r), 'and as much as is asked for is enough');
for my $id ('id', 'shop,number')
{
    my $far = "SELECT count(*), count(id), string_agg(concat_ws(' ', coalesce(id, 'nobody'), round(mahalanobis::numeric, 8), round(largest_z::numeric, 8)), chr(10) ORDER BY mahalanobis, largest_z, id) FROM custseg.outliers('%s', '{recency,frequency,monetary}', '{\"id\": \"$id\", \"limit\": 100000, \"significance\": 0.02}')";

    is($servers->result("$little " . sprintf($far, 'unnamed_there')), $servers->result(sprintf($far, 'unnamed')), "outliers by $id, where ids are missing");
    is($servers->result("$little SELECT count(row) FROM custseg.outliers('unnamed_there', '{recency,frequency,monetary}', '{\"id\": \"$id\"}')"), '0', 'which are found where they are');
}
$servers->spread('nameless_there', $servers->columns_of('unnamed'), 3, 'recency', '(SELECT NULL::int, NULL::int, number, recency, frequency, monetary, channel FROM unnamed) u');
is($servers->result("SELECT count(*), bool_and(n_a BETWEEN 0.4 * (n_a + n_b) AND 0.6 * (n_a + n_b)) FROM custseg.split_stability('segments', 'nameless_there', '{recency}') WHERE column_name = 'recency'"), '4|t', 'halves of customers without ids');

# Rows come in the order of what they were drawn by: a sample of a sample is the same one, to the last bit, wherever rows are.
my $few = "SELECT count(*), string_agg(s::text, chr(10)) FROM custseg.silhouette('named', '%s', 100) s";
is($servers->result("$little " . sprintf($few, 'ample_there')), $servers->result("$little " . sprintf($few, 'ample_apart')), 'silhouette of few of the rows that are drawn: the same on 4 and 6 leaves');

# Who may read the columns that are needed may have a sample of them.
$here->safe_psql('postgres', "CREATE ROLE narrow; SELECT custseg.grant_model('named', 'narrow'); GRANT SELECT (\"Customer %s\", recency, frequency) ON ample_there TO narrow");
$servers->let_in('narrow');
like($servers->result("SET ROLE narrow; $little SELECT count(*) FROM custseg.silhouette('named', 'ample_there')"), qr/^[1-9]\d*$/, 'silhouette of rows of which only the columns of the model may be read');

# A server that is gone, before or while its rows are asked for.
$there{east}->stop('immediate');
like(psql_error($here, 'postgres', "SELECT count(*) FROM custseg.$_"), qr/ERROR:  .*(?:connection|server)/s, "a server that is gone: $_")
  for ("silhouette('named', 'ample_there')", "at_risk('segments', 'sixteen')", "score('segments', 'sixteen')");
$there{east}->start;
is($servers->result("SELECT count(*) > 0 FROM custseg.at_risk('segments', 'sixteen')"), 't', 'and when it is back all is well');

done_testing();
