# Lines of orders on other servers: what is made of them is what is made of the same lines here, also where a
# customer, or an order, has lines on several servers, and no line comes over.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use PostgreSQL::Test::Utils;
use Test::More;

my $servers = OtherServers->new([qw(west east)], there => "log_statement = all\nlog_min_messages = warning\ntimezone = 'Asia/Tokyo'\n");
my ($here, %there) = $servers->nodes;
# most days have several lines
my $columns = order_lines($here, rows => 12000, customers => 300, since => "timestamptz '2024-01-01 00:00+00'", columns => 'pieces int, "order" int',
    values => 'CASE WHEN i % 233 > 0 THEN (i * 7) % 13 - 1 END, CASE WHEN i % 31 > 0 THEN i / 3 END');

$here->safe_psql('postgres', <<'END');
-- somebody who only returns, and somebody with very many lines
INSERT INTO lines SELECT 20000 + i, 'returns', '2025-01-01', '2025-01-01 10:00+00', '2025-01-01 10:00', -1, -1, -1, 90000 FROM generate_series(1, 5) i;
INSERT INTO lines SELECT 30000 + i, 'many', d::date, d, d, i % 7, i % 7 + 0.1, i % 7, NULL
FROM generate_series(1, 3000) i, LATERAL (SELECT timestamp '2024-02-01' + interval '1 minute' * ((i * 7919) % 500000) AS d) m;
END

# A table whose partitions, by a hash of a column, are in turn on the two servers, with the lines of another.
sub spread
{
    my ($table, $leaves, $key, $lines) = @_;

    $servers->spread($table, $columns, $leaves, $key, "$lines ORDER BY hashint4extended(line, 3)");
}

# One customer in one place; customers and orders in several; here and there; and all lines on one server.
spread('whole', 8, 'customer', 'lines');
spread('scattered', 5, 'line', 'lines');
$there{east}->safe_psql('postgres', "CREATE TABLE mixed_there ($columns); CREATE TABLE single ($columns)");
$here->safe_psql('postgres', <<"END");
CREATE TABLE mixed ($columns) PARTITION BY RANGE (line);
CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (0) TO (5000);
CREATE FOREIGN TABLE mixed_there PARTITION OF mixed FOR VALUES FROM (5000) TO (100000) SERVER east;
INSERT INTO mixed SELECT * FROM lines;
CREATE FOREIGN TABLE single ($columns) SERVER east;
INSERT INTO single SELECT * FROM lines;
END

my @layouts = qw(whole scattered mixed single);
my $model_columns = "algorithm, n_rows, n_skipped, skipped, parameters, metrics - '{read_milliseconds,fit_milliseconds}'::text[]";

# What a statement gives in which %s is the table, and what it tells.
sub answer
{
    return $servers->answer(@_);
}

# The answer is that of the table here for each layout; each server was asked, for nothing but sums.
sub same
{
    my ($name, $statement, $like, $lines, @tables) = @_;
    my $expected = answer($statement, $lines // 'lines');

    like($expected, $like, "$name: the answer of a table here");
    for my $table (@tables > 0 ? @tables : @layouts)
    {
        $servers->listen_from_now;
        is(answer($statement, $table), $expected, "$name: $table");
        $servers->heard_no_rows("$name: $table", 1, qr/SELECT (?:customer, custseg_private\.buying\(|custseg_private\.buying\(|count\(\*\)|min\(|max\()|GROUP BY/,
            $table eq 'single' || $table eq 'mixed' ? 'east' : ());
    }
}

my $summary = "SELECT md5(string_agg(s::text, ' ' ORDER BY s)), count(*) FROM custseg.purchase_summary('%s', 'customer'";

same('purchase_summary', "$summary, 'at', 'amount', options => '{\"time_zone\": \"Europe/Berlin\"}') s",
    qr/\|55\d\nNOTICE:  \d+ of 15005 lines left out: \d+ without a customer, \d+ without a finite time, \d+ without a finite amount, \d+ returns that lower no purchase/);
same('purchase_summary of days as of a day', "$summary, 'day', 'pieces', '2025-03-04', '{\"returns\": \"ignore\", \"unit\": \"day\"}') s",
    qr/\d+ later than "as_of", \d+ returns that lower no purchase/);
same('purchase_summary without amounts', "$summary, 'at_home') s", qr/\|55\d\n/);
same('purchase_summary of floats', "$summary, 'at', 'price') s", qr/\|55\d\n/);
same('train_purchases',
    "SELECT custseg.train_purchases('worth', '%s', 'customer', 'at', 'amount', options => '{\"time_zone\": \"UTC\"}') IS NOT NULL;"
      . " SELECT $model_columns FROM custseg.model_version WHERE model = 'worth' ORDER BY version DESC LIMIT 1;"
      . " SELECT md5(string_agg(l::text, ' ' ORDER BY l)), count(*) FROM custseg.lifetime_value('worth', horizon => '1 year') l;"
      . " SELECT custseg.drop_model('worth', whole => true)",
    qr/_nbd\|\d+.*lines left out/s);

# Customers in the order of their texts, beside those who are placed.
customers($here, 'postgres', 'customers', 400);
$here->safe_psql('postgres', "CREATE VIEW placed AS SELECT 'customer ' || id AS id, recency, frequency, monetary FROM customers;"
      . " SELECT custseg.train('groups', 'placed', '{recency,frequency,monetary}', k => 3, id => 'id');"
      . " SELECT custseg.train_purchases('worth', 'lines', 'customer', 'at', 'amount')");
same('segment_value', "SELECT segment, name, n, expected_purchases, round(value_sum::numeric, 6) FROM custseg.segment_value('worth', 'groups', '%s', 'placed')", qr/segment 3\|/);

my $kpis = "SELECT month, segment, n, n_buyers, n_orders, orders_squares, revenue, n_retained, n_new, reason FROM custseg.segment_kpis('groups', '%s', 'customer', 'at', 'amount', source => 'placed'";

same('segment_kpis', "$kpis)", qr/2025-\d\d-01\|3\|/);
same('segment_kpis of orders', "$kpis, options => '{\"order\": \"order\", \"months\": 24, \"returns\": \"ignore\"}')", qr/2024-0\d-01\|3\|/);

my $rfm = "SELECT md5(string_agg(r::text, ' ' ORDER BY r)), count(*), sum(frequency) FROM custseg.rfm('%s', 'customer'";

same('rfm', "$rfm, 'at', 'amount') r", qr/\|55\d\|1\d{4}\nNOTICE:  \d+ of 15005 lines left out: .*NOTICE:  1 customer has only returns, and is left out\n/s);
same('rfm of orders as of a day', "$rfm, 'at_home', 'pieces', '2025-03-04', options => '{\"order\": \"order\", \"returns\": \"ignore\"}') r",
    qr/\d+ later than "as_of"/);
same('rfm of orders of a day', "$rfm, 'at', 'amount', options => '{\"order\": \"order\", \"same_day\": true, \"time_zone\": \"Pacific/Auckland\"}') r", qr/\|55\d\|\d{4}\n/);
same('rfm of days', "$rfm, 'day', 'amount', options => '{\"same_day\": true, \"returns\": \"count\"}') r", qr/\|55\d\|\d{4}\n/);
same('rfm of lines at once', "$rfm, 'day', 'pieces') r", qr/each line counts as an order, though \d+ of \d+ lines have the customer and time of another line/);
same('rfm of floats', "SELECT md5(string_agg((r.customer_id, r.last_purchase, r.frequency, round(r.monetary::numeric, 9))::text, ' ' ORDER BY r.customer_id)), count(*) FROM custseg.rfm('%s', 'customer', 'at', 'price') r", qr/\|55\d\n/);
same('rfm_thresholds', "SELECT * FROM custseg.rfm_thresholds('%s', 'customer', 'at', 'amount')", qr/monetary\|5\|/);

# Tables that had no rows when they were analyzed: the planner expects none, and sums come over all the same.
spread('late', 4, 'line', '(SELECT * FROM lines LIMIT 0) AS l');
$there{east}->safe_psql('postgres', "CREATE TABLE late_single ($columns)");
$here->safe_psql('postgres', "CREATE FOREIGN TABLE late_single ($columns) SERVER east; ANALYZE late; ANALYZE late_single; INSERT INTO late SELECT * FROM lines; INSERT INTO late_single SELECT * FROM lines");
same('rfm of tables that were empty', "$rfm, 'at', 'amount') r", qr/\|55\d\|1\d{4}\n/, 'lines', 'late');
same('purchase_summary of tables that were empty', "$summary, 'at', 'amount') s", qr/\|55\d\n/, 'lines', 'late');
for my $call ("rfm('late_single', 'customer', 'at', 'amount')", "purchase_summary('late_single', 'customer', 'at', 'amount')")
{
    my $before = -s $there{east}->logfile;

    is(answer("SELECT count(*) FROM custseg.$call", 'single'), answer('SELECT count(*) FROM custseg.' . ($call =~ s/late_single/lines/r), 'single'), $call);
    unlike(slurp_file($there{east}->logfile, $before), qr/CURSOR FOR\s+SELECT customer, (at|amount|line)/, "$call: no lines come over");
}

# The order of the customers is that of a table here.
my $customers = "SELECT md5(string_agg(customer_id, ' ')) FROM custseg.rfm('%s', 'customer', 'at', 'amount')";

is(answer($customers, 'scattered'), answer($customers, 'lines'), 'customers in their order');

# Experiments: outcomes are lines, and who is enrolled is known here alone.
$here->safe_psql('postgres', <<'END');
CREATE TABLE outcomes AS SELECT line, customer, day, at, at_home, pieces * 1.25 AS amount, pieces / 4.0::float8 AS price, pieces, "order" FROM lines WHERE customer IS NOT NULL;
ALTER TABLE outcomes ALTER amount TYPE numeric;
SELECT custseg.create_experiment('spring', 'groups', '["control", "offer", "letter"]', '[{"metric": "revenue", "kind": "mean", "role": "primary", "column": "amount", "effect": 1, "window": "14 days", "covariate": "price"},
    {"metric": "bought", "kind": "conversion", "column": "pieces", "window": "30 days"}, {"metric": "ever", "kind": "mean", "column": "price", "cap": 0.9}, {"metric": "basket", "kind": "ratio", "numerator": "amount", "denominator": "pieces"}]', '{"method": "fixed"}');
SELECT custseg.enroll('spring', 'placed');
UPDATE custseg.enrolment SET enrolled_at = CASE WHEN customer < 'customer 2' THEN timestamptz '2024-09-01 10:00+00' ELSE '2025-03-15 12:34:56.789012+00' END;
END
spread('outcomes_whole', 4, 'customer', 'outcomes');
spread('outcomes_scattered', 5, 'line', 'outcomes');

my $results = 'metric, variant, segment, n_control, n_treatment, ' . join(', ', map { "round($_\::numeric, 9)" } qw(mean_control mean_treatment difference standard_error p_value theta heterogeneity)) . ', verdict';
my @outcomes = ('outcomes', 'outcomes_whole', 'outcomes_scattered');

same('experiment_results', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')", qr/revenue\|letter\|3\|\d{2}\|/, @outcomes);
same('effect_over_time', 'SELECT variant, period_number, n_control, n_treatment, ' . join(', ', map { "round($_\::numeric, 9)" } qw(mean_control mean_treatment difference p_value))
      . " FROM custseg.effect_over_time('spring', '%s', 'ever', '7 days', 5, id => 'customer', options => '{\"time\": \"at\"}')", qr/letter\|5\|/, @outcomes);
for my $table (qw(lines whole scattered))
{
    like(answer("SELECT * FROM custseg.experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')", $table), qr/ERROR:  an outcome has no customer\n/, "an outcome of nobody: $table");
}

# Lines of a query come over as rows, and where these are too many, no sample of them is named: a customer without a row counts as zero.
# The planner expects them or not, for it knows the table from before, and then from after, it has them.
my $instead = qr/HINT:  A customer without a row counts as zero, so that a sample is no source here\.  Copy the rows of the customers in custseg\.enrolment to a table on this server, and give that as the source\.  Or /;
my $four_times = join(' UNION ALL ', ('SELECT * FROM %s') x 4);

spread('outcomes_late', 2, 'line', '(SELECT * FROM outcomes LIMIT 0) AS o');
$here->safe_psql('postgres', 'ANALYZE outcomes_late; INSERT INTO outcomes_late SELECT * FROM outcomes');
for my $refusal (qr/ERROR:  more than \d{5} rows of the query would be fetched from other servers.*${instead}raise maintenance_work_mem to fetch them all the same\.$/sm,
    qr/ERROR:  some \d{5} rows of the query would be fetched from other servers.*${instead}SET maintenance_work_mem = '\dMB' to fetch them all the same\.$/sm)
{
    for my $call ("experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')", "look('spring', '%s', 'customer', '{\"time\": \"at\"}')",
        "effect_over_time('spring', '%s', 'ever', '7 days', 5, id => 'customer', options => '{\"time\": \"at\"}')")
    {
        like(answer("SET maintenance_work_mem = '1MB'; SELECT * FROM custseg." . ($call =~ s/%s/$four_times/r), 'outcomes_late'),
            $refusal, "too many lines: $call");
    }
    $here->safe_psql('postgres', 'ANALYZE outcomes_late');
}
# What the hint says to do is a source, with the results of all rows.
$here->safe_psql('postgres', "CREATE TABLE outcomes_copied AS SELECT o.* FROM outcomes_whole o WHERE o.customer IN (SELECT customer FROM custseg.enrolment)");
my $copied = "SET maintenance_work_mem = '1MB'; SELECT $results FROM custseg.experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')";

is(answer($copied, 'outcomes_copied'), answer($copied, 'outcomes'), 'a copy of the rows of who is enrolled');

# Operators and functions that somebody has planted, nearer to the types than those of PostgreSQL, are not called.
$here->safe_psql('postgres', <<'SQL');
CREATE SCHEMA trap;
CREATE FUNCTION trap.sprung(int, interval) RETURNS interval LANGUAGE plpgsql AS $$BEGIN RAISE 'a trap'; END$$;
CREATE FUNCTION trap.sprung(bigint, interval) RETURNS interval LANGUAGE plpgsql AS $$BEGIN RAISE 'a trap'; END$$;
CREATE FUNCTION trap.unnest(timestamptz[]) RETURNS SETOF timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE 'a trap'; END$$;
CREATE OPERATOR trap.* (LEFTARG = int, RIGHTARG = interval, FUNCTION = trap.sprung);
CREATE OPERATOR trap.* (LEFTARG = bigint, RIGHTARG = interval, FUNCTION = trap.sprung);
SQL
for my $call ("experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')",
    "effect_over_time('spring', '%s', 'ever', '7 days', 5, id => 'customer', options => '{\"time\": \"at\"}')")
{
    unlike(answer("SET search_path = trap, public; SELECT * FROM custseg.$call", $_), qr/ERROR/, "no trap is sprung: $_: $call") for @outcomes;
}

# Where customers were enrolled one by one, at very many times, lines come over.
$here->safe_psql('postgres', "UPDATE custseg.enrolment SET enrolled_at = enrolled_at + interval '1 hour' * hashtext(customer) / 1e6");
my $by_lines = "SELECT $results FROM custseg.experiment_results('spring', '%s', 'customer', '{\"time\": \"at\"}')";

is(answer($by_lines, 'outcomes_whole'), answer($by_lines, 'outcomes'), 'many times of enrolments');

# Policies of the parent apply to each line: these come over.
$servers->heeds_policy('rfm', "'customer', 'at', 'amount'");

# A server that does not know custseg sends lines, as long as there is memory for them.
$here->safe_psql('postgres', "ALTER SERVER west OPTIONS (DROP extensions)");
is(answer("$rfm, 'at', 'amount') r", 'whole'), answer("$rfm, 'at', 'amount') r", 'lines'), 'a server that does not know custseg');
is(answer("$summary, 'at', 'amount') s", 'whole'), answer("$summary, 'at', 'amount') s", 'lines'), 'also of repeat purchases');
$here->safe_psql('postgres', "ALTER SERVER west OPTIONS (ADD extensions 'custseg')");

# Bytes that a server has made up.
$there{east}->safe_psql('postgres', "CREATE FUNCTION forge(bytea) RETURNS bytea LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT f.bytes FROM public.forged f); END';"
      . " CREATE TABLE forged AS SELECT ''::bytea AS bytes;"
      . " CREATE OR REPLACE AGGREGATE custseg_private.buying(at bigint, amount numeric) (SFUNC = custseg_private.buying_accum, STYPE = bytea, FINALFUNC = forge, PARALLEL = SAFE)");
for my $bytes ('', '64', '66', '6601', '640180', '64ffffffffffffffffffff01', '64010201000001', '6401020000000000', '6401020102000000', '640102018080808001')
{
    $there{east}->safe_psql('postgres', "UPDATE forged SET bytes = '\\x$bytes'");
    for my $statement ("$rfm, 'at', 'amount') r", "$summary, 'at', 'amount') s")
    {
        like(answer($statement, 'single'), qr/ERROR:  invalid sums of what a customer bought\nHINT:  .*All servers must have the same version of custseg/, "bytes $bytes");
    }
}

done_testing();
