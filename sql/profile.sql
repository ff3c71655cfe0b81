--
-- Who is in a segment: profiles, summaries, what matters, what to draw, whether it holds.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS profile_test CASCADE;
CREATE SCHEMA profile_test;
SET search_path = profile_test, public;
RESET client_min_messages;
SET TimeZone = 'UTC';

-- What a statement fails with: SQLSTATE, message, detail and hint in one line
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement INTO result;
    RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, '/ ' || nullif(detail, ''), '/ ' || nullif(hint, ''));
END $$;

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
SELECT segment, column_name, count(*) AS n, 1 - count(x)::float8 / count(*) AS missing_share, avg(x) AS mean, stddev_pop(x) AS sd,
       min(x) AS minimum, max(x) AS maximum, percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY x) AS q
FROM placed GROUP BY GROUPING SETS ((segment, column_name), (column_name));
SELECT p.column_name, count(*), bool_and(p.n = a.n AND p.minimum = a.minimum AND p.maximum = a.maximum AND p.share IS NULL AND p.level IS NULL) AS exact,
       bool_and(abs(p.missing_share - a.missing_share) < 1e-15) AS missing, max(abs(p.mean / a.mean - 1)) < 1e-14 AS mean,
       max(abs(p.standard_deviation / a.sd - 1)) < 1e-13 AS sd,
       max(abs(p.first_quartile - a.q[1]) + abs(p.median - a.q[2]) + abs(p.third_quartile - a.q[3])) < 1e-10 AS quartiles
FROM custseg.segment_profile('m', columns => '{recency,monetary,member,born,stay,score}') p
JOIN aggregated a ON a.segment IS NOT DISTINCT FROM p.segment AND a.column_name = p.column_name
GROUP BY p.column_name ORDER BY 1;
SELECT count(*), max(abs(p.difference - (s.mean - o.mean) / o.sd)) < 1e-12 AS difference, max(abs(p.overall - o.mean)) < 1e-10 AS overall,
       max(abs(p.ratio - s.mean / o.mean)) < 1e-12 AS ratio,
       max(abs(p.percentile - (SELECT avg(CASE WHEN x < p.mean THEN 1 WHEN x = p.mean THEN 0.5 ELSE 0 END) FROM placed v WHERE v.column_name = p.column_name AND x IS NOT NULL))) < 1e-12 AS percentile
FROM custseg.segment_profile('m', columns => '{recency,monetary,member,score}') p
JOIN aggregated s ON s.segment = p.segment AND s.column_name = p.column_name
JOIN aggregated o ON o.segment IS NULL AND o.column_name = p.column_name;
-- what an analyst sees: by default all but the id, texts that are different in each row and what is no column of values
SELECT segment, name, column_name, kind, is_feature, level, n, round(missing_share::numeric, 3) AS missing, round(share::numeric, 4) AS share,
       round(mean::numeric, 3) AS mean, median, round(overall::numeric, 4) AS overall, round(difference::numeric, 4) AS difference,
       round(ratio::numeric, 4) AS ratio, rank
FROM custseg.segment_profile('m', options => '{"levels": 3}');
-- shares of a segment's levels come to 1, whatever is pooled; the difference is that of a number which is 0 or 1
SELECT DISTINCT column_name, round(sum(share) OVER (PARTITION BY segment, column_name)::numeric, 12) AS total
FROM custseg.segment_profile('m', columns => '{channel,city}', options => '{"levels": 2}') ORDER BY 1;
SELECT count(*), max(abs(l.difference - b.difference)) < 1e-12 AS same
FROM custseg.segment_profile('m', 'SELECT *, (channel IS NOT DISTINCT FROM ''web'')::int AS web FROM customer', '{channel}') l
JOIN custseg.segment_profile('m', 'SELECT *, (channel IS NOT DISTINCT FROM ''web'')::int AS web FROM customer', '{web}') b USING (segment)
WHERE l.level = 'web';
-- what defines a segment, one row a column
SELECT segment, column_name, level, round(difference::numeric, 3) AS difference, rank
FROM custseg.segment_profile('m') WHERE rank <= 3 ORDER BY segment, rank;

--
-- Columns that say nothing, empty segments, hostile names, limits
--
SELECT segment, column_name, level, n, missing_share, share, mean, median, standard_deviation AS sd, percentile, difference, ratio, rank
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
-- customers who can't be placed
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
SELECT column_name, level, segment, name, round(value::numeric, 4) AS value, round(scaled::numeric, 4) AS scaled FROM custseg.radar('m', options => '{"levels": 2}');
SELECT column_name, level, segment, round(value::numeric, 4) AS value, round(scaled::numeric, 4) AS scaled
FROM custseg.radar('m', $$SELECT *, 7 AS constant FROM customer WHERE id <= 800$$, '{recency,constant,member}', '{"scale": "percentile"}');
SELECT column_name, segment, value, scaled FROM custseg.radar('m', $$SELECT *, 7 AS constant FROM customer WHERE id <= 800$$, '{constant}');
SELECT segment, name, column_name, level, round(value::numeric, 4) AS value, round(overall::numeric, 4) AS overall, round(difference::numeric, 4) AS difference
FROM custseg.heatmap('m', columns => '{recency,channel}');
SELECT count(DISTINCT column_name) FROM custseg.heatmap('m');

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

DO $$ BEGIN PERFORM custseg.drop_model(name) FROM custseg.models WHERE name IN ('m'); END $$;
SET client_min_messages = warning;
DROP SCHEMA profile_test CASCADE;
