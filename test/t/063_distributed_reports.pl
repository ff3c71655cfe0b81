# Reports over rows on other servers that compare groups, versions and times: as of a table here, and no rows come over but
# those of samples.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use Test::More;

my $servers = OtherServers->two;
my ($here, %there) = $servers->nodes;

# The customers with whom models are trained, and those of later, among them some who lack a feature, and some who are in no group.
customers($here, 'postgres', 'customers', 6000);
$here->safe_psql('postgres', <<'END');
SELECT custseg.train('segments', 'customers', '{recency,frequency,monetary,channel}', 4, id => 'id');
SELECT custseg.train('skips', 'customers', '{recency,frequency,channel,member}', 3, id => 'id', prep => '{"impute": "skip"}');
CREATE TABLE later AS SELECT id, recency * 1.1 + 1 AS recency,
    CASE id % 50 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE frequency END AS frequency, monetary,
    CASE WHEN id % 9 = 0 THEN 'app' ELSE channel END AS channel, member,
    CASE WHEN id % 7 > 0 THEN (ARRAY['women', E'"men"\t<script>', 'Ελλάδα 🙂', '%s'])[1 + (id % 5 * id) % 4] END AS sex, (id % 6)::smallint AS code,
    (id % 3)::numeric / 2 * 1.00 AS area, custseg.predict('segments', c) % 2 = 0 AS fixed, id % 60 AS many, current_date + id % 3 AS since
FROM customers c WHERE id % 8 > 1 OR id < 1500;
CREATE TABLE reversed AS SELECT * FROM later ORDER BY id DESC;
CREATE TABLE shuffled AS SELECT * FROM later ORDER BY hashint4extended(id, 1);
END
$servers->spread_like('eight', 8, 'later', 'hashint4extended(id, 3)');
$servers->spread_like('sixteen', 16, 'later', 'id DESC');
$servers->listen_from_now;

# fairness(): segments and groups are counted where the rows are, to the last bit as of a table here.
for my $model (qw(segments skips))
{
    for my $attribute (qw(sex code area fixed channel member))
    {
        my $fairness = "SELECT string_agg(f::text, chr(10)) FROM custseg.fairness('$model', '%s', '$attribute') f";
        my $expected = $servers->result(sprintf($fairness, 'later'));

        is($servers->result(sprintf($fairness, $_)), $expected, "fairness of $model by $attribute: $_ as later") for (qw(reversed shuffled eight sixteen));
    }
}
$servers->heard_states('fairness');
like($servers->result("SELECT string_agg(concat_ws(' ', group_value, rating), ',' ORDER BY group_value) FROM custseg.fairness('segments', 'sixteen', 'fixed') WHERE segment = 1"),
    qr/^false (ok|disparate),true (ok|disparate)$/, 'something is found');
like(psql_error($here, 'postgres', "SELECT * FROM custseg.fairness('segments', 'sixteen', 'many')"),
    qr/ERROR:  54000: attribute "many" has more than 50 groups.*width_bucket\(many/s, 'more groups than there may be');
$here->safe_psql('postgres', 'CREATE TABLE lacking AS SELECT id, recency, monetary, channel, sex FROM later');
$servers->spread_like('lacking_there', 4, 'lacking', 'id');
is($servers->result("SELECT string_agg(f::text, chr(10)) FROM custseg.fairness('segments', 'lacking_there', 'sex') f"),
    $servers->result("SELECT string_agg(f::text, chr(10)) FROM custseg.fairness('segments', 'lacking', 'sex') f"), 'where a feature is missing nobody is placed');
$servers->listen_from_now;

# A date is no text that servers write alike: its rows are fetched, as far as there is memory for them.
is($servers->result("SELECT string_agg(f::text, chr(10)) FROM custseg.fairness('segments', 'sixteen', 'since') f"),
    $servers->result("SELECT string_agg(f::text, chr(10)) FROM custseg.fairness('segments', 'later', 'since') f"), 'fairness by a date: rows are read');
$there{west}->safe_psql('postgres', 'CREATE VIEW plenty AS SELECT e.* FROM eight_0 e CROSS JOIN generate_series(1, 80)');
$here->safe_psql('postgres', "CREATE FOREIGN TABLE plenty (id int, recency float8, frequency float8, monetary float8, channel text, sex text, since date) SERVER west; ANALYZE plenty");
my $little = "SET maintenance_work_mem = '1MB';";

like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.fairness('segments', 'plenty', 'since')"),
    qr/ERROR:  0A000: some \d+ rows of relation "plenty" would be fetched from other servers/, 'which is refused where there is not');
is($servers->result("$little SELECT sum(n) = (SELECT count(*) FROM plenty) FROM custseg.fairness('segments', 'plenty', 'sex')"), 't', 'a text needs no memory for rows');
$servers->listen_from_now;

# drift_multivariate(): samples of the lowest hashes, the same ones however the rows are laid out.
my $moved = "SELECT n_baseline, n_current, statistic, p_value, verdict, reason FROM custseg.drift_multivariate('%s', '%s', %s)";
for my $arguments ("'customers', '{\"sample\": 500}'", "'eight', '{\"sample\": 500}'")
{
    is($servers->result(sprintf($moved, 'segments', 'sixteen', $arguments)), $servers->result(sprintf($moved, 'segments', 'eight', $arguments)), "drift_multivariate against $arguments: the same bits");
}
$here->safe_psql('postgres', 'CREATE TABLE few AS SELECT * FROM later WHERE id <= 700; CREATE TABLE former AS SELECT * FROM customers WHERE id > 5300 AND frequency IS NOT NULL');
$servers->spread_like('few_there', 4, 'few', 'id DESC');
$servers->spread_like('former_there', 8, 'former', 'id DESC');
$servers->listen_from_now;
my $rounded = $moved =~ s/statistic, p_value/round(statistic::numeric, 12), p_value < 0.05/r;

is($servers->result(sprintf($rounded, 'segments', 'few_there', "'former_there', '{\"sample\": 800}'")), $servers->result(sprintf($rounded, 'segments', 'few', "'former', '{\"sample\": 800}'")),
    'drift_multivariate where all rows are in the samples: as of tables here');
$servers->spread_like('trained_there', 8, 'later', 'id');
$servers->listen_from_now;
for my $trained (qw(trained_there former_there))
{
    $here->safe_psql('postgres', "SELECT custseg.train('far $trained', '$trained', '{recency,monetary,channel}', 3, id => 'id')");
    is($servers->result(sprintf($moved, "far $trained", 'sixteen', "NULL, '{\"sample\": 300}'")), $servers->result(sprintf($moved, "far $trained", 'sixteen', "'$trained', '{\"sample\": 300}'")),
        "drift_multivariate: what was trained on, $trained, is looked for where it is");
    $servers->heard_states("drift_multivariate since $trained");
    $here->safe_psql('postgres', "UPDATE $trained SET monetary = monetary + 1 WHERE id = (SELECT max(id) FROM $trained)");
    like(psql_error($here, 'postgres', sprintf($moved, "far $trained", 'sixteen', 'NULL')),
        qr/ERROR:  55000: relation "$trained" has changed since version \d of model "far $trained" was trained on it.*Column "monetary" has other values/s, 'unless it has changed');
    $servers->listen_from_now;
}
like($servers->result(sprintf($moved, 'segments', 'sixteen', "'customers', '{\"sample\": 500}'")),
    qr/^6000\|4\d{3}\|0\.\d+\|0\.\d+\|watch\|.*\(4\d\d rows compared with 500, the former those of the lowest hashes\)/, 'which the reason says');

# Rows that have no id, of which many are equal, are drawn by their values: two samples of the same rows are no change.
my $values = 'recency float8, frequency float8, monetary float8, channel text';

$there{west}->safe_psql('postgres', "CREATE TABLE equals ($values); CREATE TABLE values_alone ($values)");
$here->safe_psql('postgres', <<"END");
CREATE FOREIGN TABLE equals ($values) SERVER west;
CREATE FOREIGN TABLE values_alone ($values) SERVER west;
INSERT INTO equals SELECT recency, frequency, monetary, channel FROM customers, generate_series(1, 200) WHERE id <= 45 AND frequency IS NOT NULL;
INSERT INTO values_alone SELECT recency + id * 1e-6, frequency, monetary, channel FROM customers WHERE frequency IS NOT NULL;
CREATE TABLE equals_here AS SELECT * FROM equals;
END
my $by_values = "SELECT statistic IS NULL, verdict, substr(reason, 1, 61) FROM custseg.drift_multivariate('segments', '%s', '%s', '{\"sample\": 400}')";

for my $reference (qw(equals equals_here))
{
    is($servers->result(sprintf($by_values, 'equals', $reference)), 't|insufficient data|more than 1 row in 20 equals another, and rows on other serve',
        "drift_multivariate of equal rows without an id, against $reference");
}
is($servers->result(sprintf($by_values =~ s/, substr.*61\)//r, 'equals_here', 'equals_here')), 'f|ok', 'which are compared where they are here');
is($servers->result(sprintf($by_values =~ s/, substr.*61\)//r, 'values_alone', 'values_alone')), 'f|ok', 'as are rows without an id that differ');
$servers->listen_from_now;

# Two versions: rows are counted by both their segments where they are, and silhouettes are of a sample.
$here->safe_psql('postgres', <<'END');
SELECT custseg.train('segments', 'customers', '{recency,monetary,member}', 3, id => 'id', prep => '{"impute": "skip"}', deploy => false);
SELECT custseg.train('segments', 'SELECT * FROM customers WHERE id % 10 = 0', '{recency,frequency}', id => 'id', algorithm => 'dbscan', options => '{"eps": 0.12, "min_samples": 8}', deploy => false);
END
for my $versions ('1, 2', '2, 1', '1, 3', '3, 2')
{
    my $pairs = "SELECT string_agg(p::text, chr(10)) FROM custseg.compare_versions_segments('segments', $versions, '%s') p";
    my $expected = $servers->result(sprintf($pairs, 'later'));

    is($servers->result(sprintf($pairs, $_)), $expected, "compare_versions_segments of $versions: $_ as later") for (qw(shuffled eight sixteen));
}
like($servers->result("SELECT count(*) FILTER (WHERE segment_a = 0) > 0, count(*) FILTER (WHERE segment_b IS NULL) > 0 FROM custseg.compare_versions_segments('segments', 3, 2, 'eight')"), qr/^t\|t$/, 'noise, and rows that one version does not place');
for my $versions ('1, 2', '3, 2')
{
    my $compared = "SELECT c::text FROM custseg.compare_versions('segments', $versions, '%s', '{\"sample\": %d}') c";
    my ($few, $few_there) = map { $servers->result(sprintf($compared, $_, 800)) =~ s/(\d\.\d{10})\d+/$1/gr } qw(few few_there);

    is($few_there, $few, "compare_versions of $versions where all rows are in the sample: as of a table here");
    is($servers->result(sprintf($compared, 'eight', 500)), $servers->result(sprintf($compared, 'sixteen', 500)), "compare_versions of $versions: the same bits on 8 and 16 leaves");
}
$servers->heard_states('two versions');
like(psql_error($here, 'postgres', "SELECT custseg.deploy('segments', 2, options => '{\"min_agreement\": 0.99, \"source\": \"eight\"}')"),
    qr/ERROR:  55000: version 2 of model "segments" agrees too little with version 1.*Their adjusted Rand index on relation "eight" is 0\.\d+/s, 'deploy() that demands agreement');
$servers->heard_states('agreement', 2);

# What judges rows before a model is trained: the same bits however the rows are laid out, of all rows or of a sample.
my $by_passes = '"engine": "distributed"';
my $infinite = "SELECT * FROM custseg.pca('%s', '{recency,frequency}')";

for my $table (qw(later eight))
{
    like(psql_error($here, 'postgres', sprintf($infinite, $table)), qr/ERROR:  22023: column "frequency" has \d+ infinite values.*nullif\(frequency, 'infinity'\)/s, "infinite values of $table");
}
$here->safe_psql('postgres', "UPDATE $_ SET frequency = NULL WHERE frequency = 'Infinity'; UPDATE $_ SET area = 'NaN' WHERE id % 11 = 3") for (qw(later shuffled eight sixteen));
# patterns that are as frequent come in the order of their columns
$here->safe_psql('postgres', 'CREATE TABLE sorted AS SELECT * FROM later ORDER BY recency IS NULL, coalesce(frequency, \'NaN\') = \'NaN\', channel IS NULL, sex IS NULL, area = \'NaN\', since IS NULL');
$servers->listen_from_now;
my %judged = (
    'pca' => "custseg.pca('%s', '{recency,frequency,monetary,channel}', options => '{%s}')",
    'pca of some' => "custseg.pca('%s', '{recency,monetary,channel}', prep => '{\"pca\": 2, \"transform\": \"log1p\"}', options => '{%s}')",
    'stability' => "custseg.stability('%s', '{recency,frequency,monetary,channel}', 3, 5, id => 'id', options => '{\"sample\": 1000, %s}')",
    'stability of a choice' => "custseg.stability('%s', '{recency,monetary}', NULL, 3, 'hierarchical', id => 'id', options => '{\"sample\": 500, %s}')",
    'clusterability' => "custseg.clusterability('%s', '{recency,monetary,channel}', options => '{\"sample\": 300, %s}')",
    'select_features' => "custseg.select_features('%s', '{recency,frequency,monetary,channel,member,code,area}', options => '{%s}')",
);
for my $name (sort keys %judged)
{
    my $statement = "SELECT string_agg(j::text, chr(10)) FROM $judged{$name} j";
    my $expected = $servers->result(sprintf($statement, 'later', $by_passes));

    is($servers->result(sprintf($statement, 'shuffled', $by_passes)), $expected, "$name: of rows in another order");
    is($servers->result(sprintf($statement, $_, '"seed": 42')), $expected, "$name: of $_") for (qw(eight sixteen));
    cmp_ok(length($expected), '>', 50, 'which tells something');
    $servers->heard_states($name);
}
is($servers->result("SELECT count(*), max(abs(a.eigenvalue - b.eigenvalue)) < 1e-12, max(abs(a.cumulative_share - b.cumulative_share)) < 1e-12, max(abs((a.loadings ->> 'recency')::float8 - (b.loadings ->> 'recency')::float8)) < 1e-9"
      . " FROM " . sprintf($judged{pca}, 'sixteen', '') . ' a JOIN ' . sprintf($judged{pca}, 'later', '') . ' b USING (component)'), '8|t|t|t', 'components: those of a table here');

# Functions that need rows themselves: of more than there is memory for, those of the lowest hashes, the same ones however they
# are laid out; fewer are fetched, and are those of a table here.
my @parts = ([west => 0], [east => 1]);
my $wide = 'SELECT i AS id, i % 2 AS side, round((10 * test.u(i, 1) + 20 * (i % 3))::numeric, 4)::float8 AS x, round((10 * test.u(i, 2) + 30 * (i % 2))::numeric, 4)::float8 AS y FROM generate_series(1, 100000) i';
$there{west}->safe_psql('postgres', "CREATE VIEW wide_whole AS $wide");
$here->safe_psql('postgres', 'CREATE TABLE wide (id int, side int, x float8, y float8) PARTITION BY LIST (side); CREATE FOREIGN TABLE wide_whole (id int, side int, x float8, y float8) SERVER west');
for my $part (@parts)
{
    my ($name, $side) = @$part;

    $there{$name}->safe_psql('postgres', "CREATE VIEW wide_part AS SELECT * FROM ($wide) w WHERE side = $side");
    $here->safe_psql('postgres', "CREATE FOREIGN TABLE wide_$side PARTITION OF wide FOR VALUES IN ($side) SERVER $name OPTIONS (table_name 'wide_part')");
}
my %of_rows = (
    'compare' => "SELECT algorithm, n_segments, silhouette, calinski_harabasz, stability FROM custseg.compare('%s', '{x,y}', 3, '{kmeans,gmm}', 'id', options => '{\"stability_resamples\": 3}')",
    'k_distance' => "SELECT * FROM custseg.k_distance('%s', '{x,y}', 5)",
    'dbscan_grid' => "SELECT * FROM custseg.dbscan_grid('%s', '{x,y}', '{0.1,0.3}', '{5,10}')",
    'dendrogram' => "SELECT * FROM custseg.dendrogram('%s', '{x,y}', 'ward', 'id')",
);
for my $name (sort keys %of_rows)
{
    my %told;

    for my $table (qw(wide_whole wide))
    {
        my ($out, $err);

        $here->psql('postgres', "$little SELECT string_agg(r::text, chr(10)) FROM (" . sprintf($of_rows{$name}, $table) . ') r', stdout => \$out, stderr => \$err);
        like($err, qr/NOTICE:  examining a sample of \d+ of 100000 rows.*They are the rows of the lowest hashes, because /s, "$name: $table: a sample");
        $told{$table} = $out;
    }
    is($told{wide}, $told{wide_whole}, "$name: the same rows");
    cmp_ok(length($told{wide}), '>', 50, 'which tells something');
    $servers->heard_states($name, 1);
}
$here->safe_psql('postgres', 'CREATE TABLE by_id AS SELECT id, recency, monetary FROM later ORDER BY id');
for my $name (sort keys %of_rows)
{
    my $counted = $name eq 'compare' ? 'algorithm, n_segments, round(silhouette::numeric, 6)' : $name eq 'k_distance' ? 'n, share, distance, knee' :
        $name eq 'dbscan_grid' ? 'eps, min_samples, n_segments, noise_share' : 'step, round(height::numeric, 9), n';
    my $statement = "SELECT string_agg((SELECT r FROM (SELECT $counted) r)::text, chr(10)) FROM (" . $of_rows{$name} =~ s/\{x,y\}/{recency,monetary}/r . ') t';

    is($servers->result(sprintf($statement, 'SELECT id, recency, monetary FROM sixteen ORDER BY id')), $servers->result(sprintf($statement, 'by_id')), "$name: fetched, of a query");
    like($servers->result(sprintf($statement, 'sixteen')), qr/\d/, "$name: fetched");
}
$servers->listen_from_now;

# optimise_thresholds(): a sample of the lowest hashes, whatever engine the version had.
$here->safe_psql('postgres', <<'END');
SELECT custseg.train('borders', 'customers', '{recency,monetary}', algorithm => 'rules', id => 'id',
    options => '{"segments": [{"name": "recent", "when": {"recency": {"to": 20}}}, {"name": "rich", "when": {"monetary": {"from": {"percentile": 80}}}}, {"name": "rest"}], "else": "rest", "engine": "local"}');
END
my $borders = "SELECT o FROM custseg.optimise_thresholds('borders', '%s', 'monetary', '{\"sample\": 1000}') o";
$servers->listen_from_now;
is($servers->result(sprintf($borders, 'sixteen')), $servers->result(sprintf($borders, 'eight')), 'optimise_thresholds: the same bits');
$servers->heard_states('optimise_thresholds');
is($servers->result('SELECT n_training + n_test, train_options ->> \'engine\', cardinality(changes) > 0 FROM (' . sprintf($borders =~ s/SELECT o/SELECT o.*/r, 'eight') . ') b'), '1000|local|t', 'of a sample; the engine is the version\'s');
$servers->listen_from_now;

# Values of a column, and what rows lack, are counted where they are.
for my $call (map({ "frequencies('%s', '$_')" } qw(sex channel code area fixed since frequency)), "missing_patterns('%s', '{recency,frequency,channel,sex,area,since}')", "missing_patterns('%s')")
{
    my $counted = "SELECT string_agg(c::text, chr(10)) FROM custseg.$call c";
    my $expected = $servers->result(sprintf($counted, 'sorted'));

    is($servers->result(sprintf($counted, $_)), $expected, "$call: $_ as a table here") for (qw(eight sixteen));
}
$servers->heard_states('counts');
$here->safe_psql('postgres', 'CREATE FOREIGN TABLE plenty_levels (id int, sex text) SERVER west OPTIONS (table_name \'plenty\'); ANALYZE plenty_levels');
is($servers->result("$little SELECT sum(n) = (SELECT count(*) FROM plenty) FROM custseg.frequencies('plenty_levels', 'sex')"), 't', 'values of more rows than there is memory for');
# ids, and patterns of many columns, are as many as there are rows: what is sent is held to memory
$there{west}->safe_psql('postgres', 'CREATE VIEW many AS SELECT i AS id, i::text AS name, ' . join(', ', map { "CASE WHEN test.u(i, $_) < 0.5 THEN 1 END AS x$_" } 1 .. 30) . ' FROM generate_series(1, 200000) i');
$here->safe_psql('postgres', 'CREATE FOREIGN TABLE many (id int, name text, ' . join(', ', map { "x$_ int" } 1 .. 30) . ') SERVER west');
for my $column ('id', 'name')
{
    like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.frequencies('many', '$column')"),
        qr/ERROR:  54000: counting the values of a category needs more than 1 MB, maintenance_work_mem is 1 MB\s.*group its values in a view on the other servers/s, "frequencies of very many values: $column");
}
like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.missing_patterns('many')"),
    qr/ERROR:  54000: telling apart the patterns of missing columns needs more than 1 MB, maintenance_work_mem is 1 MB\s.*name fewer columns/s, 'very many patterns');
is($servers->result("SET maintenance_work_mem = '64MB'; SELECT count(*), sum(n) FROM custseg.frequencies('many', 'id')"), '200000|200000', 'where there is memory for them, all are told');
$here->safe_psql('postgres', 'CREATE TABLE many_here AS SELECT i AS id FROM generate_series(1, 200000) i');
is($servers->result("$little SELECT count(*), sum(n) FROM custseg.frequencies('many_here', 'id')"), '200000|200000', 'those of a table here need none');
like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.frequencies('SELECT sex || id AS who FROM plenty', 'who')"),
    qr/ERROR:  0A000: some \d+ rows of the query would be fetched from other servers/, 'those of a query are refused beyond it');
is($servers->result("$little SELECT n = (SELECT count(*) FROM plenty) FROM custseg.mcar_test('plenty', '{recency,frequency,monetary}')"), 't', 'and neither do sums by what rows lack');
$servers->listen_from_now;

# Where a policy of the table applies, or its leaves may not be read, rows are read through the table.
$here->safe_psql('postgres', "ALTER TABLE eight ENABLE ROW LEVEL SECURITY; CREATE ROLE reader LOGIN; GRANT SELECT ON eight TO reader; CREATE POLICY few ON eight TO reader USING (id <= 900);"
      . " SELECT custseg.grant_model('segments', 'reader'); SELECT custseg.name_segment('segments', s, 'number ' || s, rank => s) FROM generate_series(1, 4) s;");
$servers->let_in('reader');
my %heeded = (
    'fairness' => "SELECT sum(n) FROM custseg.fairness('segments', '%s', 'sex')",
    'drift_multivariate' => "SELECT n_current FROM custseg.drift_multivariate('segments', '%s', '%s', '{\"sample\": 100}')",
    'compare_versions' => "SELECT n FROM custseg.compare_versions('segments', 1, 2, '%s')",
    'compare_versions_segments' => "SELECT sum(n) FROM custseg.compare_versions_segments('segments', 1, 2, '%s')",
    'pca' => "SELECT round(eigenvalue::numeric, 9) FROM custseg.pca('%s', '{recency,frequency,monetary}') LIMIT 1",
    'stability' => "SELECT sum(n) FROM custseg.stability('%s', '{recency,frequency}', 2, 2)",
    'clusterability' => "SELECT n FROM custseg.clusterability('%s', '{recency,frequency}')",
    'choose_k' => "SELECT round(inertia::numeric, 6) FROM custseg.choose_k('%s', '{recency,frequency}', 2, 2)",
    'evaluate' => "SELECT result FROM custseg.evaluate('segments', '%s', 1) WHERE metric = 'rows'",
    'segment_tests' => "SELECT sum(n) FROM custseg.segment_tests('segments', '%s', '{recency,monetary,channel}', version => 1)",
    'histogram' => "SELECT sum(n) FROM custseg.histogram('%s', 'recency')",
    'concentration' => "SELECT n FROM custseg.concentration('%s', 'recency')",
    'silhouette' => "SELECT count(*), min(id::int), max(id::int) FROM custseg.silhouette('segments', '%s', version => 1)",
    'at_risk' => "SELECT string_agg(id, ',' ORDER BY margin, id) FROM custseg.at_risk('segments', '%s', '{\"limit\": 20}')",
    'score' => "SELECT count(*), sum(segment) FROM custseg.score('segments', '%s', 1)",
    'mcar_test' => "SELECT n FROM custseg.mcar_test('%s', '{recency,frequency,monetary}')",
);
for my $policies (1, 0)
{
    $here->safe_psql('postgres', 'ALTER TABLE eight DISABLE ROW LEVEL SECURITY') if !$policies;
    for my $name (sort keys %heeded)
    {
        my $source = $policies ? 'SELECT * FROM eight WHERE id <= 900' : 'SELECT * FROM eight';

        is($servers->result('SET ROLE reader; ' . $heeded{$name} =~ s/%s/eight/gr), $servers->result($heeded{$name} =~ s/%s/$source/gr), $policies ? "$name heeds a policy" : "$name without rights to the leaves");
    }
}

done_testing();
