# A server that has made up what it sends: states of passes and sums with other bytes, times that cannot be, and rows
# that do not fulfil the conditions they were asked for.  All of it is an error, or an answer; nothing ends the server here.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use Test::More;

my $servers = OtherServers->new(['there'], there => "log_min_messages = fatal\n", options => '');
my ($here, %there) = $servers->nodes;
my $there = $there{there};
my $columns = 'id int, x float8, y numeric, code int, level text, at timestamptz, customer text, amount numeric, price float8, "order" int, gone bool';

$there->safe_psql('postgres', "CREATE TABLE customers ($columns);" . <<'SQL');
INSERT INTO customers
SELECT
    i, CASE WHEN i % 50 > 0 THEN 10 * test.u(i, 1) + 20 * (i % 3) END, round((100 * test.u(i, 2))::numeric, 1), i % 4, 'level ' || i % 5,
    timestamptz '2024-01-01 00:00+00' + interval '3 hours' * i, 'customer ' || i % 60, i % 90 - 5, (i % 90) / 2.0 - 5, i / 3, i % 3 = 0
FROM generate_series(1, 2000) i;
ANALYZE customers;
-- a customer who is there when the condition is looked at, and is not when rows are sent
CREATE SEQUENCE calls;
CREATE FUNCTION fickle(customer text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN nextval('public.calls') % 2 > 0 THEN customer END;
END
$$;
CREATE VIEW fickle AS SELECT id, x, y, code, level, at, fickle(customer) AS customer, amount, price, "order", gone FROM customers;
-- more rows for whoever asks again
CREATE SEQUENCE asked;
CREATE FUNCTION size() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT CASE WHEN nextval(''public.asked'') > 1 THEN 2000 ELSE 10 END';
CREATE VIEW plenty AS SELECT c.* FROM customers c CROSS JOIN generate_series(1, 25);
CREATE VIEW growing AS SELECT * FROM customers WHERE id <= (SELECT size());
-- the bytes to send as what a customer bought
CREATE TABLE forged AS SELECT ''::bytea AS bytes;
CREATE FUNCTION forge(bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT f.bytes FROM public.forged f);
END
$$;
-- bytes of which a few are others, most of them behind the head: always the same ones in the same order
CREATE SEQUENCE changes;
CREATE FUNCTION change(bytes bytea) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
    n int := length(bytes);
    nr bigint := nextval('public.changes');
    at int;
BEGIN
    IF test.u(nr, 1) < 0.3 THEN
        RETURN bytes;
    END IF;
    FOR i IN 1 .. 1 + (4 * test.u(nr, 2) * test.u(nr, 3))::int LOOP
        at := n - 1 - (test.u(nr, 10 + i) * test.u(nr, 20 + i) * (n - 1))::int;
        bytes := set_byte(bytes, at, CASE (8 * test.u(nr, 30 + i))::int % 4
            WHEN 0 THEN (get_byte(bytes, at) + 1) % 256
            WHEN 1 THEN (get_byte(bytes, at) + 255) % 256
            WHEN 2 THEN 255
            ELSE (255 * test.u(nr, 40 + i))::int
        END);
    END LOOP;
    RETURN bytes;
END
$$;
CREATE FUNCTION change_sums(state bytea) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT public.change(custseg_private.buying_final(state))';
SQL
$here->safe_psql('postgres', <<"END");
CREATE FOREIGN TABLE customers ($columns) SERVER there;
CREATE FOREIGN TABLE fickle ($columns) SERVER there;
CREATE FOREIGN TABLE plenty ($columns) SERVER there;
CREATE FOREIGN TABLE growing ($columns) SERVER there;
ANALYZE customers;
SELECT custseg.train('segments', 'customers', '{x,y,level}', 3, id => 'id');
SELECT custseg.train('segments', 'customers', '{x,y}', 4, id => 'id');
SELECT custseg.train('borders', 'customers', '{x,y}', algorithm => 'rules', id => 'id', options => '{"segments": [{"name": "low", "when": {"x": {"to": 30}}}, {"name": "rest"}], "else": "rest"}');
END

# The error of a statement.
sub fails
{
    my ($name, $statement, $like) = @_;

    like(psql_error($here, 'postgres', $statement), $like, $name);
}

my $invalid = qr/ERROR:  22023: invalid sums of what a customer bought.*All servers must have the same version of custseg/s;
my $rfm = "SELECT count(*) FROM custseg.rfm('%s', 'customer', 'at', 'amount'";
my $summary = "SELECT count(*) FROM custseg.purchase_summary('%s', 'customer', 'at', 'amount')";
my $kpis = "SELECT count(*) FROM custseg.segment_kpis('segments', '%s', 'customer', 'at', 'amount', 'customers')";

# Rows of nobody, and levels that are not there.
fails('rfm of nobody', sprintf("$rfm)", 'fickle'), $invalid);
fails('rfm of orders of nobody', sprintf("$rfm, options => '{\"order\": \"order\"}')", 'fickle'), $invalid);
fails('purchase_summary of nobody', sprintf($summary, 'fickle'), $invalid);
fails('segment_kpis of nobody', sprintf($kpis, 'fickle'), $invalid);
is($here->safe_psql('postgres', "SELECT n_distinct FROM custseg.describe('fickle', '{customer}')"), '0', 'levels that are not there');

# More rows in a sample than there were when they were counted.
for my $call ("drift('segments', 'growing')", "drift_multivariate('segments', 'growing')", "compare_versions('segments', 1, 1, 'growing')")
{
    $there->safe_psql('postgres', "ALTER SEQUENCE asked RESTART");
    fails("$call of rows that grow more", "SELECT count(*) FROM custseg.$call", qr/ERROR:  55000: /);
}

# Numbers of rows that cannot be.
$there->safe_psql('postgres', <<'SQL');
CREATE TABLE forged_count (n bigint);
CREATE FUNCTION forge_count(bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT f.n FROM public.forged_count f);
END
$$;
UPDATE pg_aggregate SET aggfinalfn = 'public.forge_count'::regproc WHERE aggfnoid = 'pg_catalog.count()'::regprocedure;
SQL
for my $n ('NULL', -5, 0, 9223372036854775807)
{
    $there->safe_psql('postgres', "DELETE FROM forged_count; INSERT INTO forged_count VALUES ($n)");
    fails("patterns of $n rows", "SELECT * FROM custseg.missing_patterns('customers')", qr/ERROR:  55000: the source had other rows when it was read again\s.*DETAIL:  Numbers of rows or values are not those of an earlier pass\./s);
    for my $call ("frequencies('customers', 'level')", "fairness('segments', 'customers', 'level')", "data_quality('segments', 'customers')",
        "retention('customers', 'x', 'code')", "cohorts('customers', 'customer', 'at', 'amount')", "customer_features('customers', 'customer', 'at', 'amount')",
        "customer_features('customers', 'customer', 'at', 'amount', product => 'level', options => '{\"order\": \"order\", \"same_day\": true}')", "describe('customers', '{level,x}')", "segment_profile('segments', 'customers')")
    {
        fails("$call of $n rows", "SELECT count(*) FROM custseg.$call", qr/ERROR:  22000: another server has sent a number of rows that cannot be.*All servers must have the same version of custseg/s);
    }
    # all lines may be left out
    next if $n eq '0';
    fails("$_ of $n rows", $_, qr/ERROR:  22000: another server has sent a number of rows that cannot be/) for "$rfm)" =~ s/%s/customers/r, map { s/%s/customers/r } $summary, $kpis;
}
$there->safe_psql('postgres', "UPDATE pg_aggregate SET aggfinalfn = 0 WHERE aggfnoid = 'pg_catalog.count()'::regprocedure");

# Times that cannot be, or do not ascend, and more orders than there is memory for.
$there->safe_psql('postgres', "CREATE OR REPLACE AGGREGATE custseg_private.buying(at bigint, amount numeric)"
      . " (SFUNC = custseg_private.buying_accum, STYPE = bytea, FINALFUNC = forge)");

sub forge
{
    my ($bytes) = @_;

    $there->safe_psql('postgres', "UPDATE forged SET bytes = '\\x$bytes'");
}

forge('6401f4ca2c0100000002');
fails('segment_kpis of a day in the year 3000', sprintf($kpis, 'customers'), $invalid);
fails('purchase_summary of a day in the year 3000', sprintf($summary, 'customers'), $invalid);
forge('6401feffffffffffffffff01' . '0100000002');
fails("$_->[0] of a time beyond all calendars", $_->[1], $invalid)
  for (['rfm', sprintf("$rfm)", 'customers')], ['purchase_summary', sprintf($summary, 'customers')], ['segment_kpis', sprintf($kpis, 'customers')]);
forge('6402' . '020100000002' . '010100000002');
fails('times that descend', sprintf($summary, 'customers'), $invalid);
forge('6402' . '020100000002' . '000100000002');
fails('a time twice', sprintf($summary, 'customers'), $invalid);
forge('6401' . '02' . '8080808080808002' . '00' . '000002');
fails('a million billion orders', "SET maintenance_work_mem = '1MB'; " . sprintf("$rfm)", 'customers'),
    qr/ERROR:  54000: keeping the times of the orders of a customer needs more than 1 MB, maintenance_work_mem is 1 MB/);

# Days, hours and months that cannot be, in groups of lines.
my %forged = (
    'day_of(at timestamptz, zone bytea) RETURNS int' => [2147483647, -2147483648],
    'hour_of(at timestamptz, zone bytea) RETURNS int' => [77, -1],
    'month_of(day int) RETURNS int' => [2147483647, -2147483648, 'NULL::int'],
    'microseconds(at timestamptz) RETURNS bigint' => [9223372036854775807, '-9223372036854775807 * (1 - 2 * ($1 > now())::int)']
);
my $features = "SELECT count(*) FROM custseg.customer_features('%s', 'customer', 'at', 'amount', category => 'level'";
my $cohorts = "SELECT count(*) FROM custseg.cohorts('%s', 'customer', 'at', 'amount'";
my %answered;

like($here->safe_psql('postgres', sprintf("$features)", 'fickle')), qr/^\d+$/, 'customer_features of nobody');
for my $function (sort keys %forged)
{
    my ($signature) = $function =~ /(.*) RETURNS/;
    my $genuine = $there->safe_psql('postgres', "SELECT pg_get_functiondef('custseg_private." . ($signature =~ s/\w+ (?=\w+[,)])//gr) . "'::regprocedure)");

    for my $number (@{ $forged{$function} })
    {
        $there->safe_psql('postgres', "CREATE OR REPLACE FUNCTION custseg_private.$function LANGUAGE sql STABLE AS 'SELECT $number'");
        for my $statement (sprintf("$features)", 'customers'), sprintf("$features, options => '{\"order\": \"order\", \"same_day\": true}')", 'customers'),
            sprintf("$cohorts)", 'customers'), sprintf("$cohorts, 'day')", 'customers'))
        {
            my $status = $here->psql('postgres', $statement);

            $answered{$status}++;
            isnt($status, 2, "$signature is $number: $statement");
        }
    }
    $there->safe_psql('postgres', $genuine);
}
cmp_ok($answered{$_} // 0, '>', 0, "an answer, or an error: $_") for (0, 3);

# Groups with a count or a value that cannot be.
$there->safe_psql('postgres', <<'END');
CREATE SEQUENCE counted;
CREATE VIEW shifting AS
SELECT id, CASE WHEN nextval('counted') % 2 = 0 THEN x END AS x, y, code, CASE WHEN nextval('counted') % 3 = 0 THEN level END AS level, at,
    customer, amount, price, "order", nextval('counted') % 2 = 0 AS gone
FROM customers;
END
$here->safe_psql('postgres', "CREATE FOREIGN TABLE shifting ($columns) SERVER there");
for my $statement ("frequencies('shifting', 'level')", "missing_patterns('shifting', '{x,level}')", "fairness('segments', 'shifting', 'level')", "fairness('segments', 'shifting', 'gone')",
    "compare_versions('segments', 1, 2, 'shifting')", "retention('shifting', 'id', 'gone', 'level')", "retention_summary('shifting', 'id', 'gone', 'level')", "data_quality('segments', 'shifting')", "pca('shifting', '{x,y}')")
{
    my ($out, $err);
    my $status = $here->psql('postgres', "SELECT count(*) FROM custseg.$statement", stdout => \$out, stderr => \$err);

    ok($status == 0 || $err =~ /ERROR:  the source had other rows when it was read again|ERROR:  invalid/, "rows that are others each time: $statement") or diag($err);
}

# Any bytes.
$there->safe_psql('postgres', <<'END');
CREATE OR REPLACE AGGREGATE custseg_private.buying(at bigint, amount numeric) (SFUNC = custseg_private.buying_accum, STYPE = bytea, FINALFUNC = change_sums);
CREATE OR REPLACE AGGREGATE custseg_private.pass(plan bytea, numbers float8[]) (SFUNC = custseg_private.pass_accum, STYPE = bytea, FINALFUNC = change);
CREATE OR REPLACE AGGREGATE custseg_private.pass(plan bytea, numbers float8[], levels text[]) (SFUNC = custseg_private.pass_accum, STYPE = bytea, FINALFUNC = change);
END
my %told;

for my $round (1 .. 3)
{
    for my $statement (
        "SELECT count(*) FROM custseg.describe('customers')",
        "SELECT count(*) FROM custseg.segment_profile('segments', 'customers')",
        "SELECT count(*) FROM custseg.histogram('customers', 'x')",
        "SELECT count(*) FROM custseg.evaluate('segments', 'customers', 1)",
        "SELECT count(*) FROM custseg.mcar_test('customers', '{x,y,code}')",
        "SELECT count(*) FROM custseg.segment_tests('segments', 'customers', NULL, '{\"test\": \"kruskal_wallis\"}')",
        "SELECT count(*) FROM custseg.feature_importance('segments', 'customers', '{\"sample\": 300}', 1)",
        "SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.concentration('plenty', 'y')",
        "SELECT count(*) FROM custseg.data_quality('segments', 'customers')",
        "SELECT count(*) FROM custseg.correlations('customers')",
        "SELECT count(*) FROM custseg.drift('segments', 'customers')",
        "SELECT custseg.monitor('segments', 'customers')",
        "SELECT count(*) FROM custseg.fairness('segments', 'customers', 'code')",
        "SELECT count(*) FROM custseg.drift_multivariate('segments', 'customers', 'customers', '{\"sample\": 300}')",
        "SELECT count(*) FROM custseg.compare_versions('segments', 1, 2, 'customers')",
        "SELECT count(*) FROM custseg.pca('customers', '{x,y}')",
        "SELECT count(*) FROM custseg.select_features('customers', '{x,y,level}')",
        "SELECT count(*) FROM custseg.stability('customers', '{x,y}', 3, 3, id => 'id', options => '{\"sample\": 300}')",
        "SELECT count(*) FROM custseg.clusterability('customers', '{x,y}', options => '{\"sample\": 300}')",
        "SELECT count(*) FROM custseg.optimise_thresholds('borders', 'customers', 'y')",
        "SELECT count(*) FROM custseg.choose_k('customers', '{x,y}', 2, 4)",
        "SELECT custseg.train('broken', 'customers', '{x,y,level}', 3, id => 'id')",
        "SELECT custseg.train('broken', 'customers', '{x,y,level}', 3, id => 'id')",
        sprintf("$rfm)", 'customers'),
        sprintf($summary, 'customers'),
        sprintf($kpis, 'customers'))
    {
        my ($out, $err);
        my $status = $here->psql('postgres', $statement, stdout => \$out, stderr => \$err);

        $told{ $status == 0 ? 'an answer' : $err =~ /ERROR:  (invalid \w+)/ ? $1 : 'another error' }++;
        isnt($status, 2, "round $round: $statement") or diag($err);
    }
}
cmp_ok($told{$_} // 0, '>', 0, "changed bytes: $_") for ('an answer', 'invalid state', 'invalid sums');

done_testing();
