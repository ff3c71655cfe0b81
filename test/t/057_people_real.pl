# On real customers: the audience of a regression is as good as one of scikit-learn's logistic regression, and where a
# list suggests nobody, that is said.
#
# CUSTSEG_DATA names the folder of the data, which are not part of custseg.  The areas under the curve to compare with
# are those of scikit-learn 1.2.1: StandardScaler of the numbers, OneHotEncoder of the categories, LogisticRegression(C=1),
# fitted to the same seeds and others, with the same seeds held out.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $data = $ENV{CUSTSEG_DATA};
my $bank = ($data // '') . '/bank_marketing/bank-additional-full.csv.gz';
my $retail = ($data // '') . '/online_retail/online_retail.csv.xz';

plan skip_all => 'CUSTSEG_DATA does not have the real customers' if !$data || grep { !-r } $bank, $retail;
plan skip_all => 'needs xz' if system('xz --version >/dev/null 2>&1') != 0;

my $node = start_node('people_real', "maintenance_work_mem = '256MB'");
$node->safe_psql('postgres', <<"END");
CREATE TABLE raw (age int, job text, marital text, education text, "default" text, housing text, loan text, contact text, month text, day_of_week text, duration int,
    campaign int, pdays int, previous int, poutcome text, "emp.var.rate" float8, "cons.price.idx" float8, "cons.conf.idx" float8, euribor3m float8, "nr.employed" float8, y text);
COPY raw FROM PROGRAM \$p\$gzip -dc '$bank'\$p\$ CSV HEADER;
CREATE TABLE bank AS SELECT row_number() OVER ()::int AS id, * FROM raw;
CREATE TABLE lines (invoice text, stock text, description text, quantity int, at timestamp, price numeric, customer int, country text);
COPY lines FROM PROGRAM \$p\$xz -dc '$retail'\$p\$ CSV HEADER;
CREATE VIEW sales AS SELECT customer, at, invoice, stock, quantity * price AS amount FROM lines
WHERE customer IS NOT NULL AND invoice NOT LIKE 'C%' AND quantity > 0 AND price > 0;
SELECT custseg.create_feature_view('year', 'sales', 'customer', 'at', 'amount', product => 'stock', as_of => '2011-12-10', options => '{"order": "invoice"}');
CREATE TABLE retail AS SELECT customer AS id, days_since_last, frequency, average_order, n_products, weekend_share, lifecycle, monetary FROM year;
ALTER TABLE bank ADD PRIMARY KEY (id);
ALTER TABLE retail ADD PRIMARY KEY (id);
SET client_min_messages = error;
SELECT custseg.train('bank', 'bank', k => 5, prep => '{"exclude": ["y", "duration"]}', options => '{"silhouette_sample": 0}');
SELECT custseg.train('retail', 'retail', k => 5, prep => '{"exclude": ["monetary"]}', options => '{"silhouette_sample": 0}');
END

# who bought a deposit; the twentieth with the largest revenue of the year
my %seeds = (bank => "SELECT id FROM bank WHERE y = ''yes''", retail => 'SELECT id FROM retail ORDER BY monetary DESC LIMIT (SELECT round(count(*) * 0.05) FROM retail)');
my %golden = (bank => 0.7870025171196688, retail => 0.9925226999542898);

for my $set (sort keys %seeds)
{
    my ($n_held_out, $lift, $low, $high, $auc, $rating) = split /\|/, $node->safe_psql('postgres',
        "SELECT n_held_out, lift, low, high, auc, rating FROM custseg.lookalike_lift('$set', '$set', '$seeds{$set}', 400, 'propensity')");

    cmp_ok($auc, '>=', $golden{$set} - 0.01, "$set: the area under the curve is that of scikit-learn, or more");
    ok($low > 1 && $low < $lift && $lift <= $high, "$set: the lift, $lift of $n_held_out held out, is within its interval and above that of random picks");
    is($rating, 'better than random', "$set: and it is said");
}

# Who buys a deposit has no features near to those of others who do: the nearest are no better than random picks.
like($node->safe_psql('postgres', "SELECT rating || ': ' || reason FROM custseg.lookalike_lift('bank', 'bank', '$seeds{bank}', 4000)"),
    qr/^(not better|worse) than random: .*(not shown|Random picks)/, 'an audience that is no better than random picks is told');

# Each of some customers has the neighbors that all distances in SQL tell, in the units of the standard deviations.
is($node->safe_psql('postgres', <<'END'), 't|35', 'the nearest of real customers are exact');
SELECT custseg.train('plain', 'SELECT id, days_since_last, frequency, average_order FROM retail', '{days_since_last,frequency,average_order}', 3, id => 'id', options => '{"silhouette_sample": 0}') IS NOT NULL \g /dev/null
WITH s AS (SELECT stddev_pop(days_since_last) AS a, stddev_pop(frequency) AS b, stddev_pop(average_order) AS c FROM retail),
one AS (SELECT * FROM retail WHERE id % 109 = 0)
SELECT bool_and(n.ids = (SELECT array_agg(b.id ORDER BY b.d, b.id) FROM (
    SELECT r.id, sqrt(((r.days_since_last - o.days_since_last) / s.a) ^ 2 + ((r.frequency - o.frequency) / s.b) ^ 2 + ((r.average_order - o.average_order) / s.c) ^ 2) AS d
    FROM retail r, s WHERE r.id <> o.id ORDER BY d, r.id LIMIT 10) b)), count(*)
FROM one o, LATERAL (SELECT array_agg(id::int ORDER BY place) AS ids FROM custseg.similar_customers('plain', 'retail', o.id, 10)
    WITH ORDINALITY x (id, distance, segment, name, shared, different, reason, place)) n;
END

done_testing();
