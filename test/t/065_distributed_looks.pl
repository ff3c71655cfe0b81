# Looks at columns whose rows are on other servers: as of a table here, and no rows come over.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use Test::More;

my $servers = OtherServers->two;
my ($here) = $servers->nodes;

# Customers, some of whom lack a feature; values that are far out, whole, equal, constant and none.
customers($here, 'postgres', 'customers', 6000);
$here->safe_psql('postgres', <<'END');
CREATE TABLE later AS SELECT id, recency * 1.1 + 1 AS recency,
    CASE id % 50 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE frequency END AS frequency, monetary,
    CASE WHEN id % 9 = 0 THEN 'app' ELSE channel END AS channel, member, (id % 6)::smallint AS code,
    exp(4 * test.u(id, 7) ^ 2)::numeric(12, 2) AS spent, 7 AS same, NULL::float8 AS nothing, (1e9 + test.u(id, 8))::float8 AS far_off,
    CASE WHEN id = 5 THEN 1e300 ELSE test.u(id, 9) END AS outlier, (id % 100 = 0)::int * id AS mostly_zero, 0 AS zero,
    timestamptz '2025-01-01 00:00+00' + interval '1 hour' * id AS since, id - 300 AS signed
FROM customers c WHERE id % 8 > 1 OR id < 1500;
CREATE TABLE shuffled AS SELECT * FROM later ORDER BY hashint4extended(id, 1);
END
$servers->spread_like('eight', 8, 'later', 'hashint4extended(id, 3)');
$servers->spread_like('sixteen', 16, 'later', 'id DESC');
$servers->listen_from_now;

# histogram(): bins and counts to the bit, densities but for their last bits.
for my $arguments (map({ "'$_'" } qw(recency frequency monetary code spent same nothing far_off outlier mostly_zero since signed member)), "'recency', 1", "'spent', 1000", "'outlier', 3", "'same', 4")
{
    my $bins = "SELECT string_agg(concat_ws(' ', bin, low, high, n, share), chr(10)) FROM custseg.histogram('%s', $arguments)";
    my $expected = $servers->result(sprintf($bins, 'later'));

    is($servers->result(sprintf($bins, $_)), $expected, "histogram of $arguments: bins of $_ as of later") for (qw(eight sixteen));
    is($servers->result("SELECT count(*) FROM custseg.histogram('later', $arguments) a FULL JOIN custseg.histogram('sixteen', $arguments) b USING (bin)"
          . ' WHERE (a.density IS NULL) <> (b.density IS NULL) OR abs(a.density - b.density) > 1e-11 * (a.density + b.density) + 1e-300'), '0', 'densities of sixteen');
    is($servers->result("SELECT sum(density::text::numeric) FROM custseg.histogram('sixteen', $arguments)"),
        $servers->result("SELECT sum(density::text::numeric) FROM custseg.histogram('eight', $arguments)"), 'the same bits on 8 and 16 leaves');
}
$servers->heard_states('histogram');
like(psql_error($here, 'postgres', "SELECT * FROM custseg.histogram('eight', 'recency', 0)"), qr/ERROR:  22023: "bins" must be between 1 and 1000/, 'no bins');

# concentration(): of values that do not fit into memory, all to the last bits but Gini's coefficient, whose bound is told.
my $little = "SET maintenance_work_mem = '1MB';";

for my $column (qw(recency monetary frequency spent code member mostly_zero same zero nothing outlier))
{
    my $measures = "SELECT n, n_null, total, gini, top_10_share, top_1_share, lorenz FROM custseg.concentration('%s', '$column')";

    is($servers->result(sprintf($measures, 'sixteen')), $servers->result(sprintf($measures, 'shuffled')), "concentration of $column where there is memory: the same bits");
}
$here->safe_psql('postgres', 'CREATE TABLE plenty AS SELECT i AS id, exp(3 * test.u(i, 1)) * (1 + (i % 1000 = 0)::int * 100 * test.u(i, 2)) AS spent, (5 * test.u(i, 3) ^ 3)::int AS orders,'
      . ' CASE WHEN i % 3 = 0 THEN round((50 * test.u(i, 4))::numeric, 1) END AS rounded, CASE WHEN i = 77 THEN 1e300 ELSE test.u(i, 5) END AS outlier, CASE WHEN i % 4 > 0 THEN 0 ELSE test.u(i, 6) END AS often_zero'
      . ' FROM generate_series(1, 60000) i');
$servers->spread_like('plenty_there', 6, 'plenty', 'hashint4extended(id, 5)');
$servers->spread_like('plenty_twelve', 12, 'plenty', 'id DESC');
$servers->listen_from_now;
for my $column (qw(spent orders rounded outlier often_zero))
{
    my $measured = "SELECT n, n_null, total, gini, top_10_share, top_1_share, lorenz FROM custseg.concentration('%s', '$column')";
    my ($out, $err);

    $here->psql('postgres', "$little " . sprintf($measured, 'plenty_there'), stdout => \$out, stderr => \$err);
    is($servers->result("$little " . sprintf($measured, 'plenty_twelve')), $out, "concentration of $column past memory: the same bits on 6 and 12 leaves");
    my ($bound) = $err =~ /NOTICE:  "gini" is that of all values to within (\S+)/;

    $bound //= 1e-9;
    cmp_ok($bound, '<', $column eq 'outlier' ? 1e-6 : 1e-4, "and a bound: $bound");
    is($servers->result(<<"END"), 't|t|t|t|t|t', 'near that of all values');
WITH a AS MATERIALIZED (SELECT * FROM custseg.concentration('plenty', '$column')), b AS (SELECT * FROM (VALUES (\$_\$$out\$_\$)) v(line), string_to_array(line, '|') v2(x))
SELECT a.n = x[1]::bigint, a.n_null = x[2]::bigint, abs(a.total - x[3]::float8) <= 1e-14 * a.total, abs(a.gini - x[4]::float8) <= $bound, abs(a.top_1_share - x[6]::float8) < 1e-12,
    (SELECT max(abs(p - q)) < 1e-12 FROM unnest(a.lorenz, x[7]::float8[]) u(p, q)) FROM a, b
END
}
$servers->heard_states('concentration past memory');
for my $table (qw(later eight))
{
    like(psql_error($here, 'postgres', "SELECT * FROM custseg.concentration('$table', 'signed')"), qr/ERROR:  22023: column "signed" has values below 0, which have no concentration.*The least is -299/s, "values below 0 of $table");
}
$here->safe_psql('postgres', "UPDATE plenty_there SET spent = -spent WHERE id = 4000");
like(psql_error($here, 'postgres', "$little SELECT * FROM custseg.concentration('plenty_there', 'spent')"), qr/ERROR:  22023: column "spent" has values below 0/, 'values below 0 past memory');

# mcar_test(): patterns counted, and their sums, but for last bits.
$servers->listen_from_now;
for my $columns ('recency,frequency,monetary', 'recency,frequency,spent,code,member', 'recency,frequency,far_off,since', 'monetary,far_off')
{
    my $tested = "SELECT n, n_patterns, statistic, df, p_value, reason FROM custseg.mcar_test('%s', '{$columns}')";

    is($servers->result('SELECT a.n = b.n AND a.n_patterns = b.n_patterns AND a.df = b.df AND a.reason = b.reason, abs(a.statistic - b.statistic) <= 1e-6 * (a.statistic + b.statistic), a.p_value IS NOT DISTINCT FROM b.p_value OR abs(a.p_value - b.p_value) < 1e-6 FROM ('
          . sprintf($tested, 'later') . ') a, (' . sprintf($tested, 'sixteen') . ') b'), 't|t|t', "mcar_test of $columns: of sixteen as of later");
    is($servers->result(sprintf($tested, 'sixteen')), $servers->result(sprintf($tested, 'eight')), 'the same bits on 8 and 16 leaves');
}
$servers->heard_states('mcar_test');
for my $table (qw(later eight))
{
    like(psql_error($here, 'postgres', "SELECT * FROM custseg.mcar_test('$table', '{recency,nothing}')"), qr/ERROR:  22023: column "nothing" has no value/, "mcar_test of a column without a value: $table");
    like(psql_error($here, 'postgres', "SELECT * FROM custseg.mcar_test('$table', '{recency,same}')"), qr/ERROR:  22023: the covariance matrix of the columns is singular/, "of a constant: $table");
}
is($servers->result("$little SELECT n FROM custseg.mcar_test('plenty_twelve', '{rounded,outlier,orders}')"), '60000', 'of more rows than there is memory for');

done_testing();
