--
-- Watching: the sizes of segments, the quality of a source, the fairness of a segmentation.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS watch_test CASCADE;
CREATE SCHEMA watch_test;
SET search_path = watch_test, public;
RESET client_min_messages;
SET TimeZone = 'UTC';

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Three kinds of customers, far apart: 500, 300 and 200 of them; gender goes with the kind, region does not
CREATE TABLE customer (
    id int PRIMARY KEY,
    recency int,
    monetary float8,
    channel text,
    member bool,
    gender char(2),
    region text,
    updated timestamptz
);
INSERT INTO customer
SELECT i,
       CASE WHEN i <= 500 THEN 10 WHEN i <= 800 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 500 THEN 50 WHEN i <= 800 THEN 400 ELSE 900 END + i % 5,
       CASE WHEN i <= 500 THEN 'shop' WHEN i <= 800 THEN 'web' ELSE 'phone' END,
       i % 2 = 0,
       CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 < CASE WHEN i <= 800 THEN 5 ELSE 8 END THEN 'f' ELSE 'm' END,
       CASE WHEN i % 100 = 0 THEN 'north' WHEN i % 3 = 0 THEN 'south' ELSE 'west' END,
       now() - interval '1 hour' * (1 + i % 24)
FROM generate_series(1, 1000) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary,channel}', 3);
SELECT version FROM custseg.train('q', 'customer', '{recency,monetary,channel,member}', 3);
SELECT custseg.name_segment('m', 1, 'small'), custseg.name_segment('m', 2, 'medium'), custseg.name_segment('m', 3, 'large');

--
-- segment_sizes
--
CREATE FUNCTION sizes(source text, options jsonb DEFAULT '{}', model text DEFAULT 'm')
RETURNS TABLE (segment int, name text, n bigint, share numeric, trained numeric, change numeric, verdict text, reason text)
LANGUAGE sql AS $$
    SELECT segment, name, n, round(share::numeric, 4), round(training_share::numeric, 4), round(change::numeric, 2), verdict, reason
    FROM custseg.segment_sizes(model, source, options)
$$;
-- what it was trained on is as it was, by default
SELECT * FROM sizes(NULL);
-- Wilson's interval: R, prop.test(x, 1000, correct = FALSE)$conf.int
-- 0.46906960 0.53093040; 0.27240684 0.32912386; 0.17637709 0.22591896
SELECT segment, round(low::numeric, 8) AS low, round(high::numeric, 8) AS high, p_adjusted,
       round((mean_distance - training_mean_distance)::numeric, 12) AS farther
FROM custseg.segment_sizes('m') WHERE segment IS NOT NULL;
-- R, prop.test(500, 1000, correct = FALSE, conf.level = 0.99)$conf.int: 0.45940701 0.54059299
SELECT round(low::numeric, 8) AS low, round(high::numeric, 8) AS high
FROM custseg.segment_sizes('m', options => '{"confidence": 0.99}') WHERE segment = 1;
-- total: .5^2 + .3^2 + .2^2; (.5 ln 2 + .3 ln(10/3) + .2 ln 5) / ln 3; 2 / 1000 * 5.991465
SELECT n, share, training_share, change, low, high, p_adjusted, round(herfindahl::numeric, 10) AS herfindahl,
       round(entropy::numeric, 10) AS entropy, psi, round(psi_critical::numeric, 8) AS psi_critical, n_unplaced,
       mean_distance = training_mean_distance AS same_distance
FROM custseg.segment_sizes('m') WHERE segment IS NULL;
-- swallowed, vanished
SELECT * FROM sizes('SELECT * FROM customer WHERE id > 720');
-- scipy.stats.chi2_contingency([[500, 500], [0, 280]], correction=False), and likewise 300/80, 200/200;
-- adjusted: 1.0171e-51, 0.64375, 4.8403e-60
-- psi: 0.5/280 stands for no row at all
SELECT segment, trim_scale(round(p_adjusted::numeric, 5)) AS p_adjusted, p_adjusted < 1e-50 AS tiny, round(low::numeric, 6) AS low,
       round(high::numeric, 6) AS high, round(psi::numeric, 6) AS psi
FROM custseg.segment_sizes('m', 'SELECT * FROM customer WHERE id > 720');
SELECT round((sum((p - q) * ln(p / q)))::numeric, 6) AS psi
FROM (VALUES (0.5, 0.5 / 280), (0.3, 80 / 280.0), (0.2, 200 / 280.0)) v(p, q);
-- a change of more than 5 points: watch, of more than 10: drifted; in few rows it can be chance
SELECT segment, share, trained, change, verdict, reason FROM sizes('SELECT * FROM customer WHERE id > 130');
SELECT segment, change, verdict FROM sizes('SELECT * FROM customer WHERE id > 130', '{"change_watch": 8}');
SELECT segment, change, verdict FROM sizes('SELECT * FROM customer WHERE id > 130', '{"change_watch": 2, "change_drifted": 3, "psi_watch": 0, "psi_drifted": 0.01}');
SELECT segment, change, verdict FROM sizes('SELECT * FROM customer WHERE id > 130', '{"significance": 0}');
SELECT segment, n, change, verdict FROM sizes('SELECT * FROM customer WHERE id % 23 = 0 AND id > 70');
SELECT segment, n, verdict, reason FROM sizes('SELECT * FROM customer WHERE id % 40 = 0');
SELECT segment, n, verdict FROM sizes('SELECT * FROM customer WHERE id % 40 = 0', '{"min_rows": 25}');
-- limits count when they are crossed: segment 3 of this one is below 5 % from the beginning
SELECT version FROM custseg.train('limits', 'SELECT * FROM customer WHERE id <= 840 AND id > 25', '{recency,monetary}', 3, id => 'id');
SELECT segment, share, trained, change, verdict, reason FROM sizes('SELECT * FROM customer WHERE id <= 835 AND id > 25', model => 'limits');
SELECT segment, share, trained, change, verdict, reason FROM sizes('SELECT * FROM customer WHERE id <= 530 OR id BETWEEN 801 AND 810', '{"change_watch": 50, "change_drifted": 60}', 'limits');
SELECT segment, verdict, reason FROM sizes('SELECT * FROM customer WHERE id <= 800 OR id > 960', '{"share_low": 0.15, "share_high": 0.55, "change_watch": 50, "change_drifted": 60}');
-- customers who cannot be placed belong to no share
SELECT * FROM sizes($$SELECT id, recency, CASE WHEN id % 10 = 0 THEN 'Infinity' ELSE monetary END AS monetary, channel, member FROM customer$$);
SELECT segment, verdict, reason FROM sizes($$SELECT id, recency, CASE WHEN id % 10 = 0 THEN 'Infinity' ELSE monetary END AS monetary, channel, member FROM customer$$, '{"unplaced_watch": 0.1}') WHERE segment IS NULL;
SELECT version, n_rows, n_skipped FROM custseg.train('skips', $$SELECT id, recency, CASE WHEN id % 10 > 0 THEN monetary END AS monetary FROM customer$$, '{recency,monetary}', 3, id => 'id', prep => '{"impute": "skip"}');
SELECT segment, n, n_unplaced, verdict, reason FROM custseg.segment_sizes('skips') WHERE segment IS NULL;
-- distances are those to the centre, in model space, as score() has them with k-means
SELECT s.segment, round(s.mean_distance::numeric, 4) = round(d.mean::numeric, 4) AS agrees, s.mean_distance > 3 * s.training_mean_distance AS farther
FROM custseg.segment_sizes('skips', 'SELECT id, recency, monetary * 1.2 AS monetary FROM customer') s
JOIN (SELECT segment, avg(distance) AS mean FROM custseg.score('skips', 'SELECT id, recency, monetary * 1.2 AS monetary FROM customer') GROUP BY 1) d USING (segment);
-- and whatever an algorithm calls a distance: that of a mixture is Mahalanobis', noise has none
SELECT version FROM custseg.train('mixture', 'customer', '{recency,monetary}', 3, algorithm => 'gmm');
SELECT segment, n, round((mean_distance / training_mean_distance)::numeric, 6) AS farther FROM custseg.segment_sizes('mixture');
SELECT n_segments FROM custseg.train('dense', 'SELECT id, recency, monetary FROM customer UNION ALL SELECT 2000 + i, 1000 + 400 * i, 0 FROM generate_series(1, 50) i',
    '{recency,monetary}', algorithm => 'dbscan', id => 'id', options => '{"eps": 0.1, "min_samples": 10}', prep => '{"scale": "standard"}');
SELECT * FROM sizes('SELECT id, recency, monetary FROM customer UNION ALL SELECT 2000 + i, 1000 + 400 * i, 0 FROM generate_series(1, 300) i', model => 'dense');
SELECT segment, round((mean_distance / training_mean_distance)::numeric, 6) AS farther FROM custseg.segment_sizes('dense');
-- sources that say nothing
SELECT * FROM sizes('SELECT * FROM customer WHERE false');
SELECT low, high, mean_distance, p_adjusted, herfindahl, entropy, psi, psi_critical, n_unplaced FROM custseg.segment_sizes('m', 'SELECT * FROM customer WHERE false');
SELECT * FROM sizes('SELECT id, recency::text AS recency, monetary, channel FROM customer');
SELECT n_unplaced FROM custseg.segment_sizes('m', 'SELECT id FROM customer') WHERE segment IS NULL;
SELECT verdict, reason FROM custseg.segment_sizes('m', 'SELECT id FROM customer') WHERE segment = 1;
SELECT count(*) FROM custseg.segment_sizes(NULL);
SELECT n_segments FROM custseg.train('wide', 'SELECT i AS a, i AS b, i AS c, i AS d, i AS e, i AS f FROM generate_series(1, 40) i', k => 2);
SELECT reason FROM custseg.segment_sizes('wide', 'customer') WHERE segment = 1;
-- one segment; another version than the deployed one; NULL options
SELECT version FROM custseg.train('m', 'customer', '{recency}', 1);
SELECT name, n, herfindahl, entropy, psi, psi_critical, verdict FROM custseg.segment_sizes('m', NULL, NULL, 2);

--
-- data_quality
--
CREATE FUNCTION quality(source text, options jsonb DEFAULT '{}', model text DEFAULT 'q')
RETURNS TABLE (subject text, name text, state text, n bigint, verdict text, reason text)
LANGUAGE sql AS $$
    SELECT subject, name, state, n, verdict, reason FROM custseg.data_quality(model, source, options)
$$;
SELECT * FROM quality(NULL);
SELECT subject, name, kind, training_type, type, training_null_share, null_share, infinite_share, below_range_share,
       above_range_share, training_clipped_share, clipped_share, unseen_levels, unseen_share, constant, n_duplicates
FROM custseg.data_quality('q');
-- everything at once; no column keeps another from being seen
CREATE VIEW broken AS
SELECT id % 950 AS id,
       CASE WHEN id % 4 = 0 THEN NULL WHEN id % 50 = 1 THEN -5 WHEN id % 50 = 2 THEN 1000 ELSE recency END::bigint AS recency,
       CASE WHEN id % 100 = 0 THEN '-Infinity' WHEN id % 100 = 1 THEN 'NaN' ELSE monetary END::float8 AS monetary,
       CASE WHEN id % 20 = 0 THEN 'tv' WHEN id % 30 = 1 THEN 'radio' ELSE channel END AS channel,
       true AS member
FROM customer;
SELECT * FROM quality('broken');
SELECT name, type, null_share, infinite_share, below_range_share, above_range_share, unseen_levels, unseen_share, constant
FROM custseg.data_quality('q', 'broken') WHERE subject = 'feature';
-- limits are options
SELECT name, verdict, reason FROM quality('broken', '{"null_watch": 0.3, "null_broken": 0.3, "range_watch": 0.06, "unseen_watch": 0.1}') WHERE subject = 'feature';
SELECT name, verdict FROM quality('broken', '{"null_broken": 0.2}') WHERE name = 'recency';
SELECT name, verdict FROM quality('broken', '{"significance": 0}') WHERE subject = 'feature';
-- gone, renamed, of another type, all NULL
SELECT * FROM quality('SELECT id, monetary::text AS monetary, NULL::text AS channel, recency AS days, member::int AS member FROM customer');
SELECT name, state, training_type, type, null_share, constant
FROM custseg.data_quality('q', 'SELECT id, monetary::text AS monetary, NULL::text AS channel, recency AS days, member::int AS member FROM customer') WHERE subject = 'feature';
SELECT * FROM quality('SELECT 1 AS one FROM customer');
-- values that nobody can be placed by, in all rows and in all but one
SELECT verdict, reason FROM unnest('{0,1}'::int[]) first, LATERAL quality(format('SELECT id, CASE WHEN id > %s THEN ''Infinity'' ELSE monetary END AS monetary, channel, recency, member FROM customer', first)) WHERE subject = 'source';
SELECT subject, verdict, reason FROM quality('SELECT id, (CASE id % 2 WHEN 0 THEN 1 ELSE -1 END * 1.7e308)::float8 AS monetary, channel, recency, member FROM customer') WHERE subject = 'source' OR name = 'monetary';
-- modifiers of a type do not matter
CREATE TABLE typed (a varchar(10), b numeric(5, 1), c timestamp(0));
INSERT INTO typed SELECT chr(97 + i % 3), i, timestamp '2024-01-01' + interval '1 hour' * i FROM generate_series(1, 100) i;
SELECT n_segments FROM custseg.train('typed', 'typed', '{a,b,c}', k => 2);
SELECT name, training_type, type, verdict FROM custseg.data_quality('typed', 'SELECT a::varchar(20) AS a, b::numeric(9, 2) AS b, c::timestamp(3) AS c FROM typed') WHERE subject = 'feature';
SELECT name, training_type, type, verdict FROM custseg.data_quality('typed', 'SELECT a::char(20) AS a, b::float8 AS b, c::date AS c FROM typed') WHERE subject = 'feature';
-- few rows, none
SELECT * FROM quality('SELECT * FROM customer WHERE id <= 29');
SELECT name, verdict FROM quality('SELECT * FROM customer WHERE id <= 29', '{"min_rows": 29}') WHERE subject = 'feature';
SELECT * FROM quality('SELECT * FROM customer WHERE false', '{"time_column": "updated"}');
SELECT name, null_share, infinite_share, unseen_share, constant FROM custseg.data_quality('q', 'SELECT * FROM customer WHERE false') WHERE subject = 'feature';
-- half of all are members: 40 alike are no chance; were it 998 of 1,000, 190 alike would be
SELECT name, verdict FROM quality('SELECT * FROM customer WHERE member LIMIT 40') WHERE name = 'member';
SELECT n_segments FROM custseg.train('rare', 'SELECT id, recency, id % 500 = 0 AS flag FROM customer', '{recency,flag}', 3, id => 'id');
SELECT name, constant, verdict FROM custseg.data_quality('rare', 'SELECT id, recency, false AS flag FROM customer WHERE id <= 40 OR id > 850') WHERE name = 'flag';
-- out of range by chance: with 40 trained rows, new ones of the same kind lie beyond them
CREATE TABLE spread AS SELECT i AS id, ((i * 7919) % 1000)::float8 AS x FROM generate_series(1, 1000) i;
SELECT n_segments FROM custseg.train('narrow', 'SELECT * FROM spread WHERE id <= 40', '{x}', 2, id => 'id');
SELECT below_range_share, above_range_share, verdict FROM custseg.data_quality('narrow', 'spread') WHERE name = 'x';
SELECT verdict, reason FROM quality('SELECT id, x + 300 AS x FROM spread', model => 'narrow') WHERE name = 'x';
SELECT verdict, reason FROM quality('SELECT id, x - 300 AS x FROM spread', model => 'narrow') WHERE name = 'x';
-- levels training saw once tell how many it did not see (Good 1953)
CREATE TABLE sparse AS SELECT i AS id, i AS x, CASE WHEN i <= 60 THEN 'often' ELSE 'once ' || i END AS level FROM generate_series(1, 110) i;
SELECT n_segments FROM custseg.train('sparse', 'SELECT * FROM sparse WHERE id <= 100', '{x,level}', 2, id => 'id');
SELECT unseen_levels, round(unseen_share::numeric, 4) AS unseen_share, verdict FROM custseg.data_quality('sparse', 'sparse') WHERE name = 'level';
-- at most ten levels are listed, the most frequent first
SELECT cardinality(unseen_levels), unseen_levels[1:3] FROM custseg.data_quality('sparse', $$SELECT id, x, 'new ' || id % 13 AS level FROM sparse$$) WHERE name = 'level';
-- clipped: a tenth of training, a quarter now
SELECT n_segments FROM custseg.train('clipped', 'spread', '{x}', 2, id => 'id', prep => '{"clip": "quantile", "clip_limit": 0.05}');
SELECT round(training_clipped_share::numeric, 2) AS trained, round(clipped_share::numeric, 2) AS now, verdict FROM custseg.data_quality('clipped') WHERE name = 'x';
SELECT round(training_clipped_share::numeric, 2) AS trained, round(clipped_share::numeric, 2) AS now, verdict, reason
FROM custseg.data_quality('clipped', 'SELECT id, least(x + 200, 999) AS x FROM spread') WHERE name = 'x';
SELECT verdict FROM custseg.data_quality('clipped', 'SELECT id, least(x + 200, 999) AS x FROM spread', '{"clip_watch": 0.2}') WHERE name = 'x';
-- the id: trained, else the key; repeated, missing, gone, not comparable
SELECT name, n_duplicates, null_share, verdict, reason FROM custseg.data_quality('q', 'SELECT CASE WHEN id > 3 THEN id END AS id, recency, monetary, channel, member FROM customer') WHERE subject = 'id';
SELECT name, type, n_duplicates, verdict, reason FROM custseg.data_quality('q', $$SELECT '{}'::json AS id, recency, monetary, channel, member FROM customer$$) WHERE subject = 'id';
SELECT count(*) FROM custseg.data_quality('typed') WHERE subject = 'id';
-- repeated ids of any type are those that count(DISTINCT) leaves out, also where work_mem does not hold them
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN code AS text;
SET work_mem = '64kB';
SELECT e, q.n_duplicates = c.n_values - c.n_distinct AS duplicates, c.n_distinct, agrees(q.null_share, 1 - c.n_values / 5000.0) AS nulls
FROM unnest(ARRAY['i % 4997', 'i / 2', '1', '(i % 700)::text', '(i % 999)::numeric(9, 2)', '(i % 50 - 25)::float8 * 0', '(i % 2500 / 10.0)::float8',
    $$(CASE WHEN i % 2 = 0 THEN 'A' ELSE 'a' END || i / 2 % 1000) COLLATE any_case$$, $$(i % 400 || ' ')::char(9)$$, '(i % 600)::text::code',
    'CASE WHEN i % 7 > 0 THEN i % 1000 END', 'ARRAY[i % 300, i % 2]', 'md5((i % 900)::text)::uuid', $$timestamptz '2024-01-01 UTC' + i % 17 * interval '1 day'$$,
    'CASE WHEN i % 100 = 0 THEN ''NaN'' ELSE i::float8 END', 'NULL::int', 'repeat((i % 50)::text, 300)']) e,
    LATERAL (SELECT format('SELECT (%s) AS id, 1 AS recency, 1.5::float8 AS monetary, ''web'' AS channel, true AS member FROM generate_series(1, 5000) i', e) AS source) s,
    LATERAL (SELECT n_duplicates, null_share FROM custseg.data_quality('q', s.source) WHERE subject = 'id') q,
    LATERAL (SELECT (x.c ->> 0)::int AS n_values, (x.c ->> 1)::int AS n_distinct
        FROM (SELECT outcome(format('SELECT jsonb_build_array(count(id), count(DISTINCT id)) FROM (%s) s', s.source))::jsonb AS c OFFSET 0) x) c;
RESET work_mem;
-- the time
SELECT name, state, newest = (SELECT max(updated) FROM customer) AS newest, age BETWEEN '1 hour' AND '2 hours' AS age, verdict, reason FROM custseg.data_quality('q', options => '{"time_column": "updated"}') WHERE subject = 'time';
SELECT verdict, reason FROM quality(NULL, '{"time_column": "updated", "max_age": "2 hours"}') WHERE subject = 'time';
SELECT verdict, reason FROM quality(NULL, '{"time_column": "updated", "max_age": "30 minutes"}') WHERE subject = 'time';
SELECT verdict, reason FROM quality($$SELECT *, updated + interval '1 day' AS ahead FROM customer$$, '{"time_column": "ahead", "max_age": "1 day"}') WHERE subject = 'time';
SELECT newest, verdict FROM custseg.data_quality('q', $$SELECT *, CASE id WHEN 1 THEN 'infinity' WHEN 2 THEN date '2024-05-06' END::date AS day FROM customer$$, '{"time_column": "day"}') WHERE subject = 'time';
SELECT newest FROM custseg.data_quality('typed', options => '{"time_column": "c"}') WHERE subject = 'time';
SELECT state, verdict, reason FROM quality(NULL, '{"time_column": "changed"}') WHERE subject = 'time';
SELECT state, verdict, reason FROM quality(NULL, '{"time_column": "region"}') WHERE subject = 'time';
SELECT state, verdict, reason FROM quality('SELECT *, NULL::date AS day FROM customer', '{"time_column": "day"}') WHERE subject = 'time';
SELECT count(*) FROM custseg.data_quality(NULL);

--
-- fairness
--
CREATE FUNCTION fair(source text, attribute text, options jsonb DEFAULT '{}')
RETURNS TABLE (segment int, group_value text, n bigint, in_segment numeric, overall numeric, ratio numeric, rate numeric, impact numeric, rating text, reason text)
LANGUAGE sql AS $$
    SELECT segment, group_value, n, round(share_in_segment::numeric, 4), round(share_overall::numeric, 4),
           round(representation_ratio::numeric, 4), round(selection_rate::numeric, 4), round(impact_ratio::numeric, 4), rating, reason
    FROM custseg.fairness('m', source, attribute, options)
$$;
SELECT * FROM fair(NULL, 'gender');
-- scipy.stats.chi2_contingency([[200, 250, 50], [120, 150, 30], [140, 40, 20]], correction=False):
-- 64.031621, df 4, p 4.1155911e-13; V = sqrt(64.031621 / 1000 / 2) = 0.178930
SELECT DISTINCT round(chi_square::numeric, 6) AS chi_square, df, p_value::numeric(20, 17) AS p_value, round(cramers_v::numeric, 6) AS cramers_v, is_feature
FROM custseg.fairness('m', 'customer', 'gender');
-- each group against the one of the highest rate, as chi2_contingency([[200, 260], [250, 190]]), adjusted over
-- the six: 0.0001892357, 0.2585994109; 0.0176240739, 0.4334219310; 1.4e-14, 0.0544610829
SELECT segment, group_value, impact_p_adjusted::numeric(14, 10) FROM custseg.fairness('m', 'customer', 'gender');
-- small groups are not judged; an even spread is fair
SELECT segment, group_value, n, impact, rating, reason FROM fair(NULL, 'region');
-- few rows: below four fifths, and yet it can be chance
SELECT segment, group_value, n, impact, rating, reason FROM fair('SELECT * FROM customer WHERE id % 11 = 1', 'gender', '{"min_rows": 20}') WHERE rating <> 'ok';
SELECT segment, group_value, rating FROM fair(NULL, 'gender', '{"ratio": 0.2}') WHERE rating <> 'ok';
-- a low rate that is not certain is worth watching where segment and group depend on each other as a whole
SELECT segment, group_value, rating FROM fair(NULL, 'gender', '{"significance": 1e-6}') WHERE rating <> 'ok';
SELECT segment, group_value, rating FROM fair(NULL, 'gender', '{"significance": 0}') WHERE rating <> 'ok';
-- a feature; booleans and numbers as groups; a group that is in no segment that others are in
SELECT segment, group_value, n, is_feature, rating, reason FROM custseg.fairness('m', NULL, 'channel');
SELECT DISTINCT group_value, is_feature FROM custseg.fairness('m', 'SELECT *, id % 2 = 0 AS flag FROM customer', 'flag') ORDER BY 1;
SELECT DISTINCT group_value FROM custseg.fairness('m', 'SELECT *, id % 3 AS number FROM customer', 'number') ORDER BY 1;
SELECT DISTINCT group_value, cramers_v, df, p_value, rating, reason FROM custseg.fairness('m', $$SELECT *, 'x'::text AS one FROM customer$$, 'one') WHERE segment = 1;
-- customers who cannot be placed are a row of their own; nothing can be said when no one can
SELECT segment, name, group_value, n, rating, reason
FROM custseg.fairness('m', $$SELECT recency, member, channel, region, CASE WHEN region = 'south' AND id % 2 = 0 THEN 'Infinity' ELSE monetary END AS monetary FROM customer$$, 'region') WHERE segment IS NULL;
SELECT DISTINCT segment, n, selection_rate, impact_ratio, representation_ratio, rating, reason
FROM custseg.fairness('m', 'SELECT * FROM customer WHERE id > 500', 'region') WHERE segment = 1 AND group_value <> 'north';
SELECT DISTINCT segment, name, rating, reason FROM custseg.fairness('m', 'SELECT region, member FROM customer', 'region') ORDER BY 1;
SELECT count(*) FROM custseg.fairness('m', 'SELECT * FROM customer WHERE false', 'region');
SELECT count(*) FROM custseg.fairness(NULL, 'customer', 'region');
SELECT count(*) FROM custseg.fairness('m', 'SELECT *, id % 50 AS many FROM customer', 'many');

--
-- The reports that monitor() makes together, from one reading, are those of each function
--
CREATE TABLE embedded AS SELECT id, ARRAY[recency, monetary, CASE WHEN id % 50 > 0 THEN id % 9 END]::real[] AS v, channel FROM customer;
SELECT n_segments FROM custseg.train('vectors', 'embedded', '{v,channel}', 3, id => 'id');
CREATE FUNCTION apart(model text, source text, options jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'data_quality', (SELECT jsonb_agg(r) FROM custseg.data_quality(model, source, options -> 'data_quality') r),
        'drift', (SELECT jsonb_agg(r) FROM custseg.drift(model, source, NULL, options -> 'drift') r),
        'segment_sizes', (SELECT jsonb_agg(r) FROM custseg.segment_sizes(model, source, options -> 'segment_sizes') r),
        'silhouette', to_jsonb((SELECT r.silhouette FROM custseg_private.make_reports(model, source, options, NULL, '{silhouette}') r)),
        'drift_multivariate', CASE WHEN options ? 'drift_multivariate' THEN (
            SELECT jsonb_agg(r)
            FROM custseg.drift_multivariate(model, source, options #>> '{drift_multivariate,reference}', (options -> 'drift_multivariate') - 'reference') r) END)
$$;
CREATE FUNCTION together(model text, source text, options jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT to_jsonb(r) FROM custseg_private.make_reports(model, source, options, NULL, '{data_quality,drift,segment_sizes,silhouette,drift_multivariate}') r
$$;
CREATE TABLE compared AS
SELECT m.name AS model, s.source, together(m.name, s.source, o) AS together, apart(m.name, s.source, o) AS apart
FROM custseg.model m,
    (VALUES ('customer'), ('broken'), ('spread'), ('embedded'), ('SELECT * FROM customer WHERE false'), ('SELECT * FROM customer WHERE id <= 20'),
        ('SELECT id, recency::text AS recency, monetary, channel FROM customer'),
        ('SELECT id % 9 AS id, recency, CASE WHEN id % 10 > 0 THEN monetary END AS monetary, channel, ARRAY[recency, NULL, monetary]::float8[] AS v FROM customer')) s (source),
    (VALUES ('{"data_quality": {"time_column": "updated", "min_rows": 10}, "drift": {"min_rows": 10}, "segment_sizes": {"min_rows": 10, "confidence": 0.9},
        "drift_multivariate": {"reference": "customer", "sample": 300, "min_rows": 10}}'::jsonb)) v (o)
WHERE m.deployed_version IS NOT NULL;
SELECT count(DISTINCT model) >= 12 AS models, count(DISTINCT source) AS sources,
    count(*) FILTER (WHERE together IS DISTINCT FROM apart) AS differ,
    count(DISTINCT together -> 'drift') > 40 AS drift, count(DISTINCT together -> 'silhouette') > 20 AS silhouettes,
    count(DISTINCT together #> '{drift_multivariate,0,statistic}') > 10 AS multivariate
FROM compared;
-- and when values have to wait until the sample has been used: one feature fits, but not beside it
CREATE TABLE crowd AS SELECT c.* FROM customer c, generate_series(1, 50);
SET maintenance_work_mem = '1100kB';
SELECT together(model, 'crowd', '{}') = apart(model, 'crowd', '{}') AS same FROM unnest('{q,skips,dense}'::text[]) model;
RESET maintenance_work_mem;
-- only what is asked for
SELECT data_quality IS NULL AS q, cardinality(drift) AS drift, segment_sizes IS NULL AS sizes, cardinality(silhouette) AS silhouette
FROM custseg_private.make_reports('q', NULL, '{}', NULL, '{silhouette,drift}');
SELECT custseg_private.make_reports('q', NULL, '{}', NULL, '{}');
-- a source that is read through a function is read once by a run, whatever it checks, and so is the reference
CREATE SEQUENCE reading;
CREATE FUNCTION read_once() RETURNS SETOF customer LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('reading'); RETURN QUERY SELECT * FROM customer; END $$;
SELECT status FROM custseg.monitor('q', 'SELECT * FROM read_once()', '{"drift_multivariate": {"reference": "SELECT * FROM read_once()", "sample": 100}}');
SELECT last_value AS readings FROM reading;
SELECT custseg_private.make_reports(NULL, 'customer', '{}', NULL) IS NULL AS nothing;

--
-- Mistakes
--
SELECT outcome($$SELECT custseg.fairness('m', 'SELECT *, id % 51 AS many FROM customer', 'many')$$);
SELECT outcome($$SELECT custseg.fairness('m', 'customer', 'height')$$);
SELECT outcome($$SELECT custseg.fairness('m', 'customer', NULL)$$);
SELECT outcome($$SELECT custseg.fairness('m', 'customer', 'gender', '{"limit": 1}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '{"share": 1}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '{"share_low": 5}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '{"share_low": 0.7}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '{"change_watch": 20}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '{"psi_drifted": 0.05}')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', options => '[]')$$);
SELECT outcome($$SELECT custseg.segment_sizes('none')$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', version => 9)$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', version => 0)$$);
SELECT outcome($$SELECT custseg.segment_sizes('m', 'nowhere')$$);
SELECT outcome($$SELECT custseg.data_quality('m', options => '{"null_watch": 0.5}')$$);
SELECT outcome($$SELECT custseg.data_quality('m', options => '{"age": "1 day"}')$$);
SELECT outcome($$SELECT custseg.data_quality('m', options => '{"max_age": "1 day"}')$$);
SELECT outcome($$SELECT custseg.data_quality('m', options => '{"max_age": "-1 day", "time_column": "updated"}')$$);
SELECT outcome($$SELECT custseg.data_quality('m', options => '{"max_age": "soon", "time_column": "updated"}')$$);

-- the data are read as the caller, whoever owns the model
CREATE ROLE regress_custseg_watcher;
GRANT USAGE ON SCHEMA watch_test TO regress_custseg_watcher;
SET ROLE regress_custseg_watcher;
SELECT outcome($$SELECT custseg.segment_sizes('m')$$);
RESET ROLE;
SELECT custseg.grant_model('m', 'regress_custseg_watcher'), custseg.grant_model('q', 'regress_custseg_watcher');
SET ROLE regress_custseg_watcher;
SELECT outcome($$SELECT custseg.segment_sizes('m')$$);
SELECT outcome($$SELECT custseg.data_quality('q', 'customer')$$);
SELECT outcome($$SELECT custseg.fairness('m', 'customer', 'gender')$$);
RESET ROLE;
GRANT SELECT (id, recency, monetary, channel, member) ON customer TO regress_custseg_watcher;
SET ROLE regress_custseg_watcher;
-- only the columns that are needed are read, and no search_path leads astray
SET search_path = '';
SELECT count(*) FROM custseg.segment_sizes('m', 'watch_test.customer');
SELECT count(*) FROM custseg.data_quality('q', 'watch_test.customer');
RESET ROLE;
SET search_path = watch_test, public;
-- in a read-only transaction
BEGIN READ ONLY;
SELECT count(*) FROM custseg.segment_sizes('m');
SELECT count(*) FROM custseg.data_quality('m');
COMMIT;

SET client_min_messages = warning;
SELECT count(*) >= 12 AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model OFFSET 0) d;
DROP SCHEMA watch_test CASCADE;
DROP ROLE regress_custseg_watcher;
\i :root/test/clean.sql
