# What real customers are worth: CDNOW against numbers that were computed elsewhere, Online Retail for a verdict.
#
# CUSTSEG_DATA names the folder of the data, which are not part of custseg.  Parameters of BG/NBD and Pareto/NBD are
# those that are published (Fader, Hardie and Lee 2005; Fader and Hardie 2005), the others, and all digits beyond, come
# from likelihoods of our own in scipy.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => 'CUSTSEG_DATA names no folder of real data' unless $ENV{CUSTSEG_DATA} && -d $ENV{CUSTSEG_DATA};

my $node = start_node('purchases');

# Do numbers agree?  Rows of the query: name, ours, theirs, tolerance.
sub agree
{
    my ($query, $name) = @_;

    is($node->safe_psql('postgres', "SELECT name, ours, theirs FROM ($query) q (name, ours, theirs, tolerance)"
                . ' WHERE (abs(ours - theirs) <= tolerance * abs(theirs)) IS NOT TRUE'), '', $name);
    cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ($query) q"), '>', 0, "$name: there are any");
}

SKIP:
{
    my $file = "$ENV{CUSTSEG_DATA}/cdnow/cdnow_sample.csv.gz";
    skip "$file is not there", 1 unless -r $file;

    $node->safe_psql('postgres', <<"END");
CREATE TABLE raw (master_id text, sample_id text, date text, n text, amount numeric);
COPY raw FROM PROGRAM \$p\$gzip -dc '$file'\$p\$ CSV HEADER;
CREATE TABLE lines AS SELECT sample_id, to_date(date, 'YYYYMMDD') AS date, amount FROM raw;
SELECT a, custseg.train_purchases(a, 'lines', 'sample_id', 'date', 'amount', '1997-09-30', a, '{"alive": "own", "holdout": "none"}')
FROM unnest('{bg_nbd,mbg_nbd,pareto_nbd,nbd}'::text[]) a;
SELECT custseg.train_purchases('auto', 'lines', 'sample_id', 'date', 'amount', '1997-09-30');
SELECT custseg.train_purchases('later', 'lines', 'sample_id', 'date', 'amount', '1998-06-30', 'bg_nbd', '{"holdout": "39 weeks"}');
END
    is($node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE repeats > 0), sum(repeats), max(repeats), round(sum(recency)::numeric, 6), round(sum(customer_age)::numeric, 6),"
                . " count(DISTINCT (repeats, recency, customer_age)) FROM custseg.purchase_summary('lines', 'sample_id', 'date', 'amount', '1997-09-30')"),
        '2357|946|2457|29|16135.571429|77111.285714|1016', 'CDNOW: summary');
    is($node->safe_psql('postgres', "SELECT m.name, v.algorithm, v.converged, v.metrics ->> 'verdict' FROM custseg.model m JOIN custseg.model_version v ON v.model = m.name WHERE name IN ('auto', 'bg_nbd') ORDER BY 1"),
        "auto|mbg_nbd|t|ok\nbg_nbd|bg_nbd|t|ok", 'CDNOW: verdicts');
    agree(q{SELECT model, (metrics ->> 'log_likelihood')::float8, g.ll, 1e-10 FROM custseg.model_version JOIN (VALUES
        ('bg_nbd', -9582.4292066739::float8), ('mbg_nbd', -9582.1357155537), ('pareto_nbd', -9594.9761789395)) g (model, ll) USING (model)}, 'CDNOW: likelihoods');
    agree(q{SELECT concat_ws(' ', m, part, p.parameter), p.estimate, g.estimate, CASE m WHEN 'pareto_nbd' THEN 1e-4 ELSE 1e-5 END FROM (VALUES
        ('bg_nbd', 'purchases', 'r', .24259452243::float8, .0125574::float8), ('bg_nbd', 'purchases', 'alpha', 4.41360201901, .378224), ('bg_nbd', 'purchases', 'a', .792922017226, .185734), ('bg_nbd', 'purchases', 'b', 2.42590677683, .705414),
        ('mbg_nbd', 'purchases', 'r', .524843159106, .0832682), ('mbg_nbd', 'purchases', 'alpha', 6.18308527958, .695621), ('mbg_nbd', 'purchases', 'a', .891359390732, .15479), ('mbg_nbd', 'purchases', 'b', 1.61400224017, .537495),
        ('pareto_nbd', 'purchases', 'r', .553277047105, .047629), ('pareto_nbd', 'purchases', 'alpha', 10.5776834688, .842727), ('pareto_nbd', 'purchases', 's', .606239991344, .187318), ('pareto_nbd', 'purchases', 'beta', 11.6687353519, 6.21231),
        ('bg_nbd', 'spend', 'p', 6.24957227132, 1.19006), ('bg_nbd', 'spend', 'q', 3.74422466713, .290133), ('bg_nbd', 'spend', 'g', 15.4435209626, 4.15942)) g (m, part, parameter, estimate, error)
        LEFT JOIN LATERAL custseg.purchase_parameters(m) p USING (part, parameter)}, 'CDNOW: parameters');
    agree(q{SELECT concat_ws(' ', m, customer_id), l.v, g.v, 1e-5 FROM (VALUES
        ('bg_nbd', '0001', 'alive', .7266203117::float8), ('bg_nbd', '0002', 'alive', .2123910444), ('bg_nbd', '0003', 'alive', 1), ('bg_nbd', '1516', 'alive', .9688544414),
        ('bg_nbd', '0001', 'purchases', 1.225994455), ('bg_nbd', '0002', 'purchases', .2034188475), ('bg_nbd', '0003', 'purchases', .1947936312), ('bg_nbd', '0187', 'purchases', .368833441), ('bg_nbd', '1516', 'purchases', 20.7489029),
        ('mbg_nbd', '0003', 'alive', .3897229766), ('mbg_nbd', '1516', 'alive', .9654846492), ('mbg_nbd', '0001', 'purchases', 1.262758851), ('mbg_nbd', '0003', 'purchases', .153966019), ('mbg_nbd', '1516', 'purchases', 19.446608),
        ('pareto_nbd', '0002', 'alive', .1679960578), ('pareto_nbd', '1516', 'alive', .9978734047), ('pareto_nbd', '0001', 'purchases', 1.4552017), ('pareto_nbd', '1516', 'purchases', 20.11482087),
        ('bg_nbd', '0001', 'spend', 24.6539187), ('bg_nbd', '0003', 'spend', 35.17037127), ('bg_nbd', '1516', 'spend', 39.8902868)) g (m, customer_id, what, v)
        JOIN LATERAL (SELECT customer_id, unnest(ARRAY['alive', 'purchases', 'spend']) AS what, unnest(ARRAY[alive, expected_purchases, expected_spend]) AS v
            FROM custseg.lifetime_value(m, 'lines', '39 weeks', 0, '1997-09-30')) l USING (customer_id, what)}, 'CDNOW: predictions');
    agree(q{SELECT m, sum(lifetime_value), max(g.v), 1e-6 FROM (VALUES ('bg_nbd', 71550.201931::float8), ('pareto_nbd', 72358.921869)) g (m, v)
        CROSS JOIN LATERAL custseg.lifetime_value(m, 'lines', '1 year', 1.01 ^ 12 - 1, '1997-09-30') GROUP BY m}, 'CDNOW: values of a year');
    agree(q{SELECT customer_id, lifetime_value / expected_spend, g.v, 1e-6 FROM (VALUES ('0001', 8.172501632::float8), ('0002', .960988563), ('0003', .6013129646), ('0187', 2.067690018), ('1516', 107.9483241)) g (customer_id, v)
        JOIN custseg.lifetime_value('pareto_nbd', 'lines', NULL, 0.1, '1997-09-30') USING (customer_id)}, 'CDNOW: all that is to come');
    agree(q{SELECT 'holdout', unnest(ARRAY[predicted, actual, mae, rmse, bias, baseline_mae, baseline_rmse]), unnest(ARRAY[1653.408698, 1882, .78545424, 1.60798201, -.096984, 1.02366916, 2.21191809]::float8[]), 1e-6
        FROM custseg.purchase_holdout('later') WHERE measured = 'purchases'
        UNION ALL SELECT 'calibration', predicted, (ARRAY[.22508733, .52313117, 1.04413412])[repeats + 1], 1e-6 FROM custseg.purchase_calibration('later') WHERE repeats < 3
        UNION ALL SELECT 'gini', gini, .55606043, 1e-3 FROM custseg.purchase_holdout('later') WHERE measured = 'purchases'
        UNION ALL SELECT 'decile', predicted, 3.64764066, 1e-6 FROM custseg.purchase_deciles('later') WHERE decile = 1}, 'CDNOW: holdout');
}

SKIP:
{
    my $file = "$ENV{CUSTSEG_DATA}/online_retail/online_retail.csv.xz";
    skip "$file is not there", 1 unless -r $file;
    skip 'xz is not there', 1 if system('xz --version >/dev/null 2>&1') != 0;

    $node->safe_psql('postgres', <<"END");
CREATE TABLE retail (invoice text, code text, description text, quantity int, at timestamp, price numeric, customer text, country text);
COPY retail FROM PROGRAM \$p\$xz -dc '$file'\$p\$ CSV HEADER;
END
    is($node->safe_psql('postgres', "SELECT algorithm, converged, verdict FROM custseg.train_purchases('retail', 'SELECT customer, at, quantity * price AS amount FROM retail', 'customer', 'at', 'amount', options => '{\"holdout\": \"none\"}')"),
        'nbd|f|dropout not identified', 'Online Retail does not tell who has left');
}

done_testing();
