--
-- Who is in a segment: profiles, summaries, what matters, what to draw, whether it holds.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS profile_test CASCADE;
CREATE SCHEMA profile_test;
SET search_path = profile_test, public;
RESET client_min_messages;
SET TimeZone = 'UTC';

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Three kinds of customers, far apart: 500, 300 and 200 of them.  "score", "city" and what follows the model does not know
CREATE TABLE customer (
    id int PRIMARY KEY,
    recency int,
    frequency int,
    monetary numeric(10, 2),
    channel text,
    member bool,
    score float8,
    city varchar(20),
    born date,
    stay interval,
    email text,
    extra jsonb
);
INSERT INTO customer
SELECT i,
       CASE WHEN i <= 500 THEN 10 WHEN i <= 800 THEN 100 ELSE 300 END + i * 7 % 13,
       CASE WHEN i <= 500 THEN 20 WHEN i <= 800 THEN 4 ELSE 1 END + i % 2,
       CASE WHEN i <= 500 THEN 900 WHEN i <= 800 THEN 200 ELSE 50 END + i * 11 % 50 + i % 4 * 0.25,
       CASE WHEN i % 10 < 8 THEN CASE WHEN i <= 500 THEN 'web' WHEN i <= 800 THEN 'shop' ELSE 'phone' END WHEN i % 10 = 9 THEN 'partner' END,
       i % 5 < CASE WHEN i <= 500 THEN 4 ELSE 1 END,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 97 = 0 THEN 'NaN' WHEN i % 89 = 0 THEN 'Infinity' ELSE (i * i % 103)::float8 END,
       'city ' || i % 40,
       date '1980-01-01' + CASE WHEN i <= 500 THEN 0 ELSE 3650 END + i % 365,
       make_interval(days => i % 30),
       'c' || i || '@example.com',
       '{}'
FROM generate_series(1, 1000) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,frequency,monetary,channel}', 3);
SELECT custseg.name_segment('m', 1, 'loyal'), custseg.name_segment('m', 2, 'regular'), custseg.name_segment('m', 3, 'lapsed');

--
-- segment_profile
--
-- every number, as PostgreSQL's own aggregates have it
CREATE VIEW placed AS
SELECT custseg.predict('m', c) AS segment, v.*
FROM customer c
CROSS JOIN LATERAL (
    VALUES ('recency', recency::float8), ('monetary', monetary::float8), ('member', member::int::float8), ('born', (born - date '1970-01-01')::float8),
           ('stay', extract(epoch FROM stay)::float8 / 86400), ('score', CASE WHEN abs(score) < 'Infinity' THEN score END)
) v (column_name, x);
CREATE VIEW aggregated AS
SELECT segment, column_name, count(*) AS n, 1 - count(x)::float8 / count(*) AS null_share, avg(x) AS mean, stddev_pop(x) AS sd,
       min(x) AS minimum, max(x) AS maximum, percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY x) AS q
FROM placed GROUP BY GROUPING SETS ((segment, column_name), (column_name));
SELECT p.column_name, count(*), bool_and(p.n = a.n AND p.minimum = a.minimum AND p.maximum = a.maximum AND p.share IS NULL AND p.level IS NULL) AS exact,
       bool_and(abs(p.null_share - a.null_share) < 1e-15) AS missing, max(abs(p.mean / a.mean - 1)) < 1e-14 AS mean,
       max(abs(p.standard_deviation / a.sd - 1)) < 1e-13 AS sd,
       max(abs(p.first_quartile - a.q[1]) + abs(p.median - a.q[2]) + abs(p.third_quartile - a.q[3])) < 1e-10 AS quartiles
FROM custseg.segment_profile('m', columns => '{recency,monetary,member,born,stay,score}') p
JOIN aggregated a ON a.segment IS NOT DISTINCT FROM p.segment AND a.column_name = p.column_name
GROUP BY p.column_name ORDER BY 1;
SELECT count(*), max(abs(p.difference - (s.mean - o.mean) / o.sd)) < 1e-12 AS difference, max(abs(p.overall_mean - o.mean)) < 1e-10 AS overall_mean,
       max(abs(p.ratio - s.mean / o.mean)) < 1e-12 AS ratio,
       max(abs(p.percentile - (SELECT avg(CASE WHEN x < p.mean THEN 1 WHEN x = p.mean THEN 0.5 ELSE 0 END) FROM placed v WHERE v.column_name = p.column_name AND x IS NOT NULL))) < 1e-12 AS percentile
FROM custseg.segment_profile('m', columns => '{recency,monetary,member,score}') p
JOIN aggregated s ON s.segment = p.segment AND s.column_name = p.column_name
JOIN aggregated o ON o.segment IS NULL AND o.column_name = p.column_name;
-- the view of the same name says of the training's rows what the function says of them, level by level
SELECT count(*), count(*) FILTER (WHERE v.kind = 'categorical') AS levels, bool_and(p.name = v.name AND p.kind = v.kind) AS same_words,
       max(abs(p.mean - v.mean)) < 1e-9 AS mean, max(abs(p.share - v.share)) < 1e-12 AS share, max(abs(p.overall_mean - v.overall_mean)) < 1e-9 AS overall_mean,
       max(abs(p.difference - v.difference)) < 1e-9 AS difference
FROM custseg.segment_profile v
JOIN custseg.segment_profile('m', options => '{"only_features": true, "levels": 50}') p
    ON p.segment = v.segment AND p.column_name = v.feature AND p.level IS NOT DISTINCT FROM v.level
WHERE v.model = 'm';
-- what an analyst sees: by default all but the id, texts that are different in each row and what is no column of values
SELECT segment, name, column_name, kind, is_feature, level, n, round(null_share::numeric, 3) AS missing, round(share::numeric, 4) AS share,
       round(mean::numeric, 3) AS mean, median, round(overall_mean::numeric, 4) AS overall_mean, round(difference::numeric, 4) AS difference,
       round(ratio::numeric, 4) AS ratio, rank
FROM custseg.segment_profile('m', options => '{"levels": 3}');
-- shares of a segment's levels come to 1, whatever is pooled; the difference is that of a number which is 0 or 1
SELECT DISTINCT column_name, round(sum(share) OVER (PARTITION BY segment, column_name)::numeric, 12) AS total
FROM custseg.segment_profile('m', columns => '{channel,city}', options => '{"levels": 2}') ORDER BY 1;
SELECT count(*), max(abs(l.difference - b.difference)) < 1e-12 AS same
FROM custseg.segment_profile('m', 'SELECT *, (channel IS NOT DISTINCT FROM ''web'')::int AS web FROM customer', '{channel}') l
JOIN custseg.segment_profile('m', 'SELECT *, (channel IS NOT DISTINCT FROM ''web'')::int AS web FROM customer', '{web}') b USING (segment)
WHERE l.level = 'web';
-- the segments, as an UPDATE leaves them in a column, explain nothing
SELECT string_agg(DISTINCT column_name, ' ') AS columns FROM custseg.segment_profile('m', $$SELECT recency, frequency, monetary, channel, custseg.predict('m', c) AS cluster, id % 3 AS other FROM customer c$$);
-- what defines a segment, one row a column
SELECT segment, column_name, level, round(difference::numeric, 3) AS difference, rank
FROM custseg.segment_profile('m') WHERE rank <= 3 ORDER BY segment, rank;

--
-- Columns that say nothing, empty segments, hostile names, limits
--
SELECT segment, column_name, level, n, null_share, share, mean, median, standard_deviation AS sd, percentile, difference, ratio, rank
FROM custseg.segment_profile('m', $$SELECT *, 7 AS constant, NULL::float8 AS nothing, NULL::text AS unknown, 'x'::text AS one FROM customer WHERE id <= 500$$,
                             '{constant,nothing,unknown,one}');
SELECT count(*), count(mean), sum(n) FROM custseg.segment_profile('m', 'SELECT * FROM customer WHERE false', '{recency,channel}');
SELECT count(*) FROM custseg.segment_profile(NULL);
-- unique in each row: described when it is named, but nothing that defines
SELECT segment, column_name, level, share, rank IS NOT NULL AS ranked FROM custseg.segment_profile('m', columns => '{email}', options => '{"levels": 1}') WHERE segment = 1;
-- 10,000 levels
SELECT segment, count(*), round(sum(share)::numeric, 10) AS total, round(max(share) FILTER (WHERE level = '(other)')::numeric, 6) AS other
FROM custseg.segment_profile('m', $$SELECT c.*, 'l' || (c.id - 1) * 10 + j AS many FROM customer c CROSS JOIN generate_series(1, 10) j UNION ALL SELECT c.*, 'l1' FROM customer c$$, '{many}')
GROUP BY segment ORDER BY segment;
-- huge and tiny values
SELECT segment, round((mean / 1e300)::numeric, 9) AS mean, round((standard_deviation / 1e300)::numeric, 9) AS sd, round(difference::numeric, 6) AS difference
FROM custseg.segment_profile('m', 'SELECT *, frequency * 1e300 AS huge, frequency * 1e-300 AS tiny FROM customer', '{huge}') ORDER BY segment;
SELECT DISTINCT round(h.difference::numeric, 10) = round(t.difference::numeric, 10) AND round(h.difference::numeric, 10) = round(f.difference::numeric, 10) AS same
FROM custseg.segment_profile('m', 'SELECT *, frequency * 1e300 AS huge, frequency * 1e-300 AS tiny FROM customer', '{huge,tiny,frequency}') h
JOIN custseg.segment_profile('m', 'SELECT *, frequency * 1e300 AS huge, frequency * 1e-300 AS tiny FROM customer', '{huge,tiny,frequency}') t ON t.segment = h.segment AND t.column_name = 'tiny'
JOIN custseg.segment_profile('m', 'SELECT *, frequency * 1e300 AS huge, frequency * 1e-300 AS tiny FROM customer', '{huge,tiny,frequency}') f ON f.segment = h.segment AND f.column_name = 'frequency'
WHERE h.column_name = 'huge';
CREATE TABLE "we""ird ta'ble" AS SELECT *, score AS "od""d col'umn", city AS "a23456789012345678901234567890123456789012345678901234567890123" FROM customer;
SELECT segment, column_name, level, n, rank FROM custseg.segment_profile('m', '"we""ird ta''ble"', ARRAY['od"d col''umn', 'a23456789012345678901234567890123456789012345678901234567890123'], '{"levels": 1}') WHERE segment = 3;
-- customers who cannot be placed
SELECT DISTINCT segment, n FROM custseg.segment_profile('m', $$SELECT id, frequency, channel, monetary, CASE WHEN id > 990 THEN 'Infinity' ELSE recency::float8 END AS recency FROM customer$$) ORDER BY 1;
-- values that do not fit are read in further passes, with the same result
CREATE TABLE wide AS SELECT id + 1000 * j AS id, recency, frequency, monetary, channel, score, city FROM customer, generate_series(0, 39) j;
SET maintenance_work_mem = '1GB';
CREATE TABLE at_once AS SELECT * FROM custseg.segment_profile('m', 'wide', '{recency,frequency,city,monetary,score,channel}');
SET maintenance_work_mem = '1MB';
SELECT count(*) FROM (SELECT * FROM custseg.segment_profile('m', 'wide', '{recency,frequency,city,monetary,score,channel}') EXCEPT SELECT * FROM at_once) d;
SELECT outcome($$SELECT custseg.segment_profile('m', 'SELECT * FROM wide WHERE random() < 0.99', '{recency,frequency,city,monetary,score,channel}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', 'SELECT * FROM wide, generate_series(1, 3)', '{recency,score}')$$);
RESET maintenance_work_mem;

-- decisions by hand: who was put into a segment is described there, who is excluded nowhere
SELECT custseg.override_segment('m', 1, 3, 'test'), custseg.override_segment('m', 2, 3, 'test'), custseg.exclude('m', 3, 'test');
SELECT segment, n, n_overridden, round(share::numeric, 6) AS share, round(total_value::numeric, 2) AS total_value FROM custseg.segment_summary('m', value => 'monetary');
SELECT s.segment, s.n = count(c.id) AS n, s.maximum = max(c.monetary) AS maximum
FROM custseg.segment_profile('m', columns => '{monetary}') s
JOIN custseg.score('m') t ON t.segment = s.segment
JOIN customer c ON c.id::text = t.id
GROUP BY s.segment, s.n, s.maximum ORDER BY 1;
-- numbers that are a category to the model have a sum, too
SELECT version FROM custseg.train('coded', 'SELECT id, monetary, (id % 3)::int AS code FROM profile_test.customer', '{monetary,code}', 2, prep => '{"columns": {"code": {"kind": "categorical"}}}', id => 'id');
SELECT sum(total_value) FROM custseg.segment_summary('coded', value => 'code');
SELECT segment, n FROM custseg.segment_summary('m', 'SELECT recency, frequency, monetary, channel FROM customer', columns => '{recency}');
SELECT custseg.end_override('m', 1), custseg.end_override('m', 2), custseg.end_override('m', 3);

--
-- boxplot, radar, heatmap
--
SELECT count(*), bool_and(b.n = p.n) AS n, bool_and(b.low_whisker = w.low AND b.high_whisker = w.high AND b.n_outliers = w.outliers) AS whiskers
FROM custseg.boxplot('m', 'SELECT * FROM customer', '{recency,monetary,score,member}') b
JOIN LATERAL (
    SELECT count(x) AS n, percentile_cont(0.25) WITHIN GROUP (ORDER BY x) AS q1, percentile_cont(0.75) WITHIN GROUP (ORDER BY x) AS q3
    FROM placed v WHERE v.column_name = b.column_name AND (v.segment = b.segment OR b.segment IS NULL)
) p ON true
JOIN LATERAL (
    SELECT min(x) FILTER (WHERE inside) AS low, max(x) FILTER (WHERE inside) AS high, count(*) FILTER (WHERE NOT inside) AS outliers
    FROM (
        SELECT x, x BETWEEN q1 - 1.5 * (q3 - q1) AND q3 + 1.5 * (q3 - q1) AS inside
        FROM placed v WHERE v.column_name = b.column_name AND x IS NOT NULL AND (v.segment = b.segment OR b.segment IS NULL)
    ) i
) w ON true;
SELECT segment, name, column_name, n, minimum, low_whisker, first_quartile, median, third_quartile, high_whisker, maximum, round(mean::numeric, 3) AS mean, n_outliers
FROM custseg.boxplot('m');
SELECT column_name, level, segment, name, round(segment_mean::numeric, 4) AS segment_mean, round(scaled::numeric, 4) AS scaled FROM custseg.radar('m', options => '{"levels": 2}');
SELECT column_name, level, segment, round(segment_mean::numeric, 4) AS segment_mean, round(scaled::numeric, 4) AS scaled
FROM custseg.radar('m', $$SELECT *, 7 AS constant FROM customer WHERE id <= 800$$, '{recency,constant,member}', '{"scale": "percentile"}');
SELECT column_name, segment, segment_mean, scaled FROM custseg.radar('m', $$SELECT *, 7 AS constant FROM customer WHERE id <= 800$$, '{constant}');
SELECT segment, name, column_name, level, round(segment_mean::numeric, 4) AS segment_mean, round(overall_mean::numeric, 4) AS overall_mean, round(difference::numeric, 4) AS difference
FROM custseg.heatmap('m', columns => '{recency,channel}');
SELECT count(DISTINCT column_name) FROM custseg.heatmap('m');

--
-- segment_summary
--
SELECT segment, name, n, share, round(total_value::numeric, 2) AS total_value, round(value_share::numeric, 6) AS value_share,
       round(value_per_customer::numeric, 4) AS value_per_customer, suggested_name, description
FROM custseg.segment_summary('m', value => 'monetary');
SELECT count(*), bool_and(abs(s.total_value - e.total) < 1e-6 AND abs(s.value_share - e.total / 544875) < 1e-12) AS right
FROM custseg.segment_summary('m', value => 'monetary') s
JOIN (SELECT custseg.predict('m', c) AS segment, sum(monetary)::float8 AS total FROM customer c GROUP BY 1) e USING (segment);
-- columns that the model does not know; a flag, a date, a length of time
SELECT segment, suggested_name, description FROM custseg.segment_summary('m', columns => '{member,born,stay,recency,channel}');
SELECT segment, suggested_name, description
FROM custseg.segment_summary('m', $$SELECT *, member::int AS "isMember", recency * interval '1 day' AS idle, monetary - 500 AS "netBalance_EUR", recency / 1000.0 AS ratio, monetary * 1e12 AS "HUGE" FROM customer$$,
                             columns => '{isMember,idle,netBalance_EUR,ratio,HUGE}') ORDER BY segment;
SELECT segment, suggested_name, description FROM custseg.segment_summary('m', columns => '{channel,recency}', options => '{"features": 1}');
-- counts, years, and a rare level that is in one segment only, but in few of its customers
SELECT segment, suggested_name, description
FROM custseg.segment_summary('m', $$SELECT *, 1950 + recency / 10 AS birth_year, frequency AS num_visits, 3 AS "NumChildren",
                                           CASE WHEN id <= 20 THEN 'yacht' WHEN id <= 300 THEN 'car' ELSE 'bicycle' END AS vehicle FROM customer$$,
                             columns => '{birth_year,num_visits,NumChildren,vehicle}', options => '{"min_difference": 0.1}');
-- shares of all sizes have words of their own
SELECT segment, suggested_name, description
FROM custseg.segment_summary('m', $$SELECT *, CASE WHEN id % 20 < CASE WHEN id <= 500 THEN 10 ELSE 19 END THEN 'card' END AS paid_by, id % 50 < CASE WHEN id <= 500 THEN 30 ELSE 48 END AS is_insured,
                                           CASE WHEN id > 980 THEN 'vip' ELSE 'none' END AS club FROM customer$$,
                             columns => '{paid_by,is_insured,club}');
-- segments that are alike are told apart, by further features or by numbers
SELECT segment, suggested_name, description FROM custseg.segment_summary('m', columns => '{score,stay}');
SELECT segment, suggested_name, description FROM custseg.segment_summary('m', columns => '{member,frequency,channel}', options => '{"min_difference": 0.5}');
SELECT segment, suggested_name FROM custseg.segment_summary('m', 'SELECT *, E''x\ny'' || repeat(''é'', 40) || (id <= 500) AS long FROM customer', columns => '{long}') ORDER BY segment;
-- an empty segment; an empty source; other values, missing ones among them
SELECT segment, n, share, total_value, value_share, value_per_customer, suggested_name, description
FROM custseg.segment_summary('m', 'SELECT * FROM customer WHERE id <= 500', 'monetary', '{recency}');
SELECT segment, n, share, total_value, value_share, suggested_name, description FROM custseg.segment_summary('m', 'SELECT * FROM customer WHERE false', 'monetary');
SELECT segment, total_value, value_share FROM custseg.segment_summary('m', $$SELECT *, CASE WHEN id <= 500 THEN 2 WHEN id <= 800 THEN -1 END AS margin FROM customer$$, 'margin');
SELECT segment, total_value, value_share FROM custseg.segment_summary('m', 'SELECT *, -1 AS loss FROM customer', 'loss');
SELECT count(*) FROM custseg.segment_summary(NULL);
-- names of a retail chain's columns are understood
SELECT suggested_name, description
FROM custseg.segment_summary('m', 'SELECT *, recency AS days_since_last, frequency AS orders, monetary AS total_revenue, 20 + id % 7 + frequency AS age, monetary / 10 AS average_order_value, recency AS tenure FROM customer',
                             columns => '{days_since_last,orders,total_revenue,age,average_order_value,tenure}', options => '{"features": 6}') ORDER BY segment;

--
-- Models of each algorithm, noise, one segment
--
SELECT version FROM custseg.train('minibatch', 'customer', '{recency,monetary}', 3, 'minibatch');
SELECT version FROM custseg.train('gmm', 'customer', '{recency,monetary}', 3, 'gmm');
SELECT version FROM custseg.train('hierarchical', 'customer', '{recency,monetary}', 3, 'hierarchical');
SELECT version FROM custseg.train('dbscan', 'SELECT id, recency, monetary FROM customer UNION ALL SELECT 2000 + j, 3000 + 500 * j, 9000 FROM generate_series(1, 4) j', '{recency,monetary}', algorithm => 'dbscan', options => '{"eps": 0.2, "min_samples": 5}');
SELECT version FROM custseg.train('hdbscan', 'customer', '{recency,monetary}', algorithm => 'hdbscan', options => '{"min_cluster_size": 50}');
SELECT version FROM custseg.train('one', 'customer', '{recency,monetary}', 1);
SELECT version FROM custseg.train('recency', 'SELECT id, recency FROM customer', '{recency}', 3);
SELECT m.model, s.segment, s.name, s.n, s.suggested_name, s.description
FROM unnest('{minibatch,gmm,hierarchical,dbscan,hdbscan,one}'::text[]) WITH ORDINALITY m (model, i)
CROSS JOIN LATERAL custseg.segment_summary(m.model) s ORDER BY i, segment;
SELECT m.model, count(*), sum(n) FILTER (WHERE segment IS NULL) AS n, max(rank) AS ranks
FROM unnest('{minibatch,gmm,hierarchical,dbscan,hdbscan,one}'::text[]) m (model)
CROSS JOIN LATERAL custseg.segment_profile(m.model, 'customer', '{recency,channel}') p GROUP BY m.model ORDER BY 1;
SELECT segment, name, column_name, rank, round(difference::numeric, 4) AS difference FROM custseg.segment_profile('one', options => '{"only_features": true}');

--
-- feature_importance
--
SELECT rank, feature, kind, round(importance::numeric, 4) AS importance, round(importance_error::numeric, 4) AS error,
       round(eta_squared::numeric, 4) AS eta_squared, round(cramers_v::numeric, 4) AS cramers_v, n, reason
FROM custseg.feature_importance('m');
-- eta squared and Cramer's V by other means
SELECT f.feature, abs(f.eta_squared - e.eta) < 1e-12 AS eta
FROM custseg.feature_importance('m') f
JOIN (
    SELECT a.column_name, sum(a.n * (a.mean - o.mean) ^ 2) / max(o.n * o.sd ^ 2) AS eta
    FROM aggregated a JOIN aggregated o ON o.segment IS NULL AND o.column_name = a.column_name
    WHERE a.segment IS NOT NULL GROUP BY 1
) e ON e.column_name = f.feature ORDER BY 1;
SELECT abs(f.cramers_v - (SELECT (custseg.chi_square_test(coalesce(channel, ''), custseg.predict('m', c)::text)).cramers_v FROM customer c)) < 1e-12 AS cramers_v
FROM custseg.feature_importance('m') f WHERE feature = 'channel';
-- of one feature, who changes is who gets a value from another segment: 1 - (0.5^2 + 0.3^2 + 0.2^2) = 0.62
SELECT feature, abs(importance - 0.62) < 0.01 AS as_expected, round(eta_squared::numeric, 4) AS eta_squared FROM custseg.feature_importance('recency', options => '{"repeats": 20}');
-- a sample, seeded
SELECT n, importance BETWEEN 0.4 AND 0.75 AS about, importance = (SELECT importance FROM custseg.feature_importance('recency', options => '{"sample": 100, "seed": 7}')) AS same,
       importance = (SELECT importance FROM custseg.feature_importance('recency', options => '{"sample": 100, "seed": 8}')) AS other_seed
FROM custseg.feature_importance('recency', options => '{"sample": 100, "seed": 7}');
SELECT feature, importance, importance_error, eta_squared, reason FROM custseg.feature_importance('one', options => '{"repeats": 1}');
SELECT feature, importance, eta_squared, cramers_v, n, reason FROM custseg.feature_importance('m', 'SELECT * FROM customer WHERE false');
SELECT feature, importance, eta_squared, cramers_v, n, reason
FROM custseg.feature_importance('m', 'SELECT 10 AS recency, 20 AS frequency, 900 AS monetary, NULL::text AS channel FROM generate_series(1, 10)');
SELECT outcome($$SELECT custseg.feature_importance('m', options => '{"sample": 0}')$$);
SELECT outcome($$SELECT custseg.feature_importance('m', 'SELECT recency FROM customer')$$);

--
-- split_stability
--
SELECT segment, name, column_name, level, n_a, n_b, round(value_a::numeric, 4) AS value_a, round(value_b::numeric, 4) AS value_b, round(relative_gap::numeric, 4) AS relative_gap,
       round(standard_gap::numeric, 4) AS standard_gap, round(expected_gap::numeric, 4) AS expected_gap, rating, reason
FROM custseg.split_stability('m');
-- the halves are the whole; the gaps are what they are said to be
SELECT count(*), bool_and(h.n_a + h.n_b = p.n) AS n, max(abs((h.n_a * h.value_a + h.n_b * h.value_b) / p.n - p.mean)) < 1e-9 AS mean,
       max(abs(h.relative_gap - abs(h.value_a - h.value_b) / ((h.value_a + h.value_b) / 2))) < 1e-12 AS relative,
       max(abs(h.standard_gap - abs(h.value_a - h.value_b) / o.standard_deviation)) < 1e-12 AS standard
FROM custseg.split_stability('m', columns => '{recency,monetary,frequency}') h
JOIN custseg.segment_profile('m', columns => '{recency,monetary,frequency}') p USING (segment, column_name)
JOIN custseg.segment_profile('m', columns => '{recency,monetary,frequency}') o ON o.segment IS NULL AND o.column_name = p.column_name;
-- what chance makes of a mean's gap, by its definition: from all customers of the segment
SELECT agrees(h.expected_gap, p.standard_deviation * 2 / sqrt(p.n) * sqrt(2 / pi()) / p.mean, 1e-9) AS expected
FROM custseg.split_stability('m', columns => '{recency}') h JOIN custseg.segment_profile('m', columns => '{recency}') p USING (segment, column_name);
-- so the rating is the same for every seed, and as many customers more are enough
SELECT count(DISTINCT rating) AS ratings, count(*) FROM (SELECT string_agg(rating, ',' ORDER BY segment, column_name, level) AS rating FROM generate_series(1, 20) seed
    CROSS JOIN LATERAL custseg.split_stability('m', columns => '{recency,score,channel}', options => jsonb_build_object('seed', seed)) GROUP BY seed) s;
SELECT agrees(avg(t.expected_gap), 0.1, 1e-3) AS enough FROM custseg.split_stability('m', columns => '{recency}') h
JOIN LATERAL (SELECT substring(h.reason FROM '([0-9]+) more customers? for')::float8 AS more) r ON true
CROSS JOIN LATERAL (SELECT h.expected_gap / sqrt((h.n_a + h.n_b + r.more) / (h.n_a + h.n_b)) AS expected_gap) t WHERE rating = 'too few customers' AND column_name = '(share)';
-- gaps of 100 splits are on average what is expected
SELECT avg(relative_gap) / avg(expected_gap) BETWEEN 0.9 AND 1.1 AS as_expected
FROM generate_series(1, 100) seed
CROSS JOIN LATERAL custseg.split_stability('m', columns => '{recency,score,channel}', options => jsonb_build_object('seed', seed)) WHERE segment = 1 AND expected_gap > 0;
-- few customers: too few, or not to be judged
SELECT segment, column_name, level, n_a, n_b, rating, reason FROM custseg.split_stability('m', 'SELECT * FROM customer WHERE id % 10 = 0', '{score}', '{"min_rows": 5, "tolerance": 0.05, "standard_tolerance": 0.05}');
SELECT segment, column_name, rating, reason FROM custseg.split_stability('m', 'SELECT * FROM customer WHERE id % 25 = 0', '{recency}');
SELECT segment, column_name, rating, reason FROM custseg.split_stability('m', 'SELECT *, NULL::int AS nothing, 0 AS zero FROM customer WHERE id <= 500', '{nothing,zero}');
SELECT count(*), min(rating), max(rating) FROM custseg.split_stability('m', 'SELECT * FROM customer WHERE false');
SELECT DISTINCT column_name, rating FROM custseg.split_stability('m', NULL, '{recency}', '{"seed": 1}') h WHERE EXISTS (SELECT FROM custseg.split_stability('m', NULL, '{recency}', '{"seed": 1}') i WHERE i IS NOT DISTINCT FROM h) ORDER BY 1;
SELECT outcome($$SELECT custseg.split_stability('m', options => '{"tolerance": 3}')$$);
SELECT outcome($$SELECT custseg.split_stability('m', columns => '{height}')$$);

--
-- Mistakes
--
SELECT outcome($$SELECT custseg.segment_profile('none')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', version => 7)$$);
SELECT outcome($$SELECT custseg.segment_profile('m', 'nowhere')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', 'SELECT recency, frequency FROM customer')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', columns => '{height}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', columns => '{extra}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', columns => '{recency,recency}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', columns => '{recency,NULL}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', columns => '{}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', options => '{"levels": 0}')$$);
SELECT outcome($$SELECT custseg.segment_profile('m', options => '{"level": 1}')$$);
SELECT outcome($$SELECT custseg.boxplot('m', columns => '{channel}')$$);
SELECT outcome($$SELECT custseg.radar('m', options => '{"scale": "log"}')$$);

SELECT outcome($$SELECT custseg.segment_summary('m', value => 'channel')$$);
SELECT outcome($$SELECT custseg.segment_summary('m', value => 'born')$$);
SELECT outcome($$SELECT custseg.segment_summary('m', value => 'height')$$);
SELECT outcome($$SELECT custseg.segment_summary('m', options => '{"features": 0}')$$);

DO $$ BEGIN PERFORM custseg.drop_model(name, whole => true) FROM custseg.models WHERE name IN ('m', 'minibatch', 'gmm', 'hierarchical', 'dbscan', 'hdbscan', 'one', 'recency'); END $$;
SET client_min_messages = warning;
DROP SCHEMA profile_test CASCADE;
\i :root/test/clean.sql
