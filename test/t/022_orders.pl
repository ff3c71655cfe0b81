# Real orders: as many customers, lines and pounds as are known, and what R's and lifetimes' rules make of them.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => 'CUSTSEG_DATA names no folder of real data' unless $ENV{CUSTSEG_DATA} && -d $ENV{CUSTSEG_DATA};

my $node = start_node('orders', "maintenance_work_mem = 64MB\nTimeZone = 'UTC'\n");

SKIP:
{
    my $file = "$ENV{CUSTSEG_DATA}/online_retail/online_retail.csv.xz";
    my $call = "custseg.rfm('sales', 'customer', 'at', 'amount', options => '{\"order\": \"invoice\"}')";

    skip "$file cannot be read", 1 if !-r $file || system('xz --version >/dev/null 2>&1') != 0;
    $node->safe_psql('postgres', <<"END");
CREATE TABLE lines (invoice text, stock text, description text, quantity int, at timestamp, price numeric, customer int, country text);
COPY lines FROM PROGRAM 'xz -dc $file' CSV HEADER;
CREATE VIEW sales AS
SELECT *, quantity * price AS amount FROM lines
WHERE customer IS NOT NULL AND invoice NOT LIKE 'C%' AND quantity > 0 AND price > 0;
END
    is($node->safe_psql('postgres', "SELECT count(*), (SELECT count(*) FROM sales), round(sum(monetary)::numeric, 2) FROM $call"),
        '4338|397884|8911407.90', 'Online Retail: customers, lines and what they spent');
    is($node->safe_psql('postgres', <<"END"), '4338', 'Online Retail: days, orders and sums as SQL has them');
WITH known AS (
    SELECT customer, min(at) AS first, max(at) AS last, count(*) AS orders, sum(spent) AS spent
    FROM (SELECT customer, invoice, min(at) AS at, sum(amount) AS spent FROM sales GROUP BY 1, 2) o
    GROUP BY customer
)
SELECT count(*) FROM $call r JOIN known k ON k.customer::text = r.customer_id
WHERE r.frequency = k.orders AND r.first_purchase = k.first AND r.last_purchase = k.last AND abs(r.monetary - k.spent::float8) < 1e-9 * k.spent
    AND abs(r.days_since_last - extract(epoch FROM (SELECT max(at) FROM sales) - k.last) / 86400) < 1e-9
END
    is($node->safe_psql('postgres', "SELECT count(DISTINCT rfm_segment), count(*) FILTER (WHERE rfm_segment IS NULL) FROM $call"),
        '11|0', 'Online Retail: all eleven names are used, and everybody has one');
    is($node->safe_psql('postgres', <<"END"), '4338|4338', 'Online Retail: the features say the same');
SELECT count(*), count(*) FILTER (WHERE r.frequency = f.frequency AND abs(r.monetary - f.monetary) < 1e-9 * r.monetary
    AND coalesce(abs(r.days_between_mean - f.days_between_mean), 0) < 1e-6 AND f.n_products > 0 AND f.category_shares <> '{}')
FROM $call r JOIN custseg.customer_features('sales', 'customer', 'at', 'amount', product => 'stock', category => 'country',
    options => '{"order": "invoice"}') f USING (customer_id)
END
    # the same lines as events: what was bought and what came back, invoice by invoice
    $node->safe_psql('postgres', <<'END');
CREATE TABLE events AS
SELECT customer, min(at) AS at, CASE WHEN invoice LIKE 'C%' THEN 'return' ELSE 'purchase' END AS what, sum(quantity * price) AS amount
FROM lines WHERE customer IS NOT NULL GROUP BY customer, invoice;
END
    is($node->safe_psql('postgres', <<'END'), '4372|4372', 'Online Retail: events, kinds and their sums as SQL has them');
WITH known AS (
    SELECT customer::text AS customer_id, count(*) AS n, count(*) FILTER (WHERE what = 'return') AS returns, count(DISTINCT at::date) AS days, sum(amount) AS amount,
        count(*) FILTER (WHERE at > (SELECT max(at) FROM events) - interval '90 days') AS lately
    FROM events GROUP BY customer
)
SELECT count(*), count(*) FILTER (WHERE e.n_events = k.n AND (e.kinds -> 'return' ->> 'n')::int = k.returns AND e.n_active_days = k.days AND abs(e.event_value - k.amount::float8) < 1e-9 * greatest(abs(k.amount), 1)
    AND (e.kinds -> 'purchase' ->> 'n_90d')::int + (e.kinds -> 'return' ->> 'n_90d')::int = k.lately AND (e.ratios ->> 'returned')::numeric IS NOT DISTINCT FROM (k.returns::float8 / nullif(k.n - k.returns, 0))::numeric)
FROM custseg.customer_events('events', 'customer', 'at', 'what', 'amount', options => '{"ratios": {"returned": ["return", "purchase"]}}') e JOIN known k USING (customer_id)
END
    is($node->safe_psql('postgres', <<'END'), '0', 'Online Retail: moves from purchase to purchase and return as window functions have them');
WITH v AS (
    SELECT what, lead(what) OVER w AS next, lead(at) OVER w - at AS took, (SELECT max(at) FROM events) - at >= interval '30 days' AS complete
    FROM events WINDOW w AS (PARTITION BY customer ORDER BY at, what COLLATE "C")
), known AS (
    SELECT what AS from_step, CASE WHEN took <= interval '30 days' THEN next END AS to_step, count(*) AS n FROM v WHERE complete GROUP BY 1, 2
), told AS (
    SELECT from_step, to_step, n FROM custseg.journey('events', 'customer', 'at', 'what') WHERE kind IN ('next', 'end')
)
SELECT (SELECT count(*) FROM (TABLE known EXCEPT TABLE told) a) + (SELECT count(*) FROM (TABLE told EXCEPT TABLE known) b)
END
    is($node->safe_psql('postgres', <<'END'), 't', 'Online Retail: who returned something within 30 days of a purchase');
SELECT (SELECT n FROM custseg.funnel('events', 'customer', 'at', 'what', '{purchase,return}', within => '30 days') WHERE position = 2) = (
    SELECT count(DISTINCT a.customer) FROM events a JOIN events b ON b.customer = a.customer AND a.what = 'purchase' AND b.what = 'return' AND b.at >= a.at AND b.at - a.at <= interval '30 days'
    WHERE (SELECT max(at) FROM events) - a.at >= interval '30 days')
END
}

SKIP:
{
    my $file = "$ENV{CUSTSEG_DATA}/cdnow/cdnow_sample.csv.gz";
    my $summary = "$ENV{CUSTSEG_DATA}/cdnow/cdnow_customers_summary.csv.gz";

    skip "$file cannot be read", 1 if !-r $file || !-r $summary;
    $node->safe_psql('postgres', <<"END");
CREATE TABLE cdnow (master int, customer int, day text, cds int, amount numeric);
COPY cdnow FROM PROGRAM 'gzip -dc $file' CSV HEADER;
CREATE TABLE summary (id int, frequency int, recency float8, t float8);
COPY summary FROM PROGRAM 'gzip -dc $summary' CSV HEADER;
END

    # lifetimes' summary of the first 39 weeks: repeat purchases, weeks from the first to the last, weeks from the first to the end
    is($node->safe_psql('postgres', <<'END'), '2357|2357|2357|2357', 'CDNOW: repeats, recency and age as in the published summary');
SELECT count(*),
    count(*) FILTER (WHERE r.frequency - 1 = s.frequency),
    count(*) FILTER (WHERE abs((r.tenure_days - r.days_since_last) / 7 - s.recency) < 0.01),
    count(*) FILTER (WHERE abs(r.tenure_days / 7 - s.t) < 0.01)
FROM custseg.rfm('SELECT customer, day::date AS day, amount FROM cdnow', 'customer', 'day', 'amount',
    as_of => '1997-09-30', options => '{"same_day": true}') r
JOIN summary s ON s.id::text = r.customer_id
END
}

done_testing();
