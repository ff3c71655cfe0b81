-- Segments judged by a survey: validate_survey, survey_confusion.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS survey_test CASCADE;
DROP ROLE IF EXISTS regress_cs_reader;
CREATE SCHEMA survey_test;
SET search_path = survey_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- 500, 300 and 200 customers in three segments, of whom 200, 60 and 20 answer
CREATE TABLE customer AS SELECT i AS id, CASE WHEN i <= 500 THEN 3 WHEN i <= 800 THEN 2 ELSE 1 END AS x FROM generate_series(1, 1000) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('surveyed', 'customer', '{x}', algorithm => 'rules', id => 'id', options =>
    '{"segments": [{"name": "dear", "when": {"x": {"from": 3}}}, {"name": "some", "when": {"x": {"from": 2, "to": 2}}}, {"name": "once"}], "else": "once"}');
SELECT custseg.set_action('surveyed', 1, '{"perk": "gift"}'), custseg.set_action('surveyed', 2, '{"perk": "coffee"}');
CREATE TABLE answers AS
SELECT i AS customer, CASE WHEN i <= 170 THEN 'dear' ELSE 'some' END AS segment, CASE WHEN i <= 180 THEN 5 ELSE 2 END AS satisfaction,
    CASE WHEN i % 3 = 0 THEN 'gift' ELSE 'lounge' END AS perk, CASE WHEN i % 7 = 0 THEN 'parking' WHEN i % 11 = 0 THEN ' wifi ' ELSE '' END AS need
FROM generate_series(1, 200) i
UNION ALL SELECT 500 + i, CASE WHEN i <= 42 THEN '2' ELSE '3' END, 4, 'coffee', NULL FROM generate_series(1, 60) i
UNION ALL SELECT 800 + i, CASE WHEN i <= 11 THEN 'once' ELSE 'none of them' END, CASE WHEN i > 1 THEN 3 END, 'coffee', 'parking' FROM generate_series(1, 20) i
-- somebody whom nobody knows
UNION ALL SELECT 2000, 'dear', 5, 'gift', NULL;
RESET client_min_messages;

CREATE TABLE found AS SELECT * FROM custseg.validate_survey('surveyed', 'answers');
SELECT measure, name, answer, n, n_yes, round(share::numeric, 4) AS share, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, round(effective_n::numeric, 2) AS effective_n, threshold, verdict FROM found;
SELECT measure, name, answer, reason FROM found WHERE reason IS NOT NULL;

-- weighted for who answered, with the interval of as many answers as the weighted ones are worth
SELECT agrees(share, 0.745) AS share, agrees(effective_n, 210.52631578947364) AS effective_n, agrees(low, 0.6820979297031421) AS low, agrees(high, 0.799121297041348) AS high
FROM found WHERE measure = 'accuracy' AND name = 'total';
SELECT agrees(statistic, 77.38095238095238) AS statistic, df, agrees(p_value, 1.5737642960825874e-17) AS p_value FROM found WHERE measure = 'response' AND name = 'total';
SELECT agrees(ARRAY[kappa, kappa_low, kappa_high], (SELECT ARRAY[(k).kappa, (k).low, (k).high] FROM (
    SELECT custseg.cohens_kappa(CASE WHEN c.x = 3 THEN 1 WHEN c.x = 2 THEN 2 ELSE 3 END, CASE a.segment WHEN 'dear' THEN 1 WHEN 'some' THEN 2 WHEN '2' THEN 2 WHEN 'none of them' THEN 4 ELSE 3 END) AS k
    FROM answers a JOIN customer c ON c.id = a.customer) k)) AS kappa
FROM found WHERE measure = 'accuracy' AND name = 'total';
-- a segment that says nothing is left out, and named
SELECT f.measure, name, n, n_yes, verdict, CASE name WHEN 'total' THEN concat_ws(' ', agrees(share, 0.7857142857142858), agrees(effective_n, 70), agrees(low, 0.6760881373652112), agrees(high, 0.8656129698289221)) END AS agrees, reason
FROM custseg.validate_survey('surveyed', 'SELECT i AS customer, CASE WHEN i <= 45 OR i > 810 THEN 1 ELSE 0 END + 1 AS segment, CASE WHEN i <= 45 OR i > 810 THEN 9 ELSE 8 END AS satisfaction
    FROM generate_series(1, 820) i WHERE i <= 50 OR i > 800', '{"satisfied_from": 9}') f
WHERE measure = 'satisfaction';

-- Perfect agreement, and one category on both sides
SELECT measure, n, n_yes, verdict, kappa, kappa_low, kappa_high FROM custseg.validate_survey('surveyed', 'SELECT id AS customer, 4 - x AS segment FROM customer') WHERE measure = 'accuracy' AND name = 'total';
SELECT n, n_yes, verdict, kappa, kappa_low FROM custseg.validate_survey('surveyed', 'SELECT id AS customer, 1 AS segment FROM customer WHERE id <= 40') WHERE measure = 'accuracy' AND name = 'total';

-- 76 of 100 are no evidence of more than 75 %.  Of surveys of 100 whose truth is just that, 2 % pass, and 46 % would by their share
WITH RECURSIVE chance (k, p) AS (
    SELECT 0, 0.25::float8 ^ 100
    UNION ALL
    SELECT k + 1, p * (100 - k) / (k + 1) * 3 FROM chance WHERE k < 100
)
SELECT custseg_private.gate_verdict(w.low, w.high, 0.75) AS verdict, min(k), max(k), round(sum(p)::numeric, 4) AS p, round(sum(p) FILTER (WHERE k > 75)::numeric, 4) AS p_by_share
FROM chance, custseg.wilson_interval(k, 100) w GROUP BY 1 ORDER BY 2;
SELECT * FROM (VALUES (custseg_private.gate_verdict(0.75, 0.9, 0.75), custseg_private.gate_verdict(0.1, 0.75, 0.75), custseg_private.gate_verdict(0.1, 0.9, NULL))) v (at_low, at_high, no_threshold);

-- Response is not random, and so the bare share lies: half as satisfied, and a quarter as ready to answer, in the segment that is most people
SELECT count(*) FILTER (WHERE b.low <= 0.5 AND 0.5 <= b.high) AS bare_covers, count(*) FILTER (WHERE t.low <= 0.5 AND 0.5 <= t.high) AS weighted_covers
FROM generate_series(1, 40) s
CROSS JOIN LATERAL (SELECT format($$SELECT id AS customer, CASE WHEN (hashtextextended(id::text, %s) & 1023) < CASE WHEN x = 3 THEN 307 ELSE 717 END THEN 5 ELSE 1 END AS satisfaction
    FROM customer WHERE (hashtextextended(id::text, -%s) & 1023) < CASE WHEN x = 3 THEN 102 ELSE 410 END$$, s, s) AS answers) q
CROSS JOIN LATERAL (SELECT * FROM custseg.validate_survey('surveyed', q.answers) WHERE measure = 'satisfaction' AND name = 'total') t
CROSS JOIN custseg.wilson_interval(t.n_yes, t.n) b;

-- Who would be where
SELECT * FROM custseg.survey_confusion('surveyed', 'answers');
SELECT * FROM custseg.survey_confusion('surveyed', 'SELECT id AS customer, 4 - x AS place FROM customer', '{"segment": "place"}');

-- Columns and customers by other names; what is not asked is not told; rows in any order say the same
SELECT measure, name, n, n_yes FROM custseg.validate_survey('surveyed', 'SELECT id, x + 2 AS stars FROM customer WHERE id % 50 = 0', '{"satisfaction": "stars"}') WHERE measure = 'satisfaction';
SELECT measure, name, n, n_yes FROM custseg.validate_survey('surveyed', 'SELECT id AS who, 6.5 AS satisfaction FROM customer WHERE id % 100 = 0', '{"customer": "who", "customers": "SELECT * FROM customer WHERE x > 1"}');
SELECT count(*) FROM (SELECT * FROM found EXCEPT SELECT * FROM custseg.validate_survey('surveyed', 'SELECT * FROM answers ORDER BY customer DESC')) d;

-- Decisions by hand count: the customer is where the owner has put him
SELECT custseg.override_segment('surveyed', 171, 2, 'he says so');
SELECT n_yes FROM custseg.validate_survey('surveyed', 'answers') WHERE measure = 'accuracy' AND name IN ('dear', 'some');
SELECT custseg.end_override('surveyed', 171);

-- Answers are read as the caller, and who may not read customers names them
CREATE ROLE regress_cs_reader;
GRANT USAGE ON SCHEMA survey_test TO regress_cs_reader;
SELECT custseg.grant_model('surveyed', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT * FROM custseg.validate_survey('surveyed', 'survey_test.answers');
SELECT * FROM custseg.validate_survey('surveyed', 'SELECT 1 AS customer, 5 AS satisfaction');
SELECT measure, name, n, n_yes FROM custseg.validate_survey('surveyed', 'SELECT 1 AS customer, 5 AS satisfaction', '{"customers": "SELECT 1 AS id, 2 AS x"}');
RESET ROLE;

-- Errors
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION survey_fails(answers text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$ SELECT fails(format('SELECT * FROM custseg.validate_survey(''surveyed'', %L, %L)', answers, options)) $$;
SELECT survey_fails('SELECT * FROM answers UNION ALL SELECT * FROM answers WHERE customer = 7');
SELECT survey_fails('answers', '{"customers": "SELECT * FROM customer UNION ALL SELECT 7, 3"}');
SELECT survey_fails('SELECT 1 AS customer, ''infinity''::float8 AS satisfaction');
SELECT survey_fails('SELECT NULL::int AS customer, 2 AS satisfaction');
SELECT survey_fails('SELECT 1 AS customer, ''good'' AS satisfaction');
SELECT survey_fails('SELECT 1 AS customer, true AS segment');
SELECT survey_fails('SELECT 1 AS customer');
SELECT survey_fails('SELECT 1 AS a, 2 AS satisfaction');
SELECT survey_fails('answers', '{"perk": "nothing"}');
SELECT survey_fails('answers', '{"perks": "perk"}');
SELECT survey_fails('answers', '{"accuracy_above": 75}');
SELECT survey_fails(NULL);
SELECT fails(format('SELECT * FROM custseg.%s(%L, ''answers'')', f, m)) FROM (VALUES ('validate_survey', 'nobody'), ('survey_confusion', 'nobody'), ('validate_survey', NULL), ('survey_confusion', NULL)) v (f, m);

SET client_min_messages = warning;
SELECT custseg.drop_model('surveyed', whole => true);
DROP SCHEMA survey_test CASCADE;
DROP ROLE regress_cs_reader;
\i :root/test/clean.sql
