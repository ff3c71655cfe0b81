# On real customers: the same segments as scikit-learn from the same start, and as good ones without.
#
# CUSTSEG_DATA names the folder of the data, which are not part of custseg; test/golden/make.py made
# the numbers to compare with.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'CUSTSEG_DATA is not set' unless $ENV{CUSTSEG_DATA};

my $node = start_node('real', 'max_parallel_maintenance_workers = 2');
my %sets = (
    mall_customers => [ 'mall_customers/Mall_Customers.csv.gz', 3 .. 5 ],
    wholesale_customers => [ 'wholesale_customers/wholesale_customers.csv.gz', 3 .. 8 ],
    cc_general => [ 'credit_card/CC_GENERAL.csv.gz', 2 .. 18 ],
    online_retail => ['online_retail/online_retail.csv.xz']);

# All fields of a file as a table of text, rows in order: row, f1, f2, ...
sub load
{
    my ($file) = @_;
    my $program = ($file =~ /\.xz$/ ? 'xz' : 'gzip') . " -dc '$file'";
    my $header = `$program 2>/dev/null | head -n 1`;
    my @fields = map { "f$_" } 1 .. scalar(split /,/, $header);

    $node->safe_psql('postgres', 'CREATE TABLE raw (row bigint GENERATED ALWAYS AS IDENTITY, ' . join(', ', map { "$_ text" } @fields) . ');'
          . 'COPY raw (' . join(', ', @fields) . ") FROM PROGRAM \$p\$$program\$p\$ CSV HEADER");
}

for my $name (sort keys %sets)
{
    my ($path, @columns) = @{ $sets{$name} };
    my $text = slurp_file("$FindBin::RealBin/../golden/$name.json");
    my $golden = decode_json($text);
    my ($init) = $text =~ /"init": (\[\[.*?\]\])/;
    my $file = "$ENV{CUSTSEG_DATA}/$path";
    my $k = $golden->{k};
    my ($labels, $sizes, $digest);

  SKIP:
    {
        skip "$file is not there", 1 unless -r $file;
        skip 'xz is not there', 1 if $file =~ /\.xz$/ && system('xz --version >/dev/null 2>&1') != 0;

        load($file);
        if (@columns)
        {
            $node->safe_psql('postgres', "CREATE TABLE $name AS SELECT row AS id, "
                  . join(', ', map { "f$_\::float8 AS c$_" } @columns) . ' FROM raw ORDER BY row');
        }
        else
        {
            $node->safe_psql('postgres', <<"END");
CREATE TABLE $name AS
SELECT
    f7::int AS id,
    (SELECT max(f5::timestamp)::date + 1 FROM raw WHERE f7 IS NOT NULL AND f1 NOT LIKE 'C%' AND f4::int > 0 AND f6::numeric > 0)
        - max(f5::timestamp)::date AS recency,
    count(DISTINCT f1) AS frequency,
    sum(f4::int * f6::numeric) AS monetary
FROM raw
WHERE f7 IS NOT NULL AND f1 NOT LIKE 'C%' AND f4::int > 0 AND f6::numeric > 0
GROUP BY f7
ORDER BY 1;
END
        }
        $node->safe_psql('postgres', "DROP TABLE raw; ALTER TABLE $name ADD PRIMARY KEY (id)");

        # From the same start to the end: the same labels.
        is($node->safe_psql('postgres', "SELECT n_rows, n_segments, converged FROM custseg.train('$name', '$name', k => $k,"
                . " options => '{\"init\": $init, \"n_init\": 1, \"tol\": 0}')"), "$golden->{rows}|$k|t", "$name: trained from a given start");
        $labels = "WITH p AS (SELECT id, custseg.predict('$name', t) AS s FROM $name t),"
          . ' f AS (SELECT s, row_number() OVER (ORDER BY min(id)) AS n, count(*) AS size FROM p GROUP BY s)';
        is($node->safe_psql('postgres', "$labels SELECT string_agg(size::text, ' ' ORDER BY n) FROM f"),
            join(' ', @{ $golden->{sizes} }), "$name: as many customers in each segment as scikit-learn has");
        $digest = $node->safe_psql('postgres', "$labels SELECT md5(string_agg(n::text, ',' ORDER BY id)) FROM p JOIN f USING (s)");
        is($digest, $golden->{labels_md5}, "$name: and the same ones");
        if ($digest ne $golden->{labels_md5} && $golden->{labels})
        {
            diag('ours   ' . $node->safe_psql('postgres', "$labels SELECT string_agg(n::text, '' ORDER BY id) FROM p JOIN f USING (s)"));
            diag("theirs $golden->{labels}");
        }
        my $inertia = $node->safe_psql('postgres', "SELECT metrics ->> 'inertia' FROM custseg.model_version WHERE model = '$name'");
        cmp_ok(abs($inertia / $golden->{inertia} - 1), '<=', 1e-9, "$name: inertia within 1e-9");

        for my $index (qw(silhouette calinski_harabasz davies_bouldin))
        {
            my $value = $node->safe_psql('postgres', "SELECT result FROM custseg.evaluate('$name') WHERE metric = '$index'");
            cmp_ok(abs($value / $golden->{$index} - 1), '<=', 1e-9, "$name: $index within 1e-9");
        }

        # Who is in them: as PostgreSQL's own aggregates have it, and every segment with a name of its own.
        my $values = $node->safe_psql('postgres', "SELECT string_agg(format('(%L, %I::float8)', attname, attname), ', ')"
              . " FROM pg_attribute WHERE attrelid = '$name'::regclass AND attnum > 0 AND attname <> 'id'");
        is($node->safe_psql('postgres', <<"END"), 't|t|t|t', "$name: profiles within 1e-12 of standard deviations");
WITH placed AS (
    SELECT custseg.predict('$name', t) AS segment, v.*
    FROM $name t CROSS JOIN LATERAL (VALUES $values) v (column_name, x)
), aggregated AS (
    SELECT segment, column_name, count(*) AS n, avg(x) AS mean, stddev_pop(x) AS sd,
        percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY x) AS q
    FROM placed GROUP BY GROUPING SETS ((segment, column_name), (column_name))
)
SELECT count(*) = (SELECT count(*) FROM aggregated), bool_and(p.n = a.n),
    max((abs(p.mean - a.mean) + abs(p.standard_deviation - a.sd)) / o.sd) < 1e-12,
    max((abs(p.first_quartile - a.q[1]) + abs(p.median - a.q[2]) + abs(p.third_quartile - a.q[3])) / o.sd) < 1e-12
FROM custseg.segment_profile('$name') p
JOIN aggregated a ON a.segment IS NOT DISTINCT FROM p.segment AND a.column_name = p.column_name
JOIN aggregated o ON o.segment IS NULL AND o.column_name = p.column_name
END
        is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT suggested_name), bool_and(length(description) > 20)'
                . " FROM custseg.segment_summary('$name')"), "$k|$k|t", "$name: each segment has a description and a name of its own");

        # With the defaults: as good.
        $inertia = $node->safe_psql('postgres', "SELECT inertia FROM custseg.train('$name defaults', '$name', k => $k)");
        cmp_ok($inertia, '<=', 1.001 * $golden->{best_inertia}, "$name: the best of the default's starts is as good");
        note(sprintf '%s: inertia %.8g, scikit-learn %.8g', $name, $inertia, $golden->{best_inertia});
    }
}

$node->stop;
done_testing();
