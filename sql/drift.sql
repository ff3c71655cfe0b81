--
-- Drift: features against their baseline, and rows of model space all features together.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS drift_test CASCADE;
CREATE SCHEMA drift_test;
SET search_path = drift_test, public;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'German';
SET extra_float_digits = -6;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- 200 customers then, 240 now
CREATE TABLE past (id int PRIMARY KEY, spent float8, age float8, channel text, member bool, joined date, gap interval, fixed int);
INSERT INTO past
SELECT i, i, CASE WHEN i > 10 THEN i % 50 END,
       CASE WHEN i <= 80 THEN 'web' WHEN i <= 140 THEN 'shop' WHEN i <= 180 THEN 'phone' END,
       i <= 50, date '2024-01-01' + i, interval '1 day' * (i % 30), 7
FROM generate_series(1, 200) i;
CREATE TABLE present (id int PRIMARY KEY, spent float8, age float8, channel text, member bool, joined date, gap interval, fixed int);
INSERT INTO present
SELECT i, 30.5 + 0.8 * i, CASE WHEN i > 60 THEN i % 50 END,
       CASE WHEN i <= 60 THEN 'web' WHEN i <= 144 THEN 'shop' WHEN i <= 180 THEN 'phone' WHEN i <= 204 THEN 'app' END,
       i <= 84, date '2024-06-01' + i, interval '1 day' * (i % 30), 7
FROM generate_series(1, 240) i;
SELECT version FROM custseg.train('m', 'past', '{spent,age,channel,member,joined,gap}', 3);

--
-- The report
--
-- what it was trained on is as it was, by default
SELECT feature, kind, n_baseline, n_current, ks, psi, l_infinity, p_value, p_adjusted, verdict, reason FROM custseg.drift('m');
-- and when it is not
CREATE VIEW report AS
SELECT feature, n_baseline AS n, n_current AS m, round(null_share_baseline::numeric, 4) AS null_then, round(null_share_current::numeric, 4) AS null_now,
       new_levels AS new, vanished_levels AS vanished, verdict, reason
FROM custseg.drift('m', 'present');
SELECT * FROM report;
SELECT feature, verdict, reason FROM custseg.drift('m', 'past', 'present') WHERE feature IN ('spent', 'channel', 'joined');

-- scipy 1.10.1: ks_2samp, wasserstein_distance / std, jensenshannon(base=2), chi2_contingency without correction,
-- PSI by its definition with numpy's deciles, chi2.isf and chi2.sf for its law; p is the least times the number of tests
SELECT agrees(ks, 0.15583333333333332) AS ks, agrees(psi, 0.5106318679067403) AS psi, agrees(psi_critical, 0.15509062804235413) AS critical,
       agrees(wasserstein, 0.4572671290730216) AS wasserstein, agrees(jensen_shannon, 0.2704961769981808) AS jensen_shannon,
       agrees(p_value, (SELECT 2 * (custseg.chi_square_test(bin, now)).p_value
                        FROM (SELECT least(greatest(ceil((spent - 1) / 19.9), 1), 10)::int::text, false FROM past
                              UNION ALL SELECT least(greatest(ceil((spent - 1) / 19.9), 1), 10)::int::text, true FROM present) AS b (bin, now))) AS p
FROM custseg.drift('m', 'present') WHERE feature = 'spent';
SELECT agrees(psi, 0.4725311841823293) AS psi, agrees(psi_critical, 0.08697084950382727) AS critical, agrees(jensen_shannon, 0.26495836168091946) AS jensen_shannon,
       agrees(chi_square, 32.26942355889724) AS chi_square, agrees(cramers_v, 0.2708128486565837) AS v, agrees(l_infinity, 0.15) AS l_infinity,
       agrees(p_value, 3.370470314028721e-06) AS p
FROM custseg.drift('m', 'present') WHERE feature = 'channel';
SELECT agrees(psi, 0.047957308026188604) AS psi, agrees(psi_critical, 0.03521337252302951) AS critical, agrees(jensen_shannon, 0.09283215667741838) AS jensen_shannon,
       agrees(chi_square, 5.150717003219196) AS chi_square, agrees(cramers_v, 0.10819507848010626) AS v, agrees(l_infinity, 0.1) AS l_infinity,
       agrees(p_value, 0.023236776286363694) AS p
FROM custseg.drift('m', 'present') WHERE feature = 'member';
-- the shares without a value have a test of their own, here the strongest of three
SELECT agrees(p_value, 3 * 1.1218490083724684e-08) AS p FROM custseg.drift('m', 'present') WHERE feature = 'age';
-- adjusted over the features
SELECT agrees(array_agg(d.p_adjusted), array_agg(a.p)) AS adjusted
FROM (SELECT array_agg(p_value) AS p, array_agg(p_adjusted) AS adjusted FROM custseg.drift('m', 'present')) AS all_p,
     unnest(all_p.adjusted, custseg.benjamini_hochberg(all_p.p)) AS d (p_adjusted, p), LATERAL (SELECT d.p) AS a;
-- all statistics, those with columns among them; the reference describes these and no others
SELECT feature, jsonb_object_agg(key, (SELECT jsonb_object_agg(k, round(v::text::numeric, 6)) FROM jsonb_each(value) e (k, v))) AS statistics
FROM custseg.drift('m', 'present'), jsonb_each(statistics) WHERE feature IN ('spent', 'channel') GROUP BY feature ORDER BY feature DESC;
SET extra_float_digits = 1;
SELECT feature, column_name, row -> column_name AS in_column, statistics #> path AS in_statistics
FROM custseg.drift('m', 'present') d, to_jsonb(d) row,
    unnest('{psi,psi_critical,ks,wasserstein,jensen_shannon,chi_square,cramers_v,l_infinity}'::text[]) column_name,
    LATERAL (SELECT CASE column_name WHEN 'psi_critical' THEN '{psi,critical}' ELSE ARRAY[column_name, 'value'] END) AS p (path)
WHERE nullif(row -> column_name, 'null') IS DISTINCT FROM statistics #> path;
SET extra_float_digits = -6;
\set page `cat "$PG_ABS_SRCDIR/docs/reference.md"`
WITH described AS (
    SELECT m[1] AS name, o.kind
    FROM regexp_matches(substring(:'page' FROM '\n#### Statistics of drift\n(.*?)\n### '), '\n\| `(\w+)` \| ([a-z, ]+) \|', 'g') m, unnest(string_to_array(m[2], ', ')) o (kind)
), computed AS (
    SELECT DISTINCT jsonb_object_keys(statistics) AS name, CASE WHEN kind IN ('categorical', 'boolean') THEN 'levels' ELSE 'numbers' END AS kind
    FROM custseg.drift('m', 'present')
)
SELECT d AS described, c AS computed
FROM described d FULL JOIN computed c USING (name, kind) WHERE d IS NULL OR c IS NULL;
-- Hellinger: scipy.spatial.distance.euclidean of the roots of numpy.histogram's shares / sqrt(2), scipy.stats.chi2.sf; nothing
-- is judged by it unless it is asked for, and then it is one test more
SELECT feature, agrees((statistics #> '{hellinger,value}')::float8, value) AS value, agrees((statistics #> '{hellinger,p_value}')::float8, p) AS p
FROM custseg.drift('m', 'present') JOIN (VALUES ('spent', 0.2573911279263394, 3.5218177008821085e-09), ('channel', 0.2530921396778699, 2.1012061911422096e-11)) g (feature, value, p) USING (feature);
SELECT feature, verdict, reason, p_value / (statistics #> '{hellinger,p_value}')::float8 AS tests
FROM custseg.drift('m', 'present', options => '{"hellinger_drifted": 0.25}') WHERE feature IN ('spent', 'channel');
SELECT statistics #> '{hellinger,value}' AS nothing_in_common
FROM custseg.drift('m', 'SELECT ''x'' || id % 2 AS channel, * FROM (SELECT id FROM past) s') WHERE feature = 'channel';
-- Cramer and von Mises: scipy.stats.cramervonmises_2samp(method='asymptotic') of spent; the others have ties: T by its definition, and its mean
-- and variance with ties, in exact fractions, and p by mpmath's quad of Smirnov's integral
SELECT feature, agrees((statistics #> '{cramer_von_mises,value}')::float8, t, 1e-12) AS t, agrees((statistics #> '{cramer_von_mises,p_value}')::float8, p, 1e-7) AS p
FROM custseg.drift('m', 'present') JOIN (VALUES ('spent', 1.807755681818179, 3.435072963342556e-05), ('age', 0.04353083524491775, 0.9165655166022),
    ('joined', 31.90330578512397, 2.35268868641e-70), ('gap', 0.0297038567493113, 0.9777063292672)) g (feature, t, p) USING (feature);
-- and monitor() keeps them
SELECT status FROM custseg.monitor('m', 'present');
SELECT count(*), bool_and(h.statistics = d.statistics) AS same FROM custseg.drift_history h JOIN custseg.drift('m', 'present') d USING (feature) WHERE h.model = 'm';
-- the aggregates say the same of the same rows
SELECT agrees(d.ks, (t.k).statistic) AS ks, agrees(d.psi, (t.p).psi) AS psi, agrees(d.wasserstein, t.w / t.sd) AS wasserstein
FROM custseg.drift('m', 'present') AS d,
     (SELECT custseg.ks_test(spent, now) AS k, custseg.psi(spent, now) AS p, custseg.wasserstein(spent, now) AS w,
             stddev_pop(spent) FILTER (WHERE NOT now) AS sd
      FROM (SELECT spent, false AS now FROM past UNION ALL SELECT spent, true FROM present) AS both_sides) AS t
WHERE d.feature = 'spent';

--
-- Large samples: quantiles stand for the baseline's values, and tell the same
--
CREATE TABLE many AS
SELECT i AS id, sqrt(-2 * ln(((i * 7919::bigint) % 20011 + 1) / 20012.0)) AS smooth, (-3 * ln(((i * 104729::bigint) % 20011 + 1) / 20012.0))::int AS count,
       CASE WHEN i % 5 < 2 THEN 0 ELSE exp(3 * ((i * 1299709::bigint) % 20011) / 20011.0) END AS zero_or_more
FROM generate_series(1, 20000) i;
SELECT version FROM custseg.train('many', 'many', '{smooth,count,zero_or_more}', 3, options => '{"n_init": 1}');
-- the rows that it was trained on: no share is off by more than half a thousandth, and p says that this is nothing
SELECT feature, ks <= 0.0011 AS ks, psi < 0.0001 AS psi, wasserstein < 0.002 AS wasserstein, p_value, verdict FROM custseg.drift('many');
-- and moved ones, against quantiles and against all values
SELECT feature, abs(q.ks - a.ks) < 0.001 AS ks, abs(q.psi - a.psi) < 0.005 * a.psi + 0.001 AS psi, abs(q.wasserstein - a.wasserstein) < 0.002 AS wasserstein,
       abs(q.jensen_shannon - a.jensen_shannon) < 0.001 AS jensen_shannon, q.verdict = a.verdict AS verdict,
       (q.statistics #> '{cramer_von_mises,value}')::float8 / (a.statistics #> '{cramer_von_mises,value}')::float8 BETWEEN 0.99 AND 1.01 AS cramer_von_mises
FROM custseg.drift('many', 'SELECT smooth * 1.2 AS smooth, count + (id % 2) AS count, zero_or_more + (id % 3) AS zero_or_more FROM many') AS q
JOIN custseg.drift('many', 'SELECT smooth * 1.2 AS smooth, count + (id % 2) AS count, zero_or_more + (id % 3) AS zero_or_more FROM many', 'many') AS a USING (feature);
-- the p of Cramer and von Mises, too, whatever ties there are
SELECT feature, abs((q.statistics #> '{cramer_von_mises,p_value}')::float8 / (a.statistics #> '{cramer_von_mises,p_value}')::float8 - 1) < 0.05 AS p
FROM custseg.drift('many', 'SELECT * FROM many WHERE id % 50 = 7') AS q
JOIN custseg.drift('many', 'SELECT * FROM many WHERE id % 50 = 7', 'many') AS a USING (feature);
-- the source is read once; features are taken in groups when memory is short, to the same result
CREATE SEQUENCE reads;
CREATE TABLE at_once AS
SELECT * FROM custseg.drift('many', 'SELECT smooth * 1.2 AS smooth, count, zero_or_more FROM many, generate_series(1, 2) WHERE nextval(''reads'') > 0');
SELECT nextval('reads') - 1 AS rows_read;
ALTER SEQUENCE reads RESTART;
SET maintenance_work_mem = '1MB';
CREATE TABLE in_groups AS
SELECT * FROM custseg.drift('many', 'SELECT smooth * 1.2 AS smooth, count, zero_or_more FROM many, generate_series(1, 2) WHERE nextval(''reads'') > 0');
RESET maintenance_work_mem;
SELECT nextval('reads') - 1 AS rows_read;
SELECT count(*) FROM (SELECT * FROM in_groups EXCEPT SELECT * FROM at_once) AS differ;
SET maintenance_work_mem = '1MB';
SELECT outcome($$SELECT count(*) FROM custseg.drift('many', 'SELECT i AS smooth FROM generate_series(1, 100000) i')$$);
RESET maintenance_work_mem;

--
-- Bad columns, each with a row of its own
--
SELECT feature, n_baseline, n_current, null_share_current, ks, psi, l_infinity, p_value, verdict, reason
FROM custseg.drift('m', 'SELECT ''x''::text AS spent, 5 AS channel, NULL::bool AS member, interval ''1 day'' AS joined, gap FROM present');
SELECT feature, n_current, null_share_current, verdict, reason
FROM custseg.drift('m', 'SELECT NULL::float8 AS spent, CASE WHEN id <= 12 THEN ''infinity'' WHEN id % 2 = 0 THEN ''NaN'' ELSE age END AS age, NULL::text AS channel,
                              true AS member, CASE WHEN id <= 100 THEN ''infinity''::date ELSE joined END AS joined, interval ''3 days'' AS gap FROM present');
-- no row, few rows, few values; a column that is gone is gone all the same
SELECT feature, n_current, null_share_current, psi, p_value, verdict, reason FROM custseg.drift('m', 'SELECT * FROM present WHERE false');
SELECT feature, n_current, ks IS NOT NULL AS ks, p_value, verdict, reason FROM custseg.drift('m', 'SELECT spent, channel, member, joined, gap FROM present LIMIT 29');
SELECT feature, verdict, reason FROM custseg.drift('m', 'SELECT * FROM present LIMIT 29', options => '{"min_rows": 20}') WHERE feature IN ('spent', 'age');
SELECT feature, verdict, reason FROM custseg.drift('m', 'SELECT CASE WHEN id <= 20 THEN spent END AS spent, channel, age, member, joined, gap FROM past') WHERE feature = 'spent';
-- an effect that chance may have made
SELECT feature, psi > 0.1 AS large, psi < psi_critical AS chance, verdict, reason
FROM custseg.drift('m', 'SELECT * FROM past WHERE (id - 1) % 20 < (ARRAY[14,6,13,7,13,7,14,6,11,9])[1 + (id - 1) / 20]') WHERE feature = 'spent';
-- a feature that has always been constant, and no longer is
SELECT version FROM custseg.train('constant', 'past', '{spent,fixed}', 2);
SELECT feature, ks, psi, wasserstein, verdict, reason FROM custseg.drift('constant', 'present') WHERE feature = 'fixed';
SELECT feature, ks, round(psi::numeric, 3) AS psi, wasserstein, verdict, reason FROM custseg.drift('constant', 'SELECT spent, 8 AS fixed FROM present') WHERE feature = 'fixed';
SELECT feature, verdict, reason FROM custseg.drift('constant', 'SELECT 100 AS spent, 7 AS fixed FROM present');
-- the same median, another spread
SELECT feature, verdict, reason FROM custseg.drift('constant', 'SELECT 100.5 + (spent - 100.5) / 4 AS spent, 7 AS fixed FROM past') WHERE feature = 'spent';
-- what a reference cannot tell
SELECT feature, n_baseline, n_current, verdict, reason FROM custseg.drift('m', 'present', 'SELECT spent, 1 AS channel, age, member, joined, gap FROM past WHERE id <= 100');
SELECT feature, n_baseline, verdict, reason FROM custseg.drift('m', 'present', 'SELECT * FROM past WHERE id <= 29') WHERE feature = 'spent';
SELECT feature, verdict, reason FROM custseg.drift('m', 'present', 'SELECT id, NULL::float8 AS spent, age, channel, member, joined, gap FROM past') WHERE feature = 'spent';

--
-- Rows that training skips are no drift; nor are they values of other features
--
CREATE TABLE gaps AS SELECT id, CASE WHEN id % 4 > 0 THEN spent END AS spent, CASE WHEN id % 4 = 0 THEN 1000 ELSE age END AS age FROM past WHERE id > 10;
SELECT n_rows, n_skipped FROM custseg.train('skips', 'gaps', '{spent,age}', 2, prep => '{"impute": "skip"}');
SELECT feature, n_baseline, n_current, round(null_share_baseline::numeric, 4) AS null_then, round(null_share_current::numeric, 4) AS null_now, ks, verdict FROM custseg.drift('skips');
SELECT feature, verdict, reason FROM custseg.drift('skips', 'SELECT CASE WHEN id % 2 = 0 THEN spent END AS spent, age FROM gaps');

--
-- Many levels: those beyond the 64 that a version tells apart are one; rare ones prove nothing
--
CREATE TABLE cities AS SELECT i AS id, i % 10 AS x, 'city ' || CASE WHEN i <= 1200 THEN i % 60 ELSE i END AS city FROM generate_series(1, 1500) i;
SET client_min_messages = warning;
SELECT version FROM custseg.train('cities', 'cities', '{x,city}', 2);
RESET client_min_messages;
SELECT feature, psi, new_levels, vanished_levels, verdict, reason FROM custseg.drift('cities') WHERE feature = 'city';
SELECT feature, round(l_infinity::numeric, 4) AS l_infinity, new_levels, verdict, reason
FROM custseg.drift('cities', 'SELECT x, ''town '' || id AS city FROM cities') WHERE feature = 'city';
-- the same against a reference, which tells more levels apart: nearly all are seen once and are others each time
SELECT feature, cardinality(new_levels) AS new, new_levels[1], cardinality(vanished_levels) AS vanished, psi < psi_critical AS chance, verdict
FROM custseg.drift('cities', 'SELECT id AS x, CASE WHEN id > 700 THEN ''rare '' || id ELSE ''city '' || id % 50 END AS city FROM cities WHERE id <= 1000',
                             'SELECT id AS x, CASE WHEN id > 700 THEN ''town '' || id ELSE ''city '' || id % 50 END AS city FROM cities WHERE id <= 1000')
WHERE feature = 'city';
SELECT feature, chi_square, verdict FROM custseg.drift('cities', 'SELECT id AS x, ''a '' || id AS city FROM cities', 'SELECT id AS x, ''b '' || id AS city FROM cities') WHERE feature = 'city';
-- a long name is cut
SELECT reason FROM custseg.drift('cities', $$SELECT x, 'city 1' AS city FROM cities$$, $$SELECT x, repeat('long ', 20) AS city FROM cities$$) WHERE feature = 'city';

--
-- Chance alone: 30 samples of 200 rows of one population against another, at most 5 in 100 features may be spoken of
--
CREATE FUNCTION population(n int) RETURNS TABLE (a float8, b int, c float8, d text, e bool) LANGUAGE sql VOLATILE AS $$
    SELECT random() + random() + random(), (-3 * ln(1 - random()))::int, CASE WHEN random() < 0.4 THEN 0 ELSE exp(3 * random()) END,
           (ARRAY['web', 'shop', 'phone', NULL])[1 + floor(random() * random() * 4)::int], random() < 0.1
    FROM generate_series(1, n)
$$;
SELECT setseed(0.42);
CREATE TABLE trained_on AS SELECT * FROM population(200);
SELECT version FROM custseg.train('chance', 'trained_on', '{a,b,c,d,e}', 2, options => '{"n_init": 1, "silhouette_sample": 0}');
CREATE TABLE before AS SELECT * FROM trained_on LIMIT 0;
CREATE TABLE later AS SELECT * FROM trained_on LIMIT 0;
CREATE TABLE chance (verdict text, p float8, psi float8);
DO $$
BEGIN
    FOR i IN 1..30 LOOP
        TRUNCATE drift_test.before, drift_test.later;
        INSERT INTO drift_test.before SELECT * FROM population(200);
        INSERT INTO drift_test.later SELECT * FROM population(200);
        INSERT INTO chance SELECT verdict, p_value, psi FROM custseg.drift('chance', 'later', 'before');
    END LOOP;
END $$;
SELECT count(*) AS features, count(*) FILTER (WHERE verdict <> 'ok') <= 0.05 * count(*) AS quiet, count(*) FILTER (WHERE p < 0.05) <= 0.1 * count(*) AS calibrated,
       count(*) FILTER (WHERE psi > 0.1) > 0.1 * count(*) AS fixed_limit_would_not_be FROM chance;
-- the same shifts in more and more rows: a reason never denies what is significant, and every row twice is no weaker a verdict
CREATE TABLE shifts (shift float8, n int, times int, verdict text, p_adjusted float8, reason text);
DO $$
DECLARE
    normal text := '(SELECT sum(((hashint8extended(i, s) >> 11) & 1048575) / 1048576.0) - 6 FROM generate_series(%s, %s) s)';
    rows text := 'SELECT ' || normal || ' + %s * i / i AS a, CASE WHEN i %% 20 < 10 + %s * 10 THEN ''web'' ELSE ''shop'' END AS d, i %% 3 AS b, i %% 7 AS c, true AS e FROM generate_series(1, %s) i, generate_series(1, %s)';
    shift float8;
    n int;
BEGIN
    FOREACH shift IN ARRAY '{0,0.1,0.2,0.3,0.5,0.8}'::float8[] LOOP
        FOREACH n IN ARRAY '{50,200,1000,4000}'::int[] LOOP
            INSERT INTO drift_test.shifts
            SELECT shift, n, times, verdict, p_adjusted, reason
            FROM generate_series(1, 2) times, custseg.drift('chance', format(rows, 1, 12, shift, shift, n, times), format(rows, 21, 32, 0, 0, n, times));
        END LOOP;
    END LOOP;
END $$;
SELECT count(*) AS compared, count(*) FILTER (WHERE p_adjusted < 0.05) > 30 AS significant,
    count(*) FILTER (WHERE p_adjusted < 0.05 AND (reason LIKE 'as in %' OR reason LIKE '%chance%')) AS denied
FROM shifts;
SELECT shift, string_agg(worst, ', ' ORDER BY n, times) AS verdicts
FROM (SELECT shift, n, times, (array_agg(verdict ORDER BY custseg_private.verdict_rank(verdict) DESC))[1] AS worst FROM shifts GROUP BY shift, n, times) s
GROUP BY shift ORDER BY shift;

-- and halves of one table
SELECT bool_and(verdict = 'ok') AS quiet FROM custseg.drift('many', 'SELECT * FROM many WHERE id % 2 = 0', 'SELECT * FROM many WHERE id % 2 = 1');

--
-- Options
--
SELECT feature, verdict FROM custseg.drift('m', 'present', options => '{"psi_watch": 0.1, "psi_drifted": 0.6, "l_infinity_watch": 0.2, "ks_watch": 0.2}') WHERE feature IN ('spent', 'channel');
SELECT feature, verdict FROM custseg.drift('m', 'present', options => '{"null_share_watch": 0.3, "null_share_drifted": 0.4}') WHERE feature = 'age';
SELECT bool_and(verdict = 'ok') FROM custseg.drift('m', 'present', options => '{"significance": 0}');
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', options => '{"psi": 1}')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', options => '{"min_rows": 0}')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', options => '{"psi_watch": 0.3}')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', options => '{"null_share_drifted": 0.01}')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'nowhere')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', 'nowhere')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', version => 9)$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('unknown', 'present')$$);
SELECT count(*) FROM custseg.drift(NULL, 'present');
SELECT count(*) FROM custseg.drift_multivariate(NULL, 'present');
-- a relation that has none of the columns, and one that has no column at all
SELECT DISTINCT verdict, reason FROM custseg.drift('m', 'SELECT 1 AS one FROM present');
CREATE TABLE nothing ();
SELECT DISTINCT verdict, reason FROM custseg.drift('m', 'nothing');

--
-- All features together
--
-- 60 rows on a rising line and 60 on a falling one: each feature is as it was, only together they are not
CREATE TABLE rising AS SELECT i AS id, i AS x, i + (i * 7) % 11 AS y FROM generate_series(1, 60) i;
CREATE TABLE falling AS SELECT id, x, 72 - y AS y FROM rising;
SELECT version FROM custseg.train('lines', 'rising', '{x,y}', 2, prep => '{"scale": "none"}');
SELECT feature, verdict FROM custseg.drift('lines', 'falling');
-- numpy: 2 mean|x - y| - mean|x - x'| - mean|y - y'| over 2 mean|x - y|
SELECT n_baseline, n_current, agrees(statistic, 0.1206891473900551) AS statistic, p_value, verdict, reason FROM custseg.drift_multivariate('lines', 'falling');
SELECT n_baseline, n_current, agrees(statistic, 0.1206891473900551) AS statistic, p_value, verdict FROM custseg.drift_multivariate('lines', 'rising', 'falling');
-- the same rows; and the same permutations each time
SELECT n_baseline, n_current, statistic < 1e-12 AS none, p_value, verdict, reason FROM custseg.drift_multivariate('lines');
SELECT round(statistic::numeric, 6) AS statistic, p_value, verdict, reason FROM custseg.drift_multivariate('lines', 'SELECT x, y FROM rising WHERE id % 2 = 0', 'SELECT x, y FROM rising WHERE id % 2 = 1');
SELECT count(DISTINCT (d.statistic, d.p_value)) FROM generate_series(1, 3) i, LATERAL custseg.drift_multivariate('lines', CASE WHEN i > 0 THEN 'falling' END, 'rising', '{"sample": 40, "permutations": 300}') AS d;
SELECT d.p_value FROM custseg.drift_multivariate('lines', 'falling', 'rising', '{"permutations": 999}') AS d;
-- p is that of chance when there is nothing but chance: uniform, so 30 of them are about 1/2 on average
SELECT avg(d.p_value) BETWEEN 0.35 AND 0.65 AS calibrated, count(*) FILTER (WHERE d.verdict <> 'ok') <= 2 AS quiet
FROM generate_series(1, 30) i,
     LATERAL custseg.drift_multivariate('chance', format('SELECT * FROM population(50) WHERE %s > 0', i), format('SELECT * FROM population(60) WHERE %s > 0', i), '{"permutations": 99}') AS d;
-- a limit of one's own
SELECT verdict, reason FROM custseg.drift_multivariate('lines', 'falling', options => '{"watch": 0.5, "drifted": 0.5}');
SELECT verdict FROM custseg.drift_multivariate('lines', 'falling', options => '{"drifted": 0.5}');
-- few rows, none, a column that is gone or cannot be read
SELECT n_baseline, n_current, statistic, p_value, verdict, reason FROM custseg.drift_multivariate('lines', 'SELECT * FROM falling LIMIT 29');
SELECT n_baseline, n_current, statistic, p_value, verdict, reason FROM custseg.drift_multivariate('lines', 'SELECT x, y FROM falling WHERE false');
SELECT n_baseline, n_current, verdict, reason FROM custseg.drift_multivariate('lines', 'SELECT x FROM falling');
SELECT n_baseline, n_current, verdict, reason FROM custseg.drift_multivariate('lines', 'falling', 'SELECT x, ''a''::text AS y FROM falling');
-- all rows the same
SELECT n_baseline, n_current, statistic, p_value, verdict FROM custseg.drift_multivariate('lines', 'SELECT 1 AS x, 1 AS y FROM rising', 'SELECT 1 AS x, 1 AS y FROM rising');

-- without a reference, what it was trained on must still be what it was
UPDATE rising SET y = y + 1 WHERE id = 30;
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('lines', 'falling')$$);
UPDATE rising SET y = NULL WHERE id = 30;
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('lines', 'falling')$$);
DELETE FROM rising WHERE id = 30;
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('lines', 'falling')$$);
ALTER TABLE rising RENAME y TO z;
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('lines', 'falling')$$);
DROP TABLE rising;
SELECT verdict FROM custseg.drift_multivariate('lines', 'falling');
SELECT verdict FROM custseg.drift_multivariate('lines', 'falling', 'falling');
SELECT verdict FROM custseg.drift_multivariate('cities');
UPDATE cities SET city = 'city 7' WHERE id = 5;
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('cities')$$);
SELECT version FROM custseg.train('batches', 'many', '{smooth,count}', 2, 'minibatch', options => '{"sample": 2000}');
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('batches')$$);
SELECT verdict FROM custseg.drift_multivariate('skips');
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('many', options => '{"bandwidth": 1}')$$);
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('many', options => '{"watch": 0.2}')$$);
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('many', options => '{"sample": 20}')$$);
SET maintenance_work_mem = '1MB';
SELECT outcome($$SELECT verdict FROM custseg.drift_multivariate('many')$$);
RESET maintenance_work_mem;

--
-- Others: the model must be granted, and the source is read as the caller
--
CREATE ROLE regress_drift_analyst;
GRANT USAGE ON SCHEMA drift_test TO regress_drift_analyst;
GRANT SELECT ON present TO regress_drift_analyst;
SET ROLE regress_drift_analyst;
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift_multivariate('m', 'present')$$);
RESET ROLE;
SELECT custseg.grant_model('m', 'regress_drift_analyst');
SET ROLE regress_drift_analyst;
SELECT count(*) FROM custseg.drift('m', 'present');
SELECT outcome($$SELECT count(*) FROM custseg.drift('m')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'past')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift('m', 'present', 'past')$$);
SELECT outcome($$SELECT count(*) FROM custseg.drift_multivariate('m', 'present')$$);
RESET ROLE;
-- operators and functions of the caller's search_path play no part
CREATE SCHEMA traps;
CREATE FUNCTION traps.format(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'trap'; END$$;
CREATE FUNCTION traps.equal(text, text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE 'trap'; END$$;
CREATE OPERATOR traps.= (LEFTARG = text, RIGHTARG = text, FUNCTION = traps.equal);
SET search_path = traps, pg_catalog, drift_test;
SELECT count(*) FROM custseg.drift('m', 'present');
SET search_path = drift_test, public;

SET client_min_messages = warning;
SELECT count(custseg.drop_model(m, whole => true)) FROM unnest('{m,many,constant,skips,cities,chance,lines,batches}'::text[]) m;
DROP SCHEMA traps CASCADE;
DROP SCHEMA drift_test CASCADE;
DROP ROLE regress_drift_analyst;
\i :root/test/clean.sql
