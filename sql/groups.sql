-- Do segments differ? Analysis of variance, tests on ranks, pairs, effects, and all columns at once.
SET extra_float_digits = 0;

-- scipy.stats: f_oneway, kruskal, levene, tukey_hsd; statsmodels anova_oneway(use_var='unequal')
CREATE TABLE plots (segment int, value float8);
INSERT INTO plots SELECT 1, unnest('{24.5,23.5,26.4,27.1,29.9}'::float8[]);
INSERT INTO plots SELECT 2, unnest('{28.4,34.2,29.5,32.2,30.1}'::float8[]);
INSERT INTO plots SELECT 3, unnest('{26.1,28.3,24.3,26.2,27.8}'::float8[]);
SELECT round(f::numeric, 10) AS f, df_between, df_within, round(p_value::numeric, 12) AS p, round(eta_squared::numeric, 10) AS eta,
    round(omega_squared::numeric, 10) AS omega, n_groups, n
FROM (SELECT (custseg.anova(value, segment)).* FROM plots) x;
SELECT round(welch_f::numeric, 10) AS welch_f, round(welch_df::numeric, 10) AS df, round(welch_p_value::numeric, 12) AS p
FROM (SELECT (custseg.anova(value, segment)).* FROM plots) x;
SELECT round(statistic::numeric, 10) AS h, df_between, df_within, round(p_value::numeric, 12) AS p, round(epsilon_squared::numeric, 10) AS epsilon, n_groups, n
FROM (SELECT (custseg.kruskal_wallis(value, segment)).* FROM plots) x;
SELECT round(statistic::numeric, 10) AS w, df_between, df_within, round(p_value::numeric, 12) AS p, epsilon_squared, n_groups, n
FROM (SELECT (custseg.levene(value, segment)).* FROM plots) x;
SELECT group_a, group_b, round(difference::numeric, 10) AS difference, round(low::numeric, 8) AS low, round(high::numeric, 8) AS high,
    round(statistic::numeric, 8) AS q, df, round(p_adjusted::numeric, 10) AS p
FROM (SELECT (unnest(custseg.tukey_hsd(value, segment))).* FROM plots) x;
SELECT group_a, group_b, round(difference::numeric, 8) AS difference, round(low::numeric, 6) AS low, round(high::numeric, 6) AS high,
    round(statistic::numeric, 8) AS q, round(df::numeric, 8) AS df, round(p_adjusted::numeric, 9) AS p
FROM (SELECT (unnest(custseg.games_howell(value, segment))).* FROM plots) x;

-- a hundred groups, 4,950 pairs, each with degrees of freedom of its own, in a blink
SET statement_timeout = '20s';
SELECT count(*), count(DISTINCT (pair).df) > 4000 AS dfs, bool_and((pair).p_adjusted BETWEEN 0 AND 1 AND (pair).low < (pair).high) AS sound
FROM (SELECT unnest(custseg.games_howell((i * 7919 % 10007)::float8 * (1 + i % 100), i % 100)) AS pair FROM generate_series(1, 10000) i) x;
RESET statement_timeout;
-- far out: 3.46810492339e-13 by numpy, the double integral on 400 x 400 nodes
SELECT round((p_adjusted * 1e13)::numeric, 4) AS p_e13 FROM (SELECT (unnest(custseg.tukey_hsd(CASE g WHEN 1 THEN 12 ELSE 0 END + i, g))).* FROM generate_series(-2, 2) i, generate_series(0, 9) g) x
WHERE group_a = 0 AND group_b = 1;
-- a hundred groups, one degree of freedom: 0.984955466330 by 16,000 trapezia of 64-bit long doubles, the inner integral's 1/24 wide
SELECT round(p_adjusted::numeric, 12) AS p
FROM (SELECT (unnest(custseg.tukey_hsd(CASE i WHEN 100 THEN 1 WHEN 2 THEN 1.4 ELSE 0 END, i % 100))).* FROM generate_series(0, 100) i) x
WHERE group_a = 1 AND group_b = 2;

-- ties (scipy.stats.kruskal), one state for several aggregates, NULLs and NaN left out
SELECT round((custseg.kruskal_wallis(v, g)).statistic::numeric, 10) AS h, round((custseg.kruskal_wallis(v, g)).p_value::numeric, 12) AS p,
    (custseg.kruskal_wallis(v, g)).n
FROM (VALUES (1.0::float8, 1), (2, 1), (2, 1), (3, 2), (3, 2), (2, 2), (5, 3), (5, 3), (3, 3), (NULL, 1), ('nan', 2), (9, NULL)) x (v, g);

-- far out in the tail: mpmath betainc(14994/2, 1, 0, 14994/(14994 + 2 F)) gives 1.550864996e-249
SELECT round(f::numeric, 6) AS f, round((p_value * 1e249)::numeric, 9) AS p_e249
FROM (SELECT (custseg.anova(62 * g + i % 3 * 220, g)).* FROM generate_series(0, 4998) i, generate_series(1, 3) g) x;

-- Welch's test where the means of two groups and their deviations are 1e-20 of the third's: by exact fractions 3.8158577671597596,
-- df 4.874899483055715, and p by scipy.stats.f.sf
CREATE TABLE tiny AS SELECT * FROM (VALUES (1, 1.0::float8), (1, 2), (1, 4), (1, 8), (2, 1e-20), (2, 3e-20), (2, 4e-20), (3, 5e-20), (3, 6e-20), (3, 9e-20), (3, 2e-20)) x (segment, value);
SELECT round(welch_f::numeric, 12) AS welch_f, round(welch_df::numeric, 12) AS df, round(welch_p_value::numeric, 13) AS p
FROM (SELECT (custseg.anova(value, segment)).* FROM tiny) x;
-- of one or two values the distances to the median are the same, whatever they are: there is no test of variances, and no p of 0
SELECT statistic, df_between, df_within, p_value, n_groups, n FROM (SELECT (custseg.levene(value, segment)).* FROM (VALUES (1, 1.0), (1, 2), (2, 5), (2, 9.5), (3, 7)) x (segment, value)) x;
-- with three it is: 2.8125 by scipy.stats.levene of (1, 2, 4) and (5, 9.5)
SELECT round(statistic::numeric, 10) AS w, df_within, round(p_value::numeric, 10) AS p FROM (SELECT (custseg.levene(value, segment)).* FROM (VALUES (1, 1.0), (1, 2), (1, 4), (2, 5), (2, 9.5)) x (segment, value)) x;

-- a large mean loses nothing: the same F as without it
SELECT abs(a.f / b.f - 1) < 1e-6 AS same
FROM (SELECT (custseg.anova(value + 1e9, segment)).f FROM plots) a, (SELECT (custseg.anova(value, segment)).f FROM plots) b;

-- workers combine their states
CREATE TABLE many AS SELECT i % 7 AS segment, (i * 7919 % 10007)::float8 + i % 7 * 20 AS value FROM generate_series(1, 60000) i;
ALTER TABLE many SET (parallel_workers = 2);
CREATE TEMPORARY TABLE results (workers int, f float8, p float8, q float8, h float8, w float8);
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE FUNCTION pg_temp.measure(int) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO results
    SELECT $1, (a).f, (a).p_value, t[1].statistic, (k).statistic, (l).statistic
    FROM (
        SELECT custseg.anova(value, segment) a, custseg.tukey_hsd(value, segment) t,
            custseg.kruskal_wallis(value, segment) k, custseg.levene(value, segment) l
        FROM many
    ) x;
END;
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.measure(0);
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT custseg.anova(value, segment), custseg.levene(value, segment) FROM many;
SELECT pg_temp.measure(2);
SELECT count(*), count(DISTINCT round(f::numeric, 9)) AS f, count(DISTINCT round(q::numeric, 9)) AS q, count(DISTINCT h) AS h, count(DISTINCT round(w::numeric, 9)) AS w FROM results;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;

-- what is not defined is NULL: no rows, one group, one value a group, nothing varies
SELECT (custseg.anova(value, segment)).*, custseg.tukey_hsd(value, segment) FROM plots WHERE false;
SELECT (custseg.anova(value, segment)).*, custseg.tukey_hsd(value, segment) FROM plots WHERE segment = 1;
SELECT (custseg.anova(value, segment)).*, (unnest(custseg.tukey_hsd(value, segment))).p_adjusted FROM (VALUES (1.0, 1), (2.0, 2)) x (value, segment);
SELECT (custseg.anova(5, segment)).*, (custseg.kruskal_wallis(5, segment)).p_value, (custseg.levene(5, segment)).p_value FROM plots;
-- groups without variance that differ: F is infinite, p is 0
SELECT f, p_value, eta_squared, welch_f FROM (SELECT (custseg.anova(segment, segment)).* FROM plots) x;
SELECT p_adjusted FROM (SELECT (unnest(custseg.games_howell(segment, segment))).* FROM plots) x;

-- Cohen's words
SELECT m, v, custseg.effect_size(m, v) FROM (VALUES ('eta_squared', 0.005), ('eta_squared', 0.06), ('omega_squared', 0.14), ('epsilon_squared', 0.02),
    ('cohens_d', -0.5), ('cramers_v', 0.29), ('cramers_v', 'nan')) x (m, v);
SELECT custseg.effect_size('cramers_v', 0.29, 3);

-- all columns of a source: what proves something and what does not
CREATE TABLE people AS
SELECT i AS id,
    (i % 2) * 10 + (i * 7 % 11) / 11.0 AS spend,
    (i % 2) * 4 + (i * 13 % 17) / 4.0 AS age,
    exp((i * 7919 % 101) / 15.0 + i % 2) AS income,
    (i * 7919 % 103) AS noise,
    CASE WHEN i % 2 = 0 AND i % 5 > 0 THEN 'web' ELSE 'shop' END AS channel,
    (ARRAY['n', 'e', 's', 'w'])[1 + i * 31 % 4] AS region,
    CASE WHEN i % 97 = 0 THEN 'rare' WHEN i % 89 = 0 THEN 'seldom' ELSE 'often' END AS habit,
    7 AS constant,
    CASE WHEN i % 2 = 0 THEN 1.5 END AS half,
    NULL::float8 AS nothing
FROM generate_series(1, 400) i;
SELECT n_segments FROM custseg.train('two', 'people', features => '{spend}', k => 2, id => 'id');
SELECT column_name, kind, is_feature AS feature, n, n_null AS missing, test, round(statistic::numeric, 4) AS statistic, df_between AS df1,
    round(df_within::numeric, 2) AS df2, round(p_value::numeric, 6) AS p, round(p_adjusted::numeric, 6) AS p_adj
FROM custseg.segment_tests('two', columns => '{spend,age,income,noise,channel,region,habit,constant,half,nothing}');
SELECT column_name, effect_measure, round(effect::numeric, 4) AS effect, effect_size, rating, reason
FROM custseg.segment_tests('two', columns => '{spend,age,income,noise,channel,region,habit,constant,half,nothing}');
-- the same as the aggregate says
SELECT abs(t.statistic / a.welch_f - 1) < 1e-9 AS same_f, abs(t.p_value / a.welch_p_value - 1) < 1e-9 AS same_p
FROM custseg.segment_tests('two', columns => '{age}') t,
    (SELECT (custseg.anova(age, custseg.predict('two', p))).* FROM people p) a;
SELECT column_name, test, round(statistic::numeric, 4) AS statistic FROM custseg.segment_tests('two', columns => '{age,channel}', options => '{"test": "anova"}');
SELECT rating, reason FROM custseg.segment_tests('two', 'SELECT * FROM people WHERE id <= 20', '{age}');
SELECT rating, reason FROM custseg.segment_tests('two', 'SELECT * FROM people WHERE id % 2 = 0', '{age}');
SELECT count(*) FROM custseg.segment_tests('two', 'SELECT * FROM people WHERE false', '{age,region}');
SELECT count(*) FROM custseg.segment_tests(NULL);

-- errors
SELECT custseg.anova('infinity'::float8, 1);
SELECT custseg.levene('-infinity'::float8, 1);
SELECT custseg.anova(i, i) FROM generate_series(1, 10001) i;
SELECT custseg.kruskal_wallis(i, i) FROM generate_series(1, 10001) i;
SELECT custseg.tukey_hsd(i, i) FROM generate_series(1, 101) i;
SELECT custseg.effect_size('size', 1);
SELECT custseg.effect_size('cramers_v', 1, 0);
SELECT custseg_private.group_moments_accum(NULL, 1, 1);
SELECT custseg_private.group_moments_combine(NULL, '\x00');
SELECT custseg_private.anova_final('\x00');
SELECT custseg_private.anova_final(decode(repeat('00', 268), 'hex'));
SELECT custseg_private.anova_final(decode('08000000' || '01000000' || repeat('00', 260), 'hex'));
SET maintenance_work_mem = '1MB';
SELECT custseg.kruskal_wallis(i, 1) FROM generate_series(1, 50000) i;
SELECT (custseg.kruskal_wallis(i, i % 2)).n BETWEEN 4000 AND 6000 AS enough FROM generate_series(1, 50000) i WHERE pg_catalog.random() < 0.1;
RESET maintenance_work_mem;
SELECT custseg.segment_tests('nobody');
SELECT custseg.segment_tests('two', columns => '{shoe_size}');
SELECT custseg.segment_tests('two', options => '{"test": "t"}');
SELECT custseg.segment_tests('two', options => '{"colour": 1}');
SELECT custseg.segment_tests('two', 'SELECT age FROM people');

SELECT custseg.drop_model('two', whole => true);
DROP FUNCTION pg_temp.measure;
DROP TABLE plots, many, people;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
