-- What segments are worth, and how many of them leave: segment_value, segment_churn.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS segment_value_test CASCADE;
CREATE SCHEMA segment_value_test;
SET search_path = segment_value_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- 600 customers who buy at a rate and leave after a purchase, each with a chance of his own: MBG/NBD's process, of which
-- uniform numbers come from a hash
CREATE FUNCTION uniform(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT ((hashtextextended(what::text, 11) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50)$$;
CREATE TABLE bought AS
WITH RECURSIVE customer AS (
    SELECT i, date '2023-01-01' + (i * 7 % 120) AS first, -ln(1 - uniform(i, 1)) / 6 AS rate, 1 - (1 - uniform(i, 2)) ^ (1 / 3.0) AS leaves,
        20 * exp(2 * uniform(i, 3) - 1) AS spend
    FROM generate_series(1, 600) i
), purchase AS (
    SELECT i, 0 AS number, first::timestamp AS at, rate, leaves, spend FROM customer
    UNION ALL
    SELECT i, number + 1, at - ln(1 - uniform(i, 4, number)) / rate * interval '7 days', rate, leaves, spend
    FROM purchase
    WHERE at < '2024-07-01' AND number < 300 AND uniform(i, 5, number) >= leaves
)
SELECT i AS customer, at, round((spend * (0.5 + uniform(i, 6, number)))::numeric, 2) AS amount
FROM purchase WHERE at < '2024-07-01';
SELECT model, algorithm, n, n_repeat, converged, verdict FROM custseg.train_purchases('repeats', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'mbg_nbd');

-- Segments of the same customers, by rules, so that who is where can be said here
CREATE TABLE buyers AS SELECT customer_id::int AS id, repeats, recency, customer_age, coalesce(monetary, 0) AS monetary FROM custseg.purchase_summary('bought', 'customer', 'at', 'amount', '2024-06-30');
ALTER TABLE buyers ADD PRIMARY KEY (id);
SELECT model, n_segments FROM custseg.train('groups', 'buyers', '{repeats,monetary}', algorithm => 'rules', id => 'id', options => '{"segments": [
    {"name": "many", "when": {"repeats": {"from": 4}}}, {"name": "dear", "when": {"repeats": {"from": 1}, "monetary": {"from": 25}}}, {"name": "some", "when": {"repeats": {"from": 1}}}, {"name": "once"}], "else": "once"}');
CREATE VIEW placed AS SELECT id, CASE WHEN repeats >= 4 THEN 'many' WHEN repeats >= 1 AND monetary >= 25 THEN 'dear' WHEN repeats >= 1 THEN 'some' ELSE 'once' END AS name FROM buyers;


-- Sums and means are those of lifetime_value(), by segment
CREATE TABLE found AS SELECT * FROM custseg.segment_value('repeats', 'groups', 'bought', 'buyers', as_of => '2024-06-30');
SELECT segment, name, n, round(share::numeric, 4) AS share, round(alive::numeric, 4) AS alive, n_leaving, n_left, round(value_mean::numeric, 3) AS value_mean, round(value_share::numeric, 4) AS value_share, reason FROM found;
SELECT name, f.n = e.n AS n, agrees(f.share, e.share) AS share, agrees(f.alive, e.alive) AS alive, agrees(expected_purchases, e.purchases) AS purchases, agrees(value_sum, e.worth) AS value_sum,
    agrees(value_mean, e.worth / e.n) AS value_mean, agrees(f.value_share, e.value_share) AS value_share, agrees(value_at_risk, e.at_risk) AS at_risk, f.n_leaving = e.n_leaving AND f.n_left = e.n_left AS leaving, agrees(f.leaving_at_risk, e.leaving_at_risk) AS leaving_at_risk, agrees(mean_low, low / f.n) AS mean_low, agrees(mean_high, high / f.n) AS mean_high
FROM found f
JOIN (SELECT coalesce(name, 'total') AS name, count(*) AS n, count(*) / 600.0::float8 AS share, avg(alive) AS alive, sum(expected_purchases) AS purchases, sum(lifetime_value) AS worth,
        sum(lifetime_value) / max(sum(lifetime_value)) OVER () AS value_share, sum(lifetime_value / alive * (1 - alive)) AS at_risk,
        count(*) FILTER (WHERE alive BETWEEN 0.2 AND 0.8) AS n_leaving, count(*) FILTER (WHERE alive < 0.2) AS n_left, coalesce(sum(lifetime_value / alive * (1 - alive)) FILTER (WHERE alive BETWEEN 0.2 AND 0.8), 0) AS leaving_at_risk
    FROM placed JOIN custseg.lifetime_value('repeats', 'bought', as_of => '2024-06-30') ON customer_id = id::text
    GROUP BY ROLLUP (name)) e USING (name)
ORDER BY segment;
-- parts are a whole, in the order of their numbers
SELECT agrees(sum(value_sum) FILTER (WHERE name <> 'total'), max(value_sum) FILTER (WHERE name = 'total')) AS value_sum, agrees(sum(value_share) FILTER (WHERE name <> 'total'), 1) AS value_share,
    agrees(sum(share) FILTER (WHERE name <> 'total'), 1) AS share, sum(n) FILTER (WHERE name <> 'total') AS n, array_agg(name ORDER BY segment) AS names, bool_and(low < value_sum AND value_sum < high) AS inside
FROM found;
-- what is off by chance in one segment is not in another: the interval of all is narrower than those of the segments together, and than those of the customers by far
SELECT max(high - low) FILTER (WHERE name = 'total') < sum(high - low) FILTER (WHERE name <> 'total') AS narrower,
    max(high - low) FILTER (WHERE name = 'total') < (SELECT sum(high - low) / 5 FROM custseg.lifetime_value('repeats', 'bought', as_of => '2024-06-30')) AS narrower_by_far
FROM found;

-- from a customer who is all but surely gone nothing will come
SELECT name, n, value_sum < 1e-9 AS next_to_nothing, low, high FROM custseg.segment_value('repeats', 'groups',
    'SELECT * FROM bought WHERE customer = 1 UNION ALL SELECT 1000, timestamp ''2023-01-01'' + i * interval ''1 day'', 30 FROM generate_series(0, 60) i', 'SELECT 1000 AS id, 60 AS repeats, 30.0::float8 AS monetary',
    as_of => '2024-06-30') WHERE segment > 0;

-- Money in other units, lines and customers in another order, ids of another type: the same
SELECT count(*) FROM custseg.train_purchases('cents', 'SELECT customer::text AS customer, at, amount * 100 AS amount FROM bought ORDER BY at DESC', 'customer', 'at', 'amount', '2024-06-30', 'mbg_nbd');
SELECT f.name, f.n = c.n AS n, agrees(f.alive, c.alive, 1e-6) AS alive, agrees(f.value_sum * 100, c.value_sum, 1e-6) AS value_sum, agrees(f.low * 100, c.low, 1e-4) AS low, agrees(f.high * 100, c.high, 1e-4) AS high, agrees(f.value_at_risk * 100, c.value_at_risk, 1e-6) AS at_risk
FROM found f JOIN custseg.segment_value('cents', 'groups', NULL, 'SELECT * FROM buyers ORDER BY md5(id::text)', as_of => '2024-06-30') c USING (name)
ORDER BY f.segment;
-- The more confidence, the wider
SELECT bool_and(b.low < a.low AND a.high < b.high AND agrees(a.value_sum, b.value_sum) = 't') AS wider
FROM custseg.segment_value('repeats', 'groups', 'bought', 'buyers', as_of => '2024-06-30', confidence => 0.5) a
JOIN custseg.segment_value('repeats', 'groups', 'bought', 'buyers', as_of => '2024-06-30', confidence => 0.99) b USING (name);
-- Sources are those of the versions when none are given
SELECT count(*) AS n, count(*) FILTER (WHERE f IS DISTINCT FROM v) AS different
FROM custseg.segment_value('repeats', 'groups', as_of => '2024-06-30') v JOIN found f USING (name);

-- Customers in no segment, whom the other source does not have, or whom somebody has excluded; and those who have never bought
SELECT custseg.override_segment('groups', 3, 1, 'key account'), custseg.exclude('groups', 4, 'objected');
SELECT segment, name, n, agrees(sum(value_sum) OVER () / 2, (SELECT value_sum FROM found WHERE name = 'total')) AS whole
FROM custseg.segment_value('repeats', 'groups', 'bought', 'SELECT * FROM buyers WHERE id % 5 <> 0 UNION ALL SELECT 1000 + i, 1, 1, 2, 5 FROM generate_series(1, 7) i', as_of => '2024-06-30');
SELECT custseg.end_override('groups', 3), custseg.end_override('groups', 4);
-- the same customer twice, alike and otherwise
SELECT count(*) FROM custseg.segment_value('repeats', 'groups', 'bought', 'SELECT * FROM buyers UNION ALL SELECT * FROM buyers', as_of => '2024-06-30');
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'bought', 'SELECT id, repeats, monetary FROM buyers UNION ALL SELECT id, 99, monetary FROM buyers WHERE id < 9')$$);

-- How many have left: what is not alive
SELECT c.name, agrees(churn, 1 - alive) AS churn, agrees(expected_leavers, (1 - alive) * c.n) AS leavers, c.low < churn AND churn < c.high AND c.low >= 0 AND c.high <= 1 AS inside, c.reason
FROM custseg.segment_churn('repeats', 'groups', 'bought', 'buyers', '2024-06-30') c JOIN found f USING (name) ORDER BY c.segment;

-- Intervals by their definition, with integrals over the chance of leaving, by R 4.2: purchases without a holdout, value with one, and who has left
SELECT count(*) FROM custseg.train_purchases('plain', 'bought', 'customer', 'at', as_of => '2024-06-30', algorithm => 'mbg_nbd', options => '{"holdout": "none"}');
SELECT g.name, agrees(f.low, g.low, 1e-6) AS low, agrees(f.high, g.high, 1e-6) AS high, agrees(p.low, g.p_low, 1e-6) AS p_low, agrees(p.high, g.p_high, 1e-6) AS p_high, agrees(c.low, g.c_low, 1e-5) AS c_low, agrees(c.high, g.c_high, 1e-5) AS c_high,
    p.value_sum IS NULL AND p.value_mean IS NULL AND p.value_at_risk IS NULL AND p.leaving_at_risk IS NULL AND p.n_left = f.n_left AND agrees(p.expected_purchases, f.expected_purchases) = 't' AS without, p.reason
FROM (VALUES
    ('many', 9730.607428, 14452.198913, 461.411235, 638.122835, 0.508548, 0.593062),
    ('dear', 885.947987, 2102.950006, 29.447608, 62.746228, 0.681230, 0.802722),
    ('some', 523.998449, 1175.984111, 36.849387, 73.320269, 0.706347, 0.812800),
    ('once', 165.338412, 805.922819, 8.866122, 31.369982, 0.775925, 0.929621),
    ('total', 12176.440721, 17398.738819, 572.370996, 761.233531, 0.687085, 0.761769)) g (name, low, high, p_low, p_high, c_low, c_high)
JOIN found f USING (name) JOIN custseg.segment_value('plain', 'groups', 'bought', 'buyers', as_of => '2024-06-30') p USING (name)
JOIN custseg.segment_churn('repeats', 'groups', 'bought', 'buyers', '2024-06-30') c USING (name)
ORDER BY p.segment;

-- Where the purchases do not tell that customers leave, nothing is said of it; without a horizon there are no intervals
CREATE TABLE loyal AS
SELECT customer, at, 10 + customer % 13 AS amount
FROM (SELECT i AS customer, timestamp '2023-01-01' + sum(CASE WHEN n = 0 THEN 0 ELSE -ln(1 - uniform(i, 9, n)) * 40 / -ln(1 - uniform(i, 8)) END) OVER (PARTITION BY i ORDER BY n) * interval '1 day' AS at
    FROM generate_series(1, 200) i, generate_series(0, 300) n) l
WHERE at < '2024-06-30';
SET client_min_messages = warning;
SELECT algorithm, verdict FROM custseg.train_purchases('loyal', 'loyal', 'customer', 'at', 'amount');
SELECT count(*) FROM custseg.train_purchases('pareto', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'pareto_nbd');
RESET client_min_messages;
SELECT segment, name, n, num_nonnulls(alive, value_at_risk, n_leaving, n_left, leaving_at_risk) AS tells_who_left, value_sum > 0 AS has_value, low < high AS has_interval, reason FROM custseg.segment_value('loyal', 'groups', customers => 'buyers') WHERE n > 100;
SELECT segment, name, n, churn, low, high, expected_leavers, reason FROM custseg.segment_churn('loyal', 'groups', customers => 'buyers') WHERE n > 100;
SELECT count(*) AS n, count(expected_purchases) AS purchases, count(value_sum) AS value_sum, count(low) AS low, count(value_at_risk) AS at_risk FROM custseg.segment_value('pareto', 'groups', 'bought', 'buyers', horizon => NULL, as_of => '2024-06-30');

--
-- Models of a value and of a probability: both models read the same rows
--
SELECT model, kind FROM custseg.train_value('spend', 'SELECT b.*, uniform(id, 21) * repeats + recency AS later FROM buyers b', 'later', '{repeats,customer_age}', 'linear', id => 'id');
SELECT model, kind FROM custseg.train_value('leaving', 'SELECT b.*, uniform(id, 22) < 0.1 + 0.6 * (repeats < 2)::int AS left_us FROM buyers b', 'left_us', '{repeats,customer_age}', 'logistic', id => 'id');
CREATE TABLE valued AS SELECT * FROM custseg.segment_value('spend', 'groups', 'buyers');
CREATE TABLE leaving AS SELECT * FROM custseg.segment_value('leaving', 'groups', 'buyers');
-- of a number: predictions are off by the mean square of their tenth, and all of them together by as much
WITH kept AS (
    SELECT n_rows, ARRAY(SELECT jsonb_array_elements_text(metrics -> 'spread' -> 'bounds')::float8) AS bounds, ARRAY(SELECT jsonb_array_elements_text(metrics -> 'spread' -> 'squares')::float8) AS squares
    FROM custseg.model_version WHERE model = 'spend'
), predicted AS (
    SELECT p.name, custseg.predict_value('spend', b) AS y FROM buyers b JOIN placed p USING (id)
), expected AS (
    SELECT coalesce(name, 'total') AS name, count(*) AS n, sum(y) AS y, sqrt(2 * sum(squares[1 + width_bucket(y, bounds)])) AS off
    FROM predicted, kept GROUP BY ROLLUP (name)
)
SELECT v.name, v.n = e.n AS n, agrees(value_sum, y) AS value_sum, agrees(value_mean, y / e.n) AS value_mean, agrees(low, y - 1.6448536269514722 * off) AS low, agrees(high, y + 1.6448536269514722 * off) AS high,
    num_nonnulls(alive, expected_purchases, value_at_risk, n_leaving, n_left, leaving_at_risk, reason) AS others
FROM valued v JOIN expected e USING (name) ORDER BY v.segment;
-- of a probability: the number of those to whom it comes, and its share
WITH expected AS (
    SELECT coalesce(p.name, 'total') AS name, sum(custseg.predict_value('leaving', b)) AS y FROM buyers b JOIN placed p USING (id) GROUP BY ROLLUP (p.name)
)
SELECT l.name, agrees(l.value_sum, y) AS value_sum, agrees(c.churn, y / l.n) AS churn, agrees(c.expected_leavers, y) AS leavers, agrees(c.low, l.mean_low) AS low, agrees(c.high, l.mean_high) AS high, 0 < c.low AND c.low < churn AND churn < c.high AND c.high < 1 AS inside
FROM leaving l JOIN expected e USING (name) JOIN custseg.segment_churn('leaving', 'groups', 'buyers') c USING (name) ORDER BY l.segment;
-- rows that cannot be predicted, or placed
SELECT model FROM custseg.train_value('spend', 'SELECT b.*, uniform(id, 21) * repeats + recency AS later FROM buyers b', 'later', '{repeats,customer_age}', 'linear', id => 'id', prep => '{"impute": "skip"}', deploy => true);
SELECT segment, name, n, reason FROM custseg.segment_value('spend', 'groups', 'SELECT id, repeats, monetary, CASE WHEN id > 3 THEN customer_age END AS customer_age FROM buyers') WHERE reason IS NOT NULL ORDER BY n;
SELECT count(*) FROM custseg.segment_value('spend', 'groups', 'buyers', value_version => 1);

--
-- Errors
--
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value(NULL, 'groups')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('none', 'groups')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('groups', 'groups')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'spend')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_churn('spend', 'groups')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', value_version => 9)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', segment_version => 9)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', horizon => '-1 day')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', discount => -1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', confidence => 1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_churn('leaving', 'groups', confidence => 0.1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', as_of => '2022-01-01')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('spend', 'groups', 'buyers', 'buyers')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('spend', 'groups', 'SELECT id, repeats, monetary FROM buyers')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'bought', 'SELECT repeats, monetary FROM buyers')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'SELECT customer, at FROM bought', 'buyers')$$);

--
-- Kept by runs
--
SELECT count(*) FROM custseg.train_purchases('few', 'SELECT * FROM bought WHERE customer < 300', 'customer', 'at', 'amount', '2024-06-30', 'mbg_nbd', '{"holdout": "none"}');
CREATE TABLE kept AS SELECT * FROM custseg.record_segment_value('repeats', 'groups', 'bought', 'buyers', as_of => '2024-06-30');
SELECT count(*) AS n, count(DISTINCT (run, run_at)) AS runs, min(model) AS model, min(version) AS version, min(value_model) AS value_model, min(value_version) AS value_version, bool_and(run_by = current_user) AS by_me,
    min(source) AS source, min(segment_source) AS segment_source, min(as_of) AS as_of, min(horizon) AS horizon, min(discount) AS discount, min(confidence) AS confidence, array_agg(position ORDER BY position) AS positions
FROM kept;
-- what is returned is what is kept, and what segment_value() says
SELECT count(*) AS n, count(*) FILTER (WHERE k IS DISTINCT FROM h) AS different FROM kept k FULL JOIN custseg.segment_value_history h USING (model, run, position);
SELECT count(*) AS n, count(*) FILTER (WHERE (k.segment, k.name, k.n, k.share, k.alive, k.expected_purchases, k.value_sum, k.value_mean, k.value_share, k.low, k.high, k.mean_low, k.mean_high, k.value_at_risk, k.n_leaving, k.n_left, k.leaving_at_risk, k.reason) IS DISTINCT FROM
    (f.segment, f.name, f.n, f.share, f.alive, f.expected_purchases, f.value_sum, f.value_mean, f.value_share, f.low, f.high, f.mean_low, f.mean_high, f.value_at_risk, f.n_leaving, f.n_left, f.leaving_at_risk, f.reason)) AS different
FROM kept k JOIN found f USING (name);
-- other models, other columns
SELECT count(*), count(as_of), count(horizon), count(discount), bool_and(h.run > (SELECT max(run) FROM kept)) AS later FROM custseg.record_segment_value('spend', 'groups', 'buyers') h;
-- a subtransaction that is rolled back leaves nothing
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM custseg.record_segment_value('repeats', 'groups', 'bought', 'buyers');
ROLLBACK TO s;
COMMIT;
SELECT value_model, count(DISTINCT run) AS runs FROM custseg.segment_value_history WHERE model = 'groups' GROUP BY 1 ORDER BY 1;
-- older runs are forgotten
UPDATE custseg.segment_value_history SET run_at = now() - interval '40 days' WHERE value_model = 'spend';
SELECT count(*) FROM custseg.record_segment_value('repeats', 'groups', 'bought', 'buyers', as_of => '2024-06-30', horizon => '90 days', keep_days => 30);
SELECT value_model, count(DISTINCT run) AS runs FROM custseg.segment_value_history WHERE model = 'groups' GROUP BY 1 ORDER BY 1;

-- Who leaves, yet is valuable, in the last run: by definition; with what to do
SELECT custseg.set_action('groups', 2, '{"channel": "phone", "offer": "come back"}');
WITH last AS (
    SELECT h.*, t.value_at_risk AS all_at_risk, t.value_sum AS all_value, t.n AS all_n
    FROM custseg.segment_value_history h JOIN custseg.segment_value_history t USING (model, run)
    WHERE h.model = 'groups' AND h.horizon = '90 days' AND t.name = 'total'
)
SELECT l.name, value_at_risk / value_sum > all_at_risk / all_value AS leaves, value_at_risk / n > all_at_risk / all_n AS is_valuable, v.name IS NOT NULL AS is_shown,
    v.channel, v.offer, v.churn = 1 - l.alive AS churn, v.value_at_risk_mean = l.value_at_risk / l.n AS mean
FROM last l LEFT JOIN (SELECT run, name, channel, offer, churn, value_at_risk_mean FROM custseg.value_at_risk) v USING (run, name)
WHERE segment IS NOT NULL ORDER BY segment;

-- Errors, and rights: the owner of the segments keeps, who may use both models sees
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value(NULL, 'groups')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', 'none')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', 'spend')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', 'groups', keep_days => 0)$$);
BEGIN READ ONLY;
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', 'groups')$$);
COMMIT;
CREATE ROLE segment_value_reader;
GRANT USAGE ON SCHEMA segment_value_test TO segment_value_reader;
GRANT SELECT ON bought, buyers TO segment_value_reader;
SELECT custseg.grant_model('groups', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT count(*) FROM custseg.segment_value_history;
RESET ROLE;
SELECT custseg.grant_model('repeats', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT count(*) > 0 AS sees, count(*) FILTER (WHERE value_model <> 'repeats') AS others FROM custseg.segment_value_history;
SELECT count(*) > 0 AS sees FROM custseg.value_at_risk;
SELECT outcome($$SELECT count(*)::text FROM custseg.record_segment_value('repeats', 'groups', 'bought', 'buyers')$$);
SELECT outcome($$INSERT INTO custseg.segment_value_history SELECT * FROM custseg.segment_value_history RETURNING name$$);
RESET ROLE;
SELECT custseg.revoke_model('groups', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT count(*) FROM custseg.segment_value_history;
RESET ROLE;
SELECT custseg.revoke_model('repeats', 'segment_value_reader');
-- it goes with either model
SELECT count(*) FROM custseg.record_segment_value('few', 'groups', 'bought', 'buyers');
SELECT custseg.drop_model('few', whole => true);
SELECT DISTINCT value_model FROM custseg.segment_value_history WHERE model = 'groups' ORDER BY 1;
DROP OWNED BY segment_value_reader;
DROP ROLE segment_value_reader;

--
-- Rights: both models, and sources that are named
--
CREATE ROLE segment_value_reader;
GRANT USAGE ON SCHEMA segment_value_test TO segment_value_reader;
GRANT SELECT ON bought, buyers TO segment_value_reader;
SET ROLE segment_value_reader;
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'bought', 'buyers')$$);
RESET ROLE;
SELECT custseg.grant_model('repeats', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'bought', 'buyers')$$);
RESET ROLE;
SELECT custseg.grant_model('groups', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', 'bought', 'buyers')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_value('repeats', 'groups', customers => 'buyers')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_churn('repeats', 'groups', 'bought')$$);
RESET ROLE;
SELECT custseg.revoke_model('repeats', 'segment_value_reader');
SET ROLE segment_value_reader;
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_churn('repeats', 'groups', 'bought', 'buyers')$$);
RESET ROLE;

-- What a version keeps of its errors may come from anywhere
CREATE FUNCTION with_metrics(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('UPDATE custseg.model_version SET metrics = %s WHERE model = ''repeats''', change);
    answer := outcome('SELECT string_agg(DISTINCT concat_ws('' '', CASE WHEN low IS NULL THEN ''no interval'' END, reason), ''; '') FROM custseg.segment_value(''repeats'', ''groups'', ''bought'', ''buyers'')');
    RAISE EXCEPTION USING ERRCODE = 'ZZ999', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
    RETURN SQLERRM;
END $$;
SELECT with_metrics($$metrics - 'covariance'$$);
SELECT with_metrics($$jsonb_set(metrics, '{covariance,purchases}', 'null')$$);
SELECT with_metrics($$jsonb_set(metrics, '{covariance,spend}', 'null')$$);
SELECT with_metrics($$jsonb_set(metrics, '{covariance,purchases}', '[1]')$$);
SELECT with_metrics($$jsonb_set(metrics, '{covariance}', '3')$$);
SELECT with_metrics($$jsonb_set(metrics, '{holdout,value_rmse}', '"x"')$$);
SELECT with_metrics($$metrics #- '{holdout,variance}' #- '{holdout,value_variance}'$$);
-- a holdout that was far off is told of
SELECT with_metrics($$jsonb_set(metrics, '{holdout,value_actual}', to_jsonb(2 * (metrics #>> '{holdout,value_predicted}')::float8))$$);
SELECT with_metrics($$jsonb_set(metrics, '{holdout,value_actual}', '1')$$);

SET client_min_messages = warning;
SELECT count(*) FROM custseg.model m, LATERAL custseg.drop_model(m.name, whole => true, forget_exclusions => true) WHERE m.name IN ('repeats', 'cents', 'plain', 'loyal', 'pareto', 'spend', 'leaving', 'groups');
DROP SCHEMA segment_value_test CASCADE;
DROP ROLE segment_value_reader;
\i :root/test/clean.sql
