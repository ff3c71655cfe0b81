-- segment.sql
--	  The main job: from the table "customers" to segments with names, and back into the table.
--
-- The shop's own file before this one has set "features", "prep" and "k", and "more_columns" for
-- what else there is to show of a segment; its function shop.name_of says what the shop's people
-- would call customers like the ones at a segment's centre.

\pset footer off
\pset null ''

\echo
\echo A few customers
TABLE customers LIMIT 5;

SET client_min_messages = warning;
CREATE EXTENSION custseg;
RESET client_min_messages;

\echo
\echo Training
\set ECHO queries
SELECT * FROM custseg.train('loyalty', 'customers', features => :'features', k => :k,
                            prep => :'prep') \gx
\set ECHO none

-- Names follow from the centres.
SELECT custseg.name_segment('loyalty', segment,
           shop.name_of((profile->>'recency')::float8, (profile->>'frequency')::float8))
FROM custseg.segments
WHERE model = 'loyalty'
\g /dev/null

\echo
\echo Segments: their sizes, and their centres in days, orders and money
SELECT s.segment, s.name, s.n_trained AS customers, round(100 * s.training_share::numeric, 1) || ' %' AS share,
       round((s.profile->>'recency')::numeric) AS days_since_last_order,
       round((s.profile->>'frequency')::numeric, 1) AS orders,
       round((s.profile->>'monetary')::numeric, 2) AS spent :more_columns
FROM custseg.segments s
WHERE s.model = 'loyalty'
ORDER BY s.segment;

\echo
\echo Every customer gets a segment
\set QUIET off
\set ECHO queries
ALTER TABLE customers ADD segment int;
UPDATE customers c SET segment = custseg.predict('loyalty', c);
\set ECHO none
\set QUIET on

\echo
\echo What the segments have spent
SELECT s.name, count(*) AS customers, to_char(sum(c.monetary), '999,999,999') AS revenue,
       round(100 * sum(c.monetary) / sum(sum(c.monetary)) OVER (), 1) || ' %' AS of_revenue,
       round(avg(c.average_order), 2) AS average_order, round(avg(c.tenure)) AS days_since_first_order
FROM customers c
JOIN custseg.segments s ON s.model = 'loyalty' AND s.segment = c.segment
GROUP BY s.name
ORDER BY sum(c.monetary) DESC;

\echo
\echo What they will be worth: a model of the order lines, with its verdict
\set ECHO queries
SELECT algorithm, n, n_repeat, verdict, reason
FROM custseg.train_purchases('worth', 'shop.orders', 'customer', 'ordered_at', 'amount') \gx
\set ECHO none

\echo
\echo What each segment is worth in the next year: the share of it that is still there, the orders to come, and their value
\echo today, with the interval in which it will lie in 90 of 100 cases
\set ECHO queries
SELECT name, n AS customers, round(100 * alive::numeric) || ' %' AS still_there, round(expected_purchases) AS orders,
       to_char(value_sum, '999,999,999') AS value, to_char(low, '999,999,999') AS low, to_char(high, '999,999,999') AS high,
       round(100 * value_share::numeric, 1) || ' %' AS of_value, round(value_mean::numeric, 2) AS a_customer
FROM custseg.segment_value('worth', 'loyalty', horizon => '1 year', discount => 0.1);
\set ECHO none

\echo
\echo Who they are, in words
\set ECHO queries
SELECT name, description FROM custseg.segment_summary('loyalty', 'customers') \gx
\set ECHO none

\echo
\echo Why the first customer is where it is
\set ECHO queries
SELECT custseg.explain_text('loyalty', c) FROM customers c ORDER BY id LIMIT 1;
SELECT feature, value, round(segment_mean::numeric, 2) AS segment_mean, round(runner_up_mean::numeric, 2) AS runner_up_mean,
       round(contribution::numeric, 2) AS contribution, speaks_for
FROM custseg.explain('loyalty', (SELECT c FROM customers c ORDER BY id LIMIT 1));
\set ECHO none
