-- Contracts that are renewed period by period: shifted beta-geometric and beta-discrete-Weibull.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS renewal_test CASCADE;
CREATE SCHEMA renewal_test;
SET search_path = renewal_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- "Regular" and "High end" of Fader and Hardie (2007), 1,000 customers each: for the regular ones they have a 0.704, b 1.182 and a
-- log-likelihood of -1680.3. The further digits are those of scipy 1.10.1. Of them, 223, 207, 194, 183 and 173 were there later.
CREATE TABLE contracts (kind text, years int, has_left bool);
CREATE FUNCTION add_contracts(kind text, there int[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contracts
    SELECT kind, i, true FROM generate_series(1, cardinality(there) - 1) i, generate_series(1, there[i] - there[i + 1]) UNION ALL
    SELECT kind, cardinality(there) - 1, false FROM generate_series(1, there[cardinality(there)])
$$;
SELECT add_contracts('regular', '{1000,631,468,382,326,289,262,241}'), add_contracts('high end', '{1000,869,743,653,593,551,517,491}');
SELECT segment_name, model, is_chosen, n, n_events, round(a::numeric, 5) AS a, round(b::numeric, 5) AS b, round(shape::numeric, 5) AS shape, round(log_likelihood::numeric, 6) AS log_likelihood, round(aic::numeric, 6) AS aic, verdict, reason
FROM custseg.retention_models('contracts', 'years', 'has_left', 'kind');
SELECT segment_name, time, n_at_risk AS at_risk, round(observed_survival::numeric, 6) AS observed, round(survival::numeric, 6) AS survival, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, round(retention::numeric, 6) AS retention, round(expected_periods::numeric, 6) AS expected, model
FROM custseg.retention_projection('contracts', 'years', 'has_left', 'kind', periods => 5);

-- by definition: the product of the retention rates (b + t - 1) / (a + b + t - 1), and the sum of the shares before
CREATE VIEW regular AS SELECT years, has_left FROM contracts WHERE kind = 'regular';
CREATE VIEW by_definition AS
SELECT t, rate, exp(sum(ln(rate)) OVER (ORDER BY t)) AS survival
FROM (SELECT t, (b + t - 1) / (a + b + t - 1) AS rate FROM custseg.retention_models('regular', 'years', 'has_left') m, generate_series(1, 107) t WHERE m.model LIKE 'shifted%') r;
SELECT count(*), count(*) FILTER (WHERE agrees(p.survival, q.survival) <> 't' OR agrees(p.retention, q.rate) <> 't'
    OR agrees(p.expected_periods, (SELECT 1 + coalesce(sum(s.survival), 0) FROM by_definition s WHERE s.t < p.time)) <> 't') AS different
FROM custseg.retention_projection('regular', 'years', 'has_left', periods => 100) p JOIN by_definition q ON q.t = p.time;
-- the observed share is that of retention(), also where customers were last seen in between
CREATE TABLE stays AS SELECT 1 + i * 7919 % 23 * (i % 5) / 4 AS months, i * 31 % 7 < 3 AS has_left, 'plan ' || i % 3 AS plan FROM generate_series(1, 900) i;
INSERT INTO stays SELECT 0, false, 'plan 0' FROM generate_series(1, 10);
SELECT count(*), count(*) FILTER (WHERE agrees(p.observed_survival, r.survival) <> 't' OR p.n_at_risk <> r.n_at_risk) AS different
FROM custseg.retention_projection('stays', 'months', 'has_left', 'plan') p JOIN custseg.retention('stays', 'months', 'has_left', 'plan') r USING (segment_name, time);
-- duplicates change no parameter; the order of rows changes nothing
SELECT m.model, abs(m.a / d.a - 1) < 1e-4 AS a, abs(m.b / d.b - 1) < 1e-4 AS b, abs(3 * m.log_likelihood / d.log_likelihood - 1) < 1e-10 AS log_likelihood
FROM custseg.retention_models('regular', 'years', 'has_left') m JOIN custseg.retention_models('SELECT * FROM regular, generate_series(1, 3) g ORDER BY g, years % 3', 'years', 'has_left') d USING (model);
-- of four times the customers an interval has twice the quantile
SELECT count(*), count(*) FILTER (WHERE abs(p.low - d.low) > 1e-7 OR abs(p.high - d.high) > 1e-7) AS different
FROM custseg.retention_projection('SELECT * FROM contracts WHERE kind = ''high end''', 'years', 'has_left', periods => 30, options => '{"confidence": 0.682689492137086}') p
JOIN custseg.retention_projection('SELECT contracts.* FROM contracts, generate_series(1, 4) WHERE kind = ''high end''', 'years', 'has_left', periods => 30, options => '{"confidence": 0.954499736103642}') d USING (time);

-- customers who are all alike, whose chance of leaving is the same, rises or falls: a limit of the models
CREATE FUNCTION alike(shape float8) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT least(t, 30) AS t, t <= 30 AS e FROM (SELECT ceil((-ln(1 - (i - 0.5) / 2000) / 0.05) ^ (1 / %s))::int AS t FROM generate_series(1, 2000) i) g', shape)
$$;
SELECT s.shape AS true_shape, model, is_chosen, round(m.shape::numeric, 2) AS shape, round((ln(a) - ln(b))::numeric, 2) AS log_ratio, verdict, reason
FROM (VALUES (1.0), (1.5), (0.7)) s (shape), custseg.retention_models(alike(s.shape), 't', 'e') m;
-- a curve of another form, some who leave at once, few customers, and nobody who left
SELECT model, verdict, reason FROM custseg.retention_models('SELECT CASE WHEN i % 2 = 0 THEN 6 ELSE i % 24 + 1 END AS t, i % 2 = 0 OR i % 24 < 23 AS e FROM generate_series(1, 2000) i', 't', 'e');
SELECT model, verdict, reason FROM custseg.retention_models('SELECT CASE WHEN i % 2 = 0 THEN 1 + (i < 12)::int + (i < 6)::int ELSE 40 END AS t, i % 2 = 0 AS e FROM generate_series(1, 2000) i', 't', 'e');
SELECT model, verdict, reason FROM custseg.retention_models('SELECT i AS t, true AS e FROM generate_series(1, 49) i', 't', 'e') WHERE is_chosen;
SELECT model, verdict, reason FROM custseg.retention_models('SELECT 3 AS t, true AS e FROM generate_series(1, 60) i', 't', 'e') WHERE is_chosen;
SELECT * FROM custseg.retention_models('SELECT 3 AS t, false AS e', 't', 'e');
SELECT * FROM custseg.retention_projection('SELECT 2 AS t, false AS e', 't', 'e', periods => 1);
SELECT count(*) FROM custseg.retention_projection('SELECT 2 AS t, false AS e WHERE false', 't', 'e');
-- a single period in which anybody left says nothing of what comes, and two periods little
SELECT time, round(survival::numeric, 4) AS survival, low, high, reason FROM custseg.retention_projection('SELECT 1 AS t, i % 3 = 0 AS e FROM generate_series(1, 1000) i', 't', 'e', periods => 1);
SELECT time, round(low::numeric, 2) AS low, round(high::numeric, 2) AS high, reason FROM custseg.retention_projection('SELECT 1 + i % 2 AS t, i % 3 = 0 AS e FROM generate_series(1, 1000) i', 't', 'e', periods => 4);

-- errors
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_projection('SELECT 1.5 AS t, true AS e', 't', 'e')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_projection('SELECT 10001 AS t, true AS e', 't', 'e')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_models('SELECT 0 AS t, true AS e', 't', 'e')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_projection('contracts', 'years', 'has_left', periods => -1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_projection('contracts', 'years', 'has_left', periods => NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_projection('contracts', 'years', 'has_left', options => '{"level": 1}')$$);

SET client_min_messages = warning;
DROP SCHEMA renewal_test CASCADE;
\i :root/test/clean.sql
