--
-- What is said of segments: no text says what is false, absurd, or said already.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS words_test CASCADE;
CREATE SCHEMA words_test;
SET search_path = words_test, public;

-- long tails: nobody is average who does half as much of everything
SELECT setseed(.2);
CREATE TABLE tails AS
SELECT i AS id, (CASE WHEN i <= 200 THEN 30 ELSE 1 END * random() * random() * random() * 4)::int AS brand_a,
       (CASE WHEN i <= 200 THEN 30 ELSE 1 END * random() * random() * random() * 4)::int AS brand_b
FROM generate_series(1, 5000) i;
SELECT n_segments FROM custseg.train('tails', 'tails', '{brand_a,brand_b}', k => 2);
SELECT segment, suggested_name, description FROM custseg.segment_summary('tails');
SELECT segment, suggested_name, description FROM custseg.segment_summary('tails', options => '{"min_ratio": 1}');

-- names rank what they describe
CREATE TABLE quartiles AS SELECT i AS id, i * 1.0 AS spend FROM generate_series(1, 400) i;
SELECT n_segments FROM custseg.train('quartiles', 'quartiles', algorithm => 'rules', options => '{"segments": [
    {"name": "D", "when": {"spend": {"to": 100}}}, {"name": "C", "when": {"spend": {"from": 101, "to": 200}}},
    {"name": "B", "when": {"spend": {"from": 201, "to": 300}}}, {"name": "A"}], "else": "A"}');
SELECT name, suggested_name, description FROM custseg.segment_summary('quartiles') ORDER BY name;

-- yes and no, codes of two values, columns that say the same, both signs, shares that are nearly 0 or 1
CREATE TABLE services AS
SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'No' WHEN i % 3 = 1 THEN 'DSL' ELSE 'Fiber' END AS "InternetService",
       CASE WHEN i % 3 = 0 THEN 'No internet service' WHEN i % 3 = 1 THEN 'Yes' ELSE 'No' END AS "OnlineBackup",
       CASE WHEN i % 3 = 0 THEN 'No internet service' WHEN i % 3 = 1 THEN 'No' ELSE 'Yes' END AS "StreamingTV",
       CASE WHEN i % 1000 = 0 OR i % 3 = 2 THEN 'Yes' ELSE 'No' END AS "Paperless",
       1 + (i % 3 = 0)::int AS channel, CASE WHEN i % 3 = 0 THEN 14 ELSE -1 END AS balance,
       (i % 3) * 10 AS charges, (i % 3) * 20 AS total_charges, i % 3 = 2 AS has_children
FROM generate_series(1, 3000) i;
SELECT n_segments FROM custseg.train('services', 'services', '{charges}', k => 3);
SELECT segment, suggested_name, description FROM custseg.segment_summary('services', columns => '{InternetService,OnlineBackup,StreamingTV,Paperless,channel,balance,charges,total_charges,has_children}', options => '{"features": 9}');
SELECT segment, suggested_name, description FROM custseg.segment_summary('services', columns => '{InternetService,channel,Paperless}');

-- Whole numbers that may be codes are described as such: equal means hide that the segments differ in all of them.  A count stays a number, and so does a column of which the sum is asked for.
CREATE TABLE codes AS
SELECT i AS id, i % 2 * 10 + i % 3 AS x, CASE i % 4 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 4 ELSE 3 END AS service,
    CASE WHEN i % 10 < 5 THEN 0 WHEN i % 10 < 8 THEN 1 ELSE 2 END + i % 2 AS calls FROM generate_series(1, 800) i;
SELECT n_segments FROM custseg.train('codes', 'codes', '{x}', k => 2);
SELECT segment, description, suggested_name FROM custseg.segment_summary('codes', columns => '{service,calls}');
SELECT column_name, test, rating FROM custseg.segment_tests('codes', columns => '{service,calls}');
SELECT column_name, level, segment, share FROM custseg.segment_profile('codes', columns => '{service}') WHERE segment = 1;
SELECT segment, value_per_customer, description FROM custseg.segment_summary('codes', value => 'service', columns => '{service}');
-- the words are those of the same codes as texts, and no code at all is lost
SELECT count(*) FROM (SELECT segment, description FROM custseg.segment_summary('codes', columns => '{service}') EXCEPT SELECT segment, description FROM custseg.segment_summary('codes', 'SELECT id, x, service::text AS service FROM codes', columns => '{service}')) d;

-- the columns that customer_features() makes have plain words
CREATE TABLE orders AS
SELECT i % 40 AS customer, timestamp '2025-01-01' + CASE WHEN i % 40 < 20 THEN i % 30 ELSE i % 300 END * interval '1 day' + CASE WHEN i % 40 < 20 THEN 9 ELSE 19 END * interval '1 hour' AS at,
       10 + i % 7 AS amount, 'p' || CASE WHEN i % 40 < 20 THEN 1 ELSE i % 9 END AS product
FROM generate_series(1, 800) i;
CREATE TABLE features AS SELECT * FROM custseg.customer_features('orders', 'customer', 'at', 'amount', 'product', as_of => '2026-01-01');
SELECT n_segments FROM custseg.train('features', 'features', '{days_since_last,product_entropy}', k => 2, id => 'customer_id');
SELECT segment, c AS column_name, s.suggested_name, s.description
FROM unnest('{first_purchase,last_purchase,days_since_last,tenure_days,frequency,days_between_mean,days_between_variation,n_products,product_entropy,morning_share,evening_share,weekend_share,season_share,lifecycle}'::text[]) WITH ORDINALITY u (c, i)
CROSS JOIN LATERAL custseg.segment_summary('features', columns => ARRAY[c]) s
WHERE segment = 1 ORDER BY i;

-- faults that no text may have, over generated tables
CREATE FUNCTION make_table(seed int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(seed / 100.0);
    DROP TABLE IF EXISTS made;
    CREATE TABLE made AS
    SELECT i AS id, g, (exp(random() * 3 * (1 + g)) * g)::int AS num_visits, random() * random() * (1 + 5 * (g % 2)) AS evening_share,
           exp(random() * 4) * (1 + g) AS spend, random() - .5 + g * .2 AS balance, exp(4 * random()) AS large_tail,
           CASE WHEN random() < (g + .001) / 3.002 THEN 'No' WHEN random() < .5 THEN 'Yes' ELSE 'No service' END AS "BackupTV",
           CASE WHEN random() < (g + .001) / 3.002 THEN 'No' ELSE 'Yes' END AS paperless, CASE WHEN g = 3 THEN 'lapsed' ELSE 'active' END AS lifecycle,
           1 + (random() < g / 3.0)::int AS channel, random() < g / 3.0 AS is_member
    FROM (SELECT i, (random() * random() * 4)::int % 4 AS g FROM generate_series(1, 2000) i) x;
    ALTER TABLE made ADD spend_again float8;
    UPDATE made SET spend_again = -2 * spend;
END $$;
CREATE TABLE told (seed int, segment int, suggested_name text, description text);
DO $$
BEGIN
    FOR seed IN 1 .. 12 LOOP
        PERFORM make_table(seed);
        PERFORM custseg.train('made', 'made', CASE WHEN seed % 2 = 0 THEN '{num_visits,spend,balance,spend_again}'::text[] ELSE '{num_visits,evening_share,spend,spend_again,BackupTV,paperless,lifecycle,channel,is_member}'::text[] END, k => 3 + seed % 3, deploy => true);
        INSERT INTO told SELECT seed, s.segment, s.suggested_name, s.description FROM custseg.segment_summary('made', options => '{"features": 12}') s;
        -- "average" only where no mean is certainly 20 % off
        INSERT INTO told
        SELECT seed, s.segment, 'FAULT: average, but ' || p.column_name || ' is not', s.description
        FROM custseg.segment_summary('made') s
        JOIN custseg.segment_profile('made', options => '{"only_features": true}') p ON p.segment = s.segment AND p.level IS NULL AND p.column_name IN ('num_visits', 'spend', 'evening_share')
        WHERE s.description LIKE 'Close to the average%' AND abs(p.ratio - 1) > 0.2 AND abs(p.mean - p.overall_mean) > 3 * p.standard_deviation / sqrt(p.n);
    END LOOP;
END $$;
SELECT count(*) > 40 AS enough, count(*) FILTER (WHERE suggested_name LIKE 'FAULT%') AS average_that_is_not,
       count(*) FILTER (WHERE description ~ '(mostly|often|rarely)[^,(]* \((100|0) %') AS shares,
       count(*) FILTER (WHERE suggested_name ~* 'not no') AS not_no, count(*) FILTER (WHERE suggested_name ~ ' [0-9]+$' AND suggested_name !~ 'hannel (often )?[12]$') AS numbers,
       count(*) FILTER (WHERE description ~ '100 % below') AS all_below, count(*) FILTER (WHERE description ~ 'alance [0-9.]+ times') AS ratio_of_both_signs,
       count(*) FILTER (WHERE description ~* 'spends' AND description ~* 'spend again') AS said_twice,
       count(*) FILTER (WHERE (SELECT count(*) <> count(DISTINCT p) FROM regexp_split_to_table(description, ', ') p)) AS repeated
FROM told;
-- the rank in a name is the rank of the segment's mean
CREATE TABLE steps (k int, segment int, name text, mean float8);
DO $$
BEGIN
    FOR k IN 26 .. 49 BY 23 LOOP
        PERFORM custseg.train('steps', format('SELECT i AS id, i %% %s * 100 + hashint4(i) %% 10 AS spend FROM generate_series(1, 10 * %s) i', k, k), '{spend}', k, 'hierarchical', 'id', deploy => true);
        INSERT INTO steps SELECT k, s.segment, lower(s.suggested_name), p.mean FROM custseg.segment_summary('steps') s JOIN custseg.segment_profile('steps') p USING (segment);
    END LOOP;
END $$;
SELECT k, count(*) AS ranked, count(*) FILTER (WHERE name <> concat(coalesce((ARRAY['', 'second ', 'third ', 'fourth ', 'fifth ', 'sixth ', 'seventh ', 'eighth ', 'ninth ', 'tenth '])[rank],
    to_char(rank, 'FM99th '), ''), superlative, ' spend')) AS wrong, max(rank) AS last
FROM (SELECT k, name, superlative, rank() OVER (PARTITION BY k, superlative ORDER BY CASE superlative WHEN 'highest' THEN -mean ELSE mean END) AS rank
      FROM steps, substring(name FROM 'highest|lowest') superlative WHERE superlative IS NOT NULL) r
GROUP BY k ORDER BY k;

-- What a rule's scores are cut at stands beside it, and what decides is what is told.
CREATE TABLE bought AS SELECT i AS id, i % 365 AS recency, 1 + i % 7 AS frequency, date '2026-01-01' + i % 31 AS day FROM generate_series(1, 1000) i;
SELECT n_segments FROM custseg.train('bought', 'bought', algorithm => 'rules', id => 'id', options => '{"segments": [
    {"name": "champions", "when": {"r": {"from": 5}, "f": {"from": 4}}}, {"name": "engaged", "when": {"e": {"above": 6}, "recency": {"to": 100}}}, {"name": "others"}], "else": "others",
    "scores": {"r": [{"feature": "recency", "quantiles": 5, "direction": "low"}], "f": [{"feature": "frequency", "quantiles": 5}],
               "e": [{"feature": "frequency", "thresholds": [2, 5], "weight": 2}, {"feature": "recency", "direction": "low", "weight": 0.01}]}}');
SELECT rule, name, condition, scores FROM custseg.rules('bought');
SELECT count(*) AS champions, bool_and(recency <= 70 AND frequency > 4) AS as_told FROM bought b WHERE custseg.predict_name('bought', b) = 'champions';

-- A feature in which the segments hardly differ does not define them.
SELECT setseed(.3);
CREATE TABLE weak AS SELECT i AS id, (i % 2) * 10 + random() AS strong, random() AS noise, 1 AS same FROM generate_series(1, 2000) i;
SELECT n_segments FROM custseg.train('weak', 'weak', '{strong,noise}', k => 2, prep => '{"scale": "none"}');
SELECT column_name, is_feature, effect_size, rating, reason FROM custseg.segment_tests('weak', columns => '{strong,noise,same}') ORDER BY column_name;

-- A name does not say twice what two columns say; the words of a level may be those of another column.
CREATE TABLE cycle AS
SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'New' WHEN i % 3 = 1 THEN 'lapsed' ELSE 'active' END AS lifecycle,
       CASE WHEN i % 3 = 0 THEN 5 ELSE 300 + i % 7 END + i * 31 % 50 AS tenure, CASE WHEN i % 3 = 1 THEN 200 ELSE 5 END + i * 37 % 40 AS recency,
       exp(i * 41 % 60 / 20.0 + (i % 3 = 2)::int) AS visits
FROM generate_series(1, 3000) i;
SELECT n_segments FROM custseg.train('cycle', 'cycle', '{lifecycle}', 3);
SELECT segment, suggested_name, description FROM custseg.segment_summary('cycle', columns => '{lifecycle,tenure,recency,visits}');

-- Several are, one is.
CREATE TABLE plural AS
SELECT i AS id, i % 2 * 10 AS "MonthlyCharges", i % 2 * 10 AS number_of_policies, i % 2 * 10 AS months_since_claim, i % 2 * 10 AS "Income (k$)",
       i % 2 * 10 AS business, i % 2 * 10 AS trx_status, i % 2 * 10 AS days_between_mean, i % 2 * 10 AS has_kids, i % 2 * 10 AS orders
FROM generate_series(1, 20) i;
SELECT n_segments FROM custseg.train('plural', 'plural', '{MonthlyCharges,number_of_policies,months_since_claim}', 2);
SELECT custseg.explain_text('plural', p) FROM plural p WHERE id = 1;
SELECT n_segments FROM custseg.train('plural', 'plural', '{"Income (k$)",business,trx_status}', 2, deploy => true);
SELECT custseg.explain_text('plural', p) FROM plural p WHERE id = 1;
SELECT n_segments FROM custseg.train('plural', 'plural', '{days_between_mean,has_kids,orders}', 2, deploy => true);
SELECT custseg.explain_text('plural', p) FROM plural p WHERE id = 1;
SELECT n_segments FROM custseg.train('plural', 'SELECT id, orders AS "NumWebPurchases", orders > 0 AS active FROM plural', '{NumWebPurchases,active}', 2, deploy => true);
SELECT custseg.explain_text('plural', '{"NumWebPurchases": 1, "active": false}'::jsonb);

-- What a customer does has words, where the values are of a kind that the words are true of: no orders by the half or in
-- standard deviations, no days where weeks are likely, no shares beyond 1.
CREATE TABLE own AS
SELECT i AS id, i % 2 * 365 + 3 AS recency, i % 2 * 52 AS weeks, i % 2 * 30 + 1 AS orders, i % 2 * 0.5 + 0.5 AS rate, i % 2 * 2.0 - 1 AS z,
       i % 2 * 0.4 AS share, i % 2 * 40 AS percent, i % 2 * 1000.50 AS spent
FROM generate_series(1, 40) i;
CREATE FUNCTION told(columns text, customer int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('own', format('SELECT id, %s FROM own', columns), k => 2, id => 'id', deploy => true);
    EXECUTE format('SELECT substring(custseg.explain_text(''own'', to_jsonb(s)) FROM ''because (.*)\.$'') FROM (SELECT id, %s FROM own) s WHERE id = %s', columns, customer) INTO columns;
    PERFORM custseg.drop_model('own', whole => true);
    RETURN columns;
END $$;
SELECT columns, customer, told(columns, customer)
FROM unnest(ARRAY['recency', 'weeks AS recency', 'orders AS frequency', 'rate AS frequency', 'z AS frequency', 'share AS weekend_share', 'percent AS weekend_share', 'spent AS monetary']) columns,
    unnest('{1,2}'::int[]) customer;

-- A name that is not found because of its capitals says so.
CREATE TABLE "Telco" AS SELECT * FROM bought;
\set VERBOSITY default
SELECT * FROM custseg.describe('Telco');
SELECT * FROM custseg.describe('words_test.Telco');
SELECT * FROM custseg.describe('"Bought"');
SELECT * FROM custseg.describe('Nothing');
CALL custseg.resegment('bought', 'Telco');
CALL custseg.resegment('bought', '"Bought"');
CALL custseg.resegment('bought', 'nothing');
-- what is missing first is said first, and a column that one can add with the right to do so
CALL custseg.resegment('bought', 'weak');
CALL custseg.resegment('bought', 'bought');

-- Times are told as dates, too.
SELECT column_name, suggestion FROM custseg.describe('bought', '{id,day}');

-- A view is not written over, and the query is not shown when its name is taken.
CREATE TABLE lines AS SELECT 1 AS c, now() AS t, 1.5 AS a;
SELECT custseg.create_feature_view('bought', 'lines', 'c', 't', 'a');

-- thousands of segments are ranked in a moment
CREATE TABLE many AS SELECT i AS id, i::float8 AS amount FROM generate_series(1, 4000) i;
SELECT n_segments FROM custseg.train('many', 'many', k => 4000, features => '{amount}', options => '{"n_init": 1, "max_iter": 1, "silhouette_sample": 0}');
SET statement_timeout = '15s';
SELECT count(DISTINCT suggested_name) FROM custseg.segment_summary('many');
RESET statement_timeout;

SELECT count(custseg.drop_model(name, whole => true)) FROM custseg.model WHERE name IN ('many', 'tails', 'quartiles', 'services', 'features', 'made', 'bought', 'weak', 'cycle', 'plural', 'codes', 'steps');
DROP SCHEMA words_test CASCADE;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
