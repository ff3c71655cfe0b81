# Features of customers, cohorts and retention of lines and customers on three other servers: what is made of sums of these
# servers is what is made of the same rows here, however they are laid out, and no row comes over.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use OtherServers;
use PostgreSQL::Test::Utils;
use Test::More;

my @servers = qw(north south west);
my $servers = OtherServers->new(\@servers, there => "log_statement = all\nlog_min_messages = warning\ntimezone = 'Asia/Tokyo'\n");
my ($here, %there) = $servers->nodes;

# Lines of which some are at midnight, and some customers are from long before 2000.
my $columns = order_lines($here, rows => 6000, customers => 240,
    since => "CASE WHEN i % 500 < 3 THEN timestamptz '1968-02-29 22:00+00' ELSE timestamptz '2024-01-01 00:00+00' END",
    columns => 'pieces int, weight float8, "order" int, product text, shelf int, channel text, discount numeric, is_offer bool',
    values => <<'END');
CASE WHEN i % 37 > 0 THEN (i * 7) % 13 END,
    CASE WHEN i % 41 > 0 THEN ((i * 7) % 13) / 8.0 END,
    CASE WHEN i % 31 > 0 THEN i / 3 END,
    CASE WHEN i % 43 > 0 THEN 'product ' || (20 * test.u(i, 5) * test.u(i, 6))::int END,
    CASE WHEN i % 47 > 0 THEN (9 * test.u(i, 7))::int END,
    (ARRAY['shop', 'web', 'phone'])[1 + (2.2 * test.u(i, 8))::int],
    CASE WHEN i % 6 = 0 THEN 1.5 WHEN i % 6 = 1 THEN 0 END,
    CASE i % 5 WHEN 0 THEN true WHEN 1 THEN false END
END

$here->safe_psql('postgres', <<'END');
INSERT INTO lines (line, customer, day, at, at_home, amount, price, "order") SELECT 20000 + i, 'returns', '2025-01-01', '2025-01-01 10:00+00', '2025-01-01 10:00', -1, -1, 90000 FROM generate_series(1, 5) i;
CREATE TABLE reversed AS SELECT * FROM lines ORDER BY line DESC;
END

# A customer in one place, in the order of the lines backwards; customers and orders in several, shuffled; and here and there.
$servers->spread('whole', $columns, 6, 'customer', 'reversed');
$servers->spread('scattered', $columns, 3, 'line', 'lines ORDER BY hashint4extended(line, 3)');
$there{north}->safe_psql('postgres', "CREATE TABLE mixed_there ($columns)");
$here->safe_psql('postgres', <<"END");
CREATE TABLE mixed ($columns) PARTITION BY RANGE (line);
CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (0) TO (2500);
CREATE FOREIGN TABLE mixed_there PARTITION OF mixed FOR VALUES FROM (2500) TO (100000) SERVER north;
INSERT INTO mixed SELECT * FROM lines;
END

my @layouts = qw(whole scattered mixed);

# What a statement gives in which %s is the table, and what it tells.
sub answer
{
    return $servers->answer(@_);
}

# The answer is that of the table here for each layout; each server was asked, for nothing but groups.
sub same
{
    my ($name, $statement, $like, $rows, @tables) = @_;
    my $expected = answer($statement, $rows);

    like($expected, $like, "$name: the answer of a table here");
    is(answer($statement, 'reversed'), $expected, "$name: whatever the order of its rows") if $rows eq 'lines';
    for my $table (@tables)
    {
        $servers->listen_from_now;
        is(answer($statement, $table), $expected, "$name: $table");
        $servers->heard_no_rows("$name: $table", 1, qr/ GROUP BY | CURSOR FOR SELECT (?:min|max|count)\(/, $table =~ /mixed/ ? 'north' : ());
    }
}

# All columns of a row; of floats those that are not the same to the last bit, rounded.
my $bits = "md5(string_agg((to_jsonb(f) - '{product_entropy,category_entropy}'::text[])::text, ' ' ORDER BY customer_id)), round(sum(product_entropy)::numeric, 9), round(sum(category_entropy)::numeric, 9), count(*), sum(frequency), count(days_between_variation), count(DISTINCT lifecycle), count(morning_share), round(sum(weekend_share)::numeric, 9)";
my $features = "SELECT $bits FROM custseg.customer_features('%s', 'customer'";
my $all = "product => 'product', category => 'shelf', channel => 'channel'";

same('customer_features', "$features, 'at', 'amount', $all, discount => 'discount', quantity => 'pieces', options => '{\"time_zone\": \"Europe/Berlin\"}') f",
    qr/\|[34]\d\d\|5\d{3}\|[34]\d\d\|4\|[34]\d\d\|/, 'lines', @layouts);
same('customer_features of orders', "$features, 'at_home', 'amount', $all, discount => 'is_offer', quantity => 'pieces', options => '{\"order\": \"order\", \"returns\": \"ignore\", \"top_categories\": 3}') f",
    qr/\|[34]\d\d\|2\d{3}\|/, 'lines', @layouts);
same('customer_features of days', "$features, 'day', 'pieces', $all, as_of => '2025-03-04', options => '{\"same_day\": true, \"returns\": \"count\", \"window_days\": 30}') f",
    qr/\|[34]\d\d\|\d{4}\|\d{3}\|4\|0\|/, 'lines', @layouts);
same('customer_features of orders of a day', "$features, 'at', 'amount', category => 'product', quantity => 'weight', as_of => '2025-01-02 03:04+00', options => '{\"order\": \"order\", \"same_day\": true, \"time_zone\": \"Pacific/Auckland\", \"look_back\": \"200 days\"}') f",
    qr/\|\d{3}\|\d{3,4}\|/, 'lines', @layouts);
same('customer_features of lines at once', "SELECT count(*) FROM custseg.customer_features('%s', 'customer', 'day', 'pieces') f",
    qr/each line counts as an order, though \d+ of \d+ lines have the customer and time of another line/, 'lines', @layouts);
same('customer_features of floats', "SELECT md5(string_agg((customer_id, last_purchase, frequency, round(monetary::numeric, 9), round(season_share::numeric, 9), round(spend_trend::numeric, 9), favourite_weekday)::text, ' ' ORDER BY customer_id)), count(*) FROM custseg.customer_features('%s', 'customer', 'at', 'price') f",
    qr/\|[34]\d\d\n/, 'lines', @layouts);
same('customer_features before all lines', "SELECT * FROM custseg.customer_features('%s', 'customer', 'at', 'amount', as_of => '1960-01-01')",
    qr/ERROR:  "as_of" is before the first line of relation "the source"/, 'lines', @layouts);
$here->safe_psql('postgres', "CREATE TABLE nothing ($columns)");
$servers->spread('nothing_there', $columns, 3, 'line', 'nothing');
same('customer_features without a line that counts', "SELECT count(*) FROM custseg.customer_features('%s', 'customer', 'at', 'amount')",
    qr/^0\n/, 'nothing', 'nothing_there');

# Cohorts: periods of the calendar, by the clocks of a zone; also before 2000.
my $cohorts = "SELECT md5(string_agg(c::text, ' ' ORDER BY cohort, period_number)), count(*), sum(n_active) FROM custseg.cohorts('%s', 'customer'";

same('cohorts', "$cohorts, 'at', 'amount', options => '{\"time_zone\": \"Pacific/Auckland\"}') c", qr/\|\d{3,5}\|\d{4}\nNOTICE:  \d+ of 6005 lines left out/, 'lines', @layouts);
same('cohorts of weeks as of a day', "$cohorts, 'at_home', 'pieces', 'week', '1969-08-04', '{\"returns\": \"ignore\"}') c", qr/later than "as_of"/, 'lines', @layouts);
same("cohorts of a $_", "$cohorts, 'day', period => '$_') c", qr/\|\d+\|\d+\n/, 'lines', 'scattered') for qw(quarter year);
$here->safe_psql('postgres', 'CREATE TABLE recent AS SELECT * FROM lines WHERE line % 500 > 2');
$servers->spread('recent_there', $columns, 3, 'line', 'recent');
same('cohorts of days', "$cohorts, 'at', 'amount', 'day', options => '{\"time_zone\": \"America/Lima\"}') c", qr/\|\d+\|\d+\n/, 'recent', 'recent_there');
same('cohorts of floats', "SELECT cohort, period_number, n_active, round(revenue::numeric, 6), is_complete FROM custseg.cohorts('%s', 'customer', 'at', 'price', 'year')", qr/1968-01-01\|0\|/, 'lines', @layouts);

# Retention, of customers: also durations and events of several types, and segments that look different and are equal.
my $stay_columns = 'id int, days int, years numeric, length float8, has_left bool, event int, segment text, part numeric, periods int';

$here->safe_psql('postgres', <<"END");
CREATE TABLE stays ($stay_columns);
INSERT INTO stays
SELECT i, CASE WHEN i % 101 > 0 THEN (400 * test.u(i, 1))::int END, CASE WHEN i % 103 = 0 THEN 'NaN' ELSE round((3 * test.u(i, 1))::numeric, 1) END,
    CASE WHEN i % 107 = 0 THEN 'Infinity' ELSE round((30 * test.u(i, 2))::numeric, 1) END, CASE WHEN i % 109 > 0 THEN test.u(i, 3) < 0.6 END, (test.u(i, 3) < 0.6)::int,
    CASE WHEN i % 113 > 0 THEN 'segment ' || i % 4 END, CASE WHEN i % 2 = 0 THEN 1.0 ELSE 1.00 END + i % 3,
    1 + (8 * test.u(i, 1) * test.u(i, 2))::int
FROM generate_series(1, 3000) i;
END
$servers->spread('stays_there', $stay_columns, 6, 'id', 'stays ORDER BY hashint4extended(id, 3)');
for my $call ("retention('%s', 'days', 'has_left', 'segment')", "retention('%s', 'length', 'event', times => '{0,5,10}')", "retention_summary('%s', 'years', 'event', 'part')",
    "retention_summary('%s', 'length', 'has_left', 'segment', 12)", "retention_test('%s', 'days', 'event', 'segment')",
    "retention_projection('%s', 'periods', 'event', 'segment', 3)", "retention_models('%s', 'periods', 'has_left', 'segment')")
{
    same($call, "SELECT * FROM custseg.$call", qr/NOTICE:  customers left out because they lack a finite duration, an event or a segment: \d+/, 'stays', 'stays_there');
}
$here->safe_psql('postgres', "INSERT INTO $_ (id, days, has_left) VALUES (9000, -1, true)") for qw(stays stays_there);
same('retention of a negative duration', "SELECT * FROM custseg.retention('%s', 'days', 'has_left')", qr/ERROR:  column "days" has a negative duration: -1/, 'stays', 'stays_there');

# Experiments whose outcomes have one row a customer: of a table with very many customers the enrolled ones are asked for.
customers($here, 'postgres', 'customers', 400);
my $outcome_columns = 'id int, name text, spent float8, bought bool, visits int, before numeric';

$here->safe_psql('postgres', <<"END");
SELECT custseg.train('groups', 'customers', '{recency,frequency,monetary}', k => 3, id => 'id');
SELECT custseg.create_experiment('spring', 'groups', '["control", "offer", "letter"]', '[{"metric": "spend", "kind": "mean", "role": "primary", "column": "spent", "effect": 1, "covariate": "before"},
    {"metric": "bought", "kind": "conversion", "column": "bought"}, {"metric": "capped", "kind": "mean", "column": "visits", "cap": 0.9}, {"metric": "basket", "kind": "ratio", "numerator": "spent", "denominator": "visits"}]', '{"method": "fixed"}');
SELECT custseg.enroll('spring', 'customers');
-- texts that are no id of a number: they belong to no row
INSERT INTO custseg.enrolment SELECT (jsonb_populate_record(e, jsonb_build_object('customer', c))).*
    FROM custseg.enrolment e, unnest(ARRAY['007', 'five', '40000', '-99999999999', '9223372036854775808', '99999999999999999999', '-0', ' 9', '{"}']) c
    WHERE e.customer = (SELECT min(customer) FROM custseg.enrolment);
CREATE TABLE outcomes ($outcome_columns);
INSERT INTO outcomes SELECT i, 'customer ' || i, CASE WHEN i % 7 > 0 THEN round((50 * test.u(i, 1))::numeric, 2) END, test.u(i, 2) < 0.3, i % 5, i % 90 FROM generate_series(1, 30000) i WHERE i % 11 > 0;
END
$servers->spread('outcomes_there', $outcome_columns, 3, 'id', 'outcomes ORDER BY hashint4extended(id, 3)');
my $of_other_ids = 'short int2, long int8, code uuid, spent float8, bought bool, visits int, before numeric';
$here->safe_psql('postgres', "CREATE TABLE other_ids ($of_other_ids); INSERT INTO other_ids SELECT id, id, md5(name)::uuid, spent, bought, visits, before FROM outcomes");
$servers->spread('other_ids_there', $of_other_ids, 3, 'long', 'other_ids ORDER BY hashint8extended(long, 3)');
my $results = 'metric, variant, segment, n_control, n_treatment, ' . join(', ', map { "round($_\::numeric, 9)" } qw(mean_control mean_treatment difference standard_error p_value theta heterogeneity)) . ', verdict';

# The answer of a table here, of rows that are asked for by their ids.
sub enrolled_alone
{
    my ($name, $statement, $like, $there_too, $rows) = @_;
    $rows //= 'outcomes';
    my $expected = answer($statement, $rows);

    $servers->listen_from_now;
    like($expected, $like, "$name: the answer of a table here");
    is(answer($there_too // $statement, "${rows}_there"), $expected, $name);
    # the rows of who is enrolled
    $servers->heard_no_rows($name, 1, qr/ IS NULL\) OR \(.* = ANY \(E?'\{/);
}

enrolled_alone('experiment_results', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'id')", qr/spend\|letter\|3\|\d+\|/);
enrolled_alone("experiment_results by $_", "SELECT $results FROM custseg.experiment_results('spring', '%s', '$_')", qr/spend\|letter\|3\|\d+\|/, undef, 'other_ids') for qw(short long);
enrolled_alone('experiment_results of everybody', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'id', '{\"complete\": true}')", qr/spend\|letter\|3\|\d+\|/);
like($here->safe_psql('postgres', "SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.experiment_results('spring', 'outcomes_there', 'id')"), qr/^\d+$/, 'which fit into little memory');
my $hostile = q{E'c"\\\\{},\'\'NULL\n$1 ' || };
$here->safe_psql('postgres', "UPDATE custseg.enrolment SET customer = CASE WHEN customer ~ '^[1-9][0-9]{0,5}\$' AND right(customer, 1) IN ('3', '6') THEN $hostile customer ELSE 'customer ' || customer END");
$here->safe_psql('postgres', "UPDATE $_ SET name = $hostile id WHERE right(id::text, 1) IN ('3', '6')") for qw(outcomes outcomes_there);
enrolled_alone('experiment_results by a text', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'name')", qr/spend\|letter\|3\|\d+\|/);
# Long ids of customers are told as long as their list is short: beyond that, all rows come.
my $long = "SELECT $results FROM custseg.experiment_results('spring', '%s', 'name')";

$here->safe_psql('postgres', "INSERT INTO custseg.enrolment SELECT (jsonb_populate_record(e, jsonb_build_object('customer', repeat('long', 2500) || i))).*"
      . " FROM custseg.enrolment e, generate_series(1, 300) i WHERE e.customer = (SELECT min(customer) FROM custseg.enrolment)");
enrolled_alone('experiment_results with long ids', $long, qr/spend\|letter\|3\|\d+\|/);
$servers->listen_from_now;
is(answer("SET maintenance_work_mem = '4MB'; $long", 'outcomes_there'), answer($long, 'outcomes'), 'experiment_results with more bytes of ids than there is memory for');
for my $server (@servers)
{
    my @asked = $servers->asked($server);

    isnt(scalar @asked, 0, "$server sends rows");
    unlike("@asked", qr/longlong/, "$server is told no ids");
}
# What is made of sums is the same, and others are asked the same, whatever operators and functions the caller's search_path has first.
$here->safe_psql('postgres', slurp_file("$FindBin::RealBin/../traps.sql") =~ s/^\\set .*//mgr);
my $trapped = "SET search_path = exact_trap, pg_catalog, public; SELECT pg_catalog.md5(pg_catalog.string_agg(%s::pg_catalog.text, ' ' ORDER BY %s::pg_catalog.text COLLATE pg_catalog.\"C\")), pg_catalog.count(*) FROM custseg.%s";
my $reliable = '(f.customer_id, f.frequency, f.monetary, f.largest_order, f.days_between_mean, f.quantity_per_order, f.n_products, f.favourite_category, f.weekend_share, f.season_share, f.return_rate, f.lifecycle)';
my $shelves = "product => 'product', category => 'shelf', discount => 'discount', quantity => 'pieces'";

for my $case (["$reliable", "customer_features('%s', 'customer', 'at', 'amount', $shelves, options => '{\"time_zone\": \"Europe/Berlin\"}')"],
    ["$reliable", "customer_features('%s', 'customer', 'at_home', 'amount', $shelves, as_of => '2025-03-04', options => '{\"order\": \"order\", \"returns\": \"ignore\", \"look_back\": \"200 days\"}')"],
    ['f', "rfm('%s', 'customer', 'at', 'amount', '2025-03-04')"], ['f', "purchase_summary('%s', 'customer', 'day', 'amount', options => '{\"returns\": \"ignore\"}')"],
    ['f', "cohorts('%s', 'customer', 'at', 'amount', 'month', '2025-03-04', '{\"time_zone\": \"Europe/Berlin\"}')"], ['f', "cohorts('%s', 'customer', 'at_home', 'amount', 'quarter')"])
{
    my ($row, $call) = @$case;

    same("$call in a search_path of traps", sprintf($trapped, $row, $row, "$call f"), qr/^[0-9a-f]{32}\|[1-9]\d*\n(?!ERROR)/, 'lines', 'whole', 'scattered');
}
same('retention in a search_path of traps', sprintf($trapped, 'f', 'f', "retention('%s', 'length', 'event', 'segment', times => '{0,5,10}') f"), qr/^[0-9a-f]{32}\|[1-9]\d*\n/, 'stays', 'stays_there');
enrolled_alone('experiment_results in a search_path of traps', sprintf($trapped, '(f.metric, f.segment, f.n_control, f.n_treatment)', '(f.metric, f.segment, f.n_control, f.n_treatment)', "experiment_results('spring', '%s', 'name') f"), qr/^[0-9a-f]{32}\|[1-9]\d*\n/);
# a uuid that is written otherwise belongs to no row, either
$here->safe_psql('postgres', "UPDATE custseg.enrolment SET customer = CASE WHEN customer LIKE '%9' THEN upper(md5(customer)) WHEN customer LIKE '%8' THEN left(md5(customer), 31) ELSE md5(customer)::uuid::text END");
enrolled_alone('experiment_results by a uuid', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'code')", qr/spend\|letter\|3\|\d+\|/, undef, 'other_ids');
# By two columns all rows come.
my $by_two = "SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.experiment_results('spring', '%s', 'id,name')";

like(answer($by_two, 'outcomes_there'),
    qr/ERROR:  (?:some|more than) \d{5} rows of relation "the source" would be fetched from other servers.*HINT:  A customer without a row counts as zero, so that a sample is no source here\.  Copy the rows of the customers in custseg\.enrolment to a table on this server/s, 'ids of several columns');
like(answer($by_two =~ s/'id,name'/'id,name', '{"complete": true}'/r, 'outcomes_there'),
    qr/HINT:  A customer without a row has left, so that a sample is no source here\.  Copy the rows of the customers/, 'nor is a sample where who has no row has left');
$here->safe_psql('postgres', "INSERT INTO $_ (name, spent) VALUES (NULL, 1)") for qw(outcomes outcomes_there);
enrolled_alone('an outcome of nobody', "SELECT $results FROM custseg.experiment_results('spring', '%s', 'name')", qr/ERROR:  an outcome has no customer/);

# The plan of a part: aggregates on the other servers, all at once.
like($here->safe_psql('postgres', <<'SQL'), qr/Async Foreign Scan.*Relations: Aggregate on \(public\.scattered_0/s, 'other servers add up, all at once');
EXPLAIN (VERBOSE, COSTS off) SELECT customer, sum(n) FROM (
    SELECT customer, count(*) AS n FROM ONLY scattered_0 GROUP BY 1 UNION ALL
    SELECT customer, count(*) FROM ONLY scattered_1 GROUP BY 1 UNION ALL
    SELECT customer, count(*) FROM ONLY scattered_2 GROUP BY 1) p GROUP BY 1
SQL

# Policies of the parent apply to each line: these come over, as far as there is memory for them, and rights to leaves are not wanted.
$servers->heeds_policy('customer_features', "'customer', 'at', 'amount'");

# A server that does not know custseg sends lines, as long as there is memory for them.
$here->safe_psql('postgres', "ALTER SERVER $_ OPTIONS (DROP extensions)") for @servers;
is(answer("$features, 'at', 'amount') f", 'whole'), answer("$features, 'at', 'amount') f", 'lines'), 'servers that do not know custseg');
like(answer("SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.customer_features('%s', 'customer', 'at', 'amount', $all)", 'whole'),
    qr/ERROR:  (?:some|more than) \d+ rows of relation "the source" would be fetched from other servers\n.*HINT:  /s, 'but no more than there is memory for');
$here->safe_psql('postgres', "ALTER SERVER $_ OPTIONS (ADD extensions 'custseg')") for @servers;

done_testing();
