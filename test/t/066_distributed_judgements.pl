# Versions judged by rows on other servers: as by a table here, and no rows come over but those of samples.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
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
for my $call ("silhouette('segments', '%s', 500)", "at_risk('segments', '%s')", "score('segments', '%s')", "outliers('%s', '{recency,spent,monetary}')", "split_stability('segments', '%s')")
{
    my $error = psql_error($here, 'postgres', "$little SELECT count(*) FROM custseg." . sprintf($call, 'plenty'));
    my ($query) = $error =~ /ERROR:  0A000: some \d+ rows of relation "plenty" would be fetched from other servers.*HINT:  Give a sample as the source: (SELECT .*?)\.  Or SET maintenance_work_mem/s;

    ok(defined $query, "$call of too many rows is refused") or diag($error);
    # what it keeps of a row takes more than the row
    $query =~ s/& \d+ = 0/& 31 = 0/ if $call =~ /^(?:outliers|silhouette)/;
    like($servers->result("$little SELECT count(*) FROM custseg." . sprintf($call, ($query // 'plenty') =~ s/'/''/gr)), qr/^\d+$/, 'and the query of the hint gives an answer');
}

done_testing();
