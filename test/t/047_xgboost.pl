# XGBoost trains in a server process that stays one thread; its trees predict as on real data they should.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

# storing 200 trees with a leaf for each customer takes most of it
my $node = start_node('xgboost', 'maintenance_work_mem = 512MB');

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS
SELECT i AS id, i * 7919 % 1000 / 100.0 AS a, i * 104729 % 1009 / 100.9 AS b, (ARRAY['x', 'y', 'z'])[1 + i * 31 % 3] AS g,
    exp(3 + 0.2 * (i * 7919 % 1000 / 100.0) + (i * 104729 % 1009 > 500)::int * 0.5 + 0.1 * sin(i * 12.9898)) AS worth,
    i * 7919 % 1000 + 300 * sin(i * 12.9898) > 500 AS stays
FROM generate_series(1, 3000) i;
GRANT pg_read_server_files TO CURRENT_USER;
END

my ($status, $out, $error) = $node->psql('postgres', "SELECT custseg.train_value('probe', 'customers', 'worth', '{a,b,g}', 'xgboost', 'id', options => '{\"rounds\": 1}')");

if ($status != 0)
{
    like($error, qr/could not load XGBoost: .*\n.*HINT:  Install it on the server \(Debian: libxgboost0\)/s, 'without the library the error names the package');
    $node->stop;
    done_testing();
    exit;
}

my $session = $node->background_psql('postgres');

sub query { return $session->query_safe($_[0]) =~ s/\s+$//r }

SKIP:
{
    skip 'threads are counted in /proc', 4 unless -r '/proc/self/status';
    my $threads = q{SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'Threads:\s+(\d+)')};
    my $loaded = q{SELECT pg_read_file('/proc/' || pg_backend_pid() || '/maps') LIKE '%libxgboost%'};

    is(query("SELECT algorithm FROM custseg.train_value('forest', 'customers', 'worth', '{a,b,g}', 'forest', 'id')"), 'forest', 'a forest');
    is(query($loaded), 'f', 'does not load XGBoost');
    query("SELECT count(*) FROM custseg.train_value('boosted', 'customers', 'worth', '{a,b,g}', 'xgboost', 'id')");
    is(query($loaded), 't', 'boosted trees do');
    is(query($threads), 1, 'and the process is one thread');
}

$node->safe_psql('postgres', "SELECT custseg.train_value('boosted', 'customers', 'worth', '{a,b,g}', 'xgboost', 'id', deploy => true)");
is($node->safe_psql('postgres', "SELECT r2 > 0.95, coverage BETWEEN 0.87 AND 0.93 FROM (SELECT (metrics -> 'r2')::float8 AS r2, (metrics -> 'coverage')::float8 AS coverage FROM custseg.model_version WHERE model = 'boosted' ORDER BY version DESC LIMIT 1) v"),
    't|t', 'a number is predicted');
is($node->safe_psql('postgres', "SELECT kind, auc > 0.85, brier < 0.2 FROM custseg.train_value('stays', 'customers', 'stays', '{a,b,g}', 'xgboost', 'id')"),
    'probability|t|t', 'and a probability');
is($node->safe_psql('postgres', "SELECT abs(avg(custseg.predict_value('stays', c)) - avg(stays::int)) < 0.02 FROM customers c"), 't', 'which holds');
is($node->safe_psql('postgres', 'SELECT count(*) FILTER (WHERE abs(predicted - sum) > 1e-5 * predicted) FROM (SELECT id, predicted, baseline + sum(contribution) AS sum '
      . "FROM customers c, custseg.explain_value('boosted', c) WHERE id <= 100 GROUP BY id, predicted, baseline) e"), 0, 'contributions add up');

# a target in any unit gives the same trees: the library itself splits nothing for a small gain
my $r2 = sub {
    my ($target, $options, $order) = (@_, 'id');
    $node->safe_psql('postgres', "SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name = 'unit'");
    return $node->safe_psql('postgres', "SELECT r2 FROM custseg.train_value('unit', 'SELECT id, a, b, $target AS y FROM customers ORDER BY $order', 'y', '{a,b}', 'xgboost', 'id', options => '$options')");
};
my $usual = $r2->('ln(worth) * 16', '{"gamma": 0.5, "rounds": 40}');
cmp_ok($usual, '>', 0.8, 'logarithms are predicted');
is($r2->('ln(worth) / 2::float8 ^ 20', "{\"gamma\": @{[0.5 / 2**48]}, \"rounds\": 40}"), $usual, 'as well when they are tiny');
is($r2->('ln(worth) * 2::float8 ^ 80', "{\"gamma\": @{[0.5 * 2**152]}, \"rounds\": 40}"), $usual, 'and when they are huge');

# however the rows lie, the same trees, also where some of the rows are drawn
my @orders = map { $r2->('worth', '{"rounds": 20, "subsample": 0.5}', $_);
    $node->safe_psql('postgres', "SELECT parameters::text FROM custseg.model_version WHERE model = 'unit'") } ('id', 'b DESC', 'a, b');
is($orders[1], $orders[0], 'rows in the order of a feature');
is($orders[2], $orders[0], 'and in that of another');

# tuned, it predicts customers unseen at least as well
is($node->safe_psql('postgres', "SELECT iterations IN (100, 200) FROM custseg.train_value('tuned', 'SELECT * FROM customers WHERE id <= 300', 'worth', '{a,b,g}', 'xgboost', 'id', options => '{\"learning_rate\": 0.2}', tune => true)"), 't', 'tuned');
is($node->safe_psql('postgres', "SELECT count(*), max(r2) FILTER (WHERE chosen) = max(r2), string_agg(options::text, ' ') FILTER (WHERE trial = 1) FROM custseg.value_tuning('tuned')"),
    '6|t|{"rounds": 200, "max_depth": 4}', 'one of six settings, which are of what was not given');

# what the library would refuse
is($node->safe_psql('postgres', "SELECT reason FROM custseg.compare_value('SELECT id, a, b, id = 77 AS rare FROM customers', 'rare', '{a,b}', '{xgboost}', id => 'id', options => '{\"xgboost\": {\"rounds\": 20}, \"seed\": 1234567891}')"),
    'the best of them, but no better than the mean: the features do not tell the target', 'an outcome that only one customer has, and a seed of ten digits');

# interrupted between rounds, the session goes on
($status, $out, $error) = $node->psql('postgres', "SET maintenance_work_mem = '2GB'; SET statement_timeout = '300ms'; SELECT custseg.train_value('long', 'customers', 'worth', '{a,b,g}', 'xgboost', 'id', options => '{\"rounds\": 10000, \"max_depth\": 8}')");
like($error, qr/canceling statement due to statement timeout/, 'a training is canceled');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.model WHERE name = 'long'"), 0, 'and leaves nothing');

# float4 cannot tell such targets apart: no trees of nothing, but an error, which a comparison tells of
my (undef, undef, $far) = $node->psql('postgres', "SELECT custseg.train_value('far', 'SELECT id, a, 1e12 + a AS y FROM (SELECT i AS id, i % 17 AS a FROM generate_series(1, 100) i) s', 'y', '{a}', 'xgboost', 'id')");
like($far, qr/ERROR:  the values of the target differ by too little for xgboost, which sees them as float4\nDETAIL:  Their mean is 1e\+12\.\nHINT:  Subtract/, 'a target far from 0');

# a dump keeps the trees
my $before = $node->safe_psql('postgres', "SELECT md5(string_agg(custseg.predict_value('boosted', c)::text, ',' ORDER BY id)) FROM customers c");
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'restored');
is($node->safe_psql('restored', "SELECT md5(string_agg(custseg.predict_value('boosted', c)::text, ',' ORDER BY id)) FROM customers c"), $before, 'and predicts the same bits');

SKIP:
{
    my $file = ($ENV{CUSTSEG_DATA} // '') . '/ibm_watson_clv/marketing_customer_value.csv.gz';

    skip 'CUSTSEG_DATA is not set, or has no such file', 8 unless -r $file;
    $node->safe_psql('postgres', "CREATE TABLE raw (customer text, state text, clv float8, response text, coverage text, education text, effective text, employment text, gender text, income float8, location text, marital text, premium float8, claim float8, inception float8, complaints float8, policies float8, type text, policy text, offer text, channel text, amount float8, class text, size text);"
          . "COPY raw FROM PROGRAM 'gzip -dc ''$file''' CSV HEADER");
    my $levels = $node->safe_psql('postgres', <<'END');
SELECT string_agg(format('(%I = %L)::int AS %I', c, l, c || '=' || l), ', ' ORDER BY o, l COLLATE "C")
FROM (SELECT DISTINCT o, c, l FROM raw, LATERAL (VALUES (1, 'coverage', coverage), (2, 'employment', employment), (3, 'class', class), (4, 'offer', offer)) v (o, c, l)) s
END
    $node->safe_psql('postgres', "CREATE TABLE clv AS SELECT row_number() OVER (ORDER BY customer COLLATE \"C\") - 1 AS i, customer, clv, income, premium, claim, inception, complaints, policies, amount, $levels FROM raw");
    my $features = "(SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'clv'::regclass AND attnum > 3)";
    my $measured = sub {
        my ($algorithm, $options) = @_;
        $node->safe_psql('postgres', "SELECT custseg.train_value('clv', 'SELECT * FROM clv WHERE i % 5 <> 0', 'clv', $features, '$algorithm', 'i', options => '$options', deploy => true)");
        return $node->safe_psql('postgres', "SELECT round((1 - sum((clv - p) ^ 2) / (var_pop(clv) * count(*)))::numeric, 8), round(sqrt(avg((clv - p) ^ 2))::numeric, 5), round(avg(abs(clv - p))::numeric, 5)"
              . " FROM (SELECT clv, custseg.predict_value('clv', clv.*) AS p FROM clv WHERE i % 5 = 0) s");
    };
    is($measured->('xgboost', '{"folds": 2}'), '0.70389415|3823.71390|1750.04763', 'XGBoost on customers unseen, as in Python');
    is($node->safe_psql('postgres', "SELECT string_agg(custseg.predict_value('clv', clv.*)::float4::text, ' ' ORDER BY i) FROM clv WHERE i < 25 AND i % 5 = 0"),
        '8217.404 7851.725 2947.3281 2907.7925 7409.18', 'to the bit');
    is($node->safe_psql('postgres', "SELECT string_agg(feature || ' ' || round(gain::numeric, 4), ', ' ORDER BY gain DESC) FROM custseg.value_importance('clv') WHERE gain > 0.2"),
        'policies 0.5941, premium 0.3007', 'shares of gain');
    like($measured->('linear', '{}'), qr/^0\.18171466\|/, 'linear regression');
    my ($r2) = split /\|/, $measured->('forest', '{"trees": 200, "min_samples_leaf": 1}');
    cmp_ok(abs($r2 - 0.7207), '<', 0.01, "a forest has an R2 of $r2, as scikit-learn's");

    # with the usual options and all features in the usual memory, however the rows lie
    my @usual = map { $node->safe_psql('postgres', "SET maintenance_work_mem = '64MB'; SELECT r2 > 0.69 FROM custseg.train_value('usual', 'SELECT * FROM raw ORDER BY $_', 'clv', NULL, 'forest', 'customer')") } qw(customer md5(customer));
    is("@usual", 't t', 'the usual forest fits into 64 MB');
    is($node->safe_psql('postgres', "SELECT count(DISTINCT md5(parameters::text)) FROM custseg.model_version WHERE model = 'usual'"), '1', 'and follows the customers, not the order of rows');
    my $bank = "$ENV{CUSTSEG_DATA}/bank_marketing/bank-full.csv.gz";
    $node->safe_psql('postgres', 'CREATE TABLE bank (age int, job text, marital text, education text, credit text, balance float8, housing text, loan text, contact text, day int, month text, duration float8, campaign int, pdays int, previous int, poutcome text, y text);'
          . "COPY bank FROM PROGRAM 'gzip -dc ''$bank''' CSV HEADER");
    is($node->safe_psql('postgres', "SET maintenance_work_mem = '64MB'; SELECT auc > 0.92 FROM custseg.train_value('bank', 'SELECT row_number() OVER () AS id, b.*, y = ''yes'' AS bought FROM bank b', 'bought',"
              . " '{age,job,marital,education,credit,balance,housing,loan,contact,day,month,duration,campaign,pdays,previous,poutcome}', 'forest', 'id')"), 't', 'and so does that of 45,211 customers');
}

$session->quit;
$node->stop;
done_testing();
