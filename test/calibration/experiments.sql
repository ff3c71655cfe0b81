-- Experiments of which the effect is known. What a person sees who looks twenty times at one without an effect, by a plain interval, by looks that spend alpha (O'Brien and Fleming's way) and by intervals that hold at any time: shares of 5 %, and revenue of which nine of ten customers have none and the others lognormal ones, in arms of equal size and of nine to one.
-- Power at the size that was planned for 80 %; six segments of which none has an effect; and whole experiments with a guardrail on the basket, enrolled and looked at five times, of which the verdict is counted: 20 % of the control's customers buy, and 4 % more are what the plan is for.

-- What twenty looks claimed, and the last one alone.
CREATE TABLE calibration.peeks (key text PRIMARY KEY, plain bool, spending bool, anytime bool, once bool);

CREATE TABLE calibration.boundaries AS
SELECT row_number() OVER () AS look, b.boundary FROM custseg.spending_boundaries((SELECT array_agg(i / 20.0 ORDER BY i) FROM generate_series(1, 20) i)) b;

-- Customers in the order in which they come: arm 0 or 1, by turns, and a value. "effect" is a share of it.
CREATE FUNCTION calibration.experiment(seed int, data text, n1 int, n2 int, effect float8 DEFAULT 0)
RETURNS TABLE (i int, arm int, value float8) LANGUAGE sql STABLE AS $$
    SELECT i, a.arm, CASE data
        WHEN 'share' THEN (calibration.uniform(seed, 301, i) < 0.05 * (1 + a.arm * effect))::int
        WHEN 'revenue' THEN CASE WHEN calibration.uniform(seed, 301, i) < 0.1 THEN exp(calibration.normal(seed, 302, i)) ELSE 0 END
        ELSE CASE WHEN calibration.uniform(seed, 301, i) < 0.1 THEN exp(1.5 * calibration.normal(seed, 302, i)) ELSE 0 END END
    FROM generate_series(1, n1 + n2) i,
        LATERAL (SELECT (i::bigint * n2 / (n1 + n2) > (i - 1)::bigint * n2 / (n1 + n2))::int AS arm) a
$$;

CREATE FUNCTION calibration.peek(seed int, data text, n1 int, n2 int, effect float8, claim text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    asked text := concat_ws(' ', seed, data, n1, n2, effect);
    result calibration.peeks := (SELECT p FROM calibration.peeks p WHERE p.key = asked);
BEGIN
    IF result.key IS NULL THEN
        WITH looks AS (
            SELECT (e.i * 20 - 1) / (n1 + n2) + 1 AS look, arm, count(*) AS n, sum(value) AS s, sum(value * value) AS q
            FROM calibration.experiment(seed, data, n1, n2, effect) e GROUP BY 1, 2
        ), so_far AS (
            SELECT look, arm, sum(n) OVER w AS n, sum(s) OVER w AS s, sum(q) OVER w AS q FROM looks WINDOW w AS (PARTITION BY arm ORDER BY look)
        ), tests AS (
            SELECT look, abs(t.difference / t.larger_error) AS z, t.difference, t.larger_error
            FROM so_far c JOIN so_far o USING (look)
            CROSS JOIN LATERAL custseg.welch_test(c.n::bigint, c.s / c.n, greatest(c.q - c.s * c.s / c.n, 0) / (c.n - 1), o.n::bigint, o.s / o.n, greatest(o.q - o.s * o.s / o.n, 0) / (o.n - 1), 0.95, true) t
            WHERE c.arm = 0 AND o.arm = 1 AND least(c.n, o.n) >= 100 AND least(c.s, o.s) > 0
        )
        INSERT INTO calibration.peeks
        SELECT asked, coalesce(bool_or(z > 1.959963984540054), false), coalesce(bool_or(z > b.boundary), false),
            coalesce(bool_or((custseg.anytime_interval(difference, larger_error, look / 20.0)).p_value < 0.05), false), coalesce(bool_or(z > 1.959963984540054) FILTER (WHERE look = 20), false)
        FROM tests JOIN calibration.boundaries b USING (look)
        RETURNING * INTO result;
    END IF;
    RETURN CASE claim WHEN 'plain' THEN result.plain WHEN 'spending' THEN result.spending WHEN 'anytime' THEN result.anytime ELSE result.once END;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'experiment: ' || claim, what || CASE WHEN claim = 'once' THEN ', one look' ELSE ', any of 20 looks' END, n1 + n2, measure, bar,
    format('calibration.peek({seed}, %L, %s, %s, 0, %L)', data, n1, n2, claim), 2000, quick
FROM (VALUES ('share', 'share', 5000, 5000), ('revenue', 'revenue', 1000, 1000), ('revenue', 'revenue, 9:1', 4500, 500), ('skewed revenue', 'more skewed revenue, 9:1', 4500, 500)) d (data, what, n1, n2)
JOIN (VALUES (true, 'plain', 'power', 0.18, 60), (true, 'spending', 'false alarm', 0.065, 60), (true, 'anytime', 'false alarm', 0.02, 60), (false, 'once', 'false alarm', 0.035, 60), (false, 'spending', 'false alarm', 0.025, 60), (false, 'anytime', 'false alarm', 0.01, 60)) c (equal, claim, measure, bar, quick)
    ON c.equal = (d.n1 = d.n2);

-- Power, where 5 % become 6 %, at the size that a single look needs for 80 %.
INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'experiment: ' || claim, 'share, 20 % more, at the plan' || CASE WHEN claim = 'once' THEN ', one look' ELSE ', any of 20 looks' END, 16316, 'power', bar, format('calibration.peek({seed}, ''share'', 8158, 8158, 0.2, %L)', claim), 1000, 12
FROM (VALUES ('once', 0.77), ('spending', 0.76)) c (claim, bar);

-- Six segments without an effect: is any claimed, and do they seem to differ?
CREATE FUNCTION calibration.in_segments(seed int, what text) RETURNS bool LANGUAGE sql STABLE AS $$
    WITH moments AS (
        SELECT i % 6 AS segment, i / 6 % 2 AS arm, count(*) AS n, avg(v) AS m, var_samp(v) AS s
        FROM generate_series(1, 12000) i, LATERAL (SELECT CASE WHEN calibration.uniform(seed, 311, i) < 0.2 THEN exp(calibration.normal(seed, 312, i) / 2) ELSE 0 END AS v) x GROUP BY 1, 2
    ), tests AS (
        SELECT t.* FROM moments c JOIN moments o USING (segment) CROSS JOIN LATERAL custseg.welch_test(c.n, c.m, c.s, o.n, o.m, o.s, 0.95, true) t WHERE c.arm = 0 AND o.arm = 1
    )
    SELECT CASE what WHEN 'holm' THEN (SELECT min(p) < 0.05 FROM unnest(custseg.holm(array_agg(p_value))) p)
        ELSE (SELECT h.p_value < 0.05 FROM custseg.heterogeneity(array_agg(difference), array_agg(larger_error)) h) END FROM tests
$$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
VALUES ('experiment: any of six segments', 'revenue, no effect, Holm', 12000, 'false alarm', 0.065, 'calibration.in_segments({seed}, ''holm'')', 2000, 40),
    ('experiment: segments differ', 'revenue, no effect', 12000, 'false alarm', 0.065, 'calibration.in_segments({seed}, ''differ'')', 2000, 40);

-- A whole experiment, of 1,680 customers an arm, enrolled in five parts and looked at after each.
CREATE TABLE calibration.decisions (key text PRIMARY KEY, verdict text);

CREATE FUNCTION calibration.decides(seed int, buys float8, basket float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    asked text := concat_ws(' ', seed, buys, basket);
    result text := (SELECT d.verdict FROM calibration.decisions d WHERE d.key = asked);
    name text := 'calibration ' || md5(asked);
BEGIN
    IF result IS NOT NULL THEN
        RETURN result;
    END IF;
    IF NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = 'calibration experiment') THEN
        PERFORM custseg.train('calibration experiment', 'SELECT i AS id, i % 3 * 10 + calibration.normal(1, 321, i) AS x FROM generate_series(1, 300) i', '{x}', k => 3, id => 'id');
    END IF;
    PERFORM custseg.create_experiment(name, 'calibration experiment', '["control", "offer"]',
        '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.04}, {"metric": "basket", "kind": "ratio", "role": "guardrail", "numerator": "revenue", "denominator": "orders", "relative_margin": 0.15}]', '{"n_control": 1680, "assignment": "blocked"}');
    FOR look IN 1 .. 5 LOOP
        PERFORM custseg.enroll(name, format('SELECT i AS id, i %% 3 * 10.0 AS x FROM generate_series(%s, %s) i', 672 * look - 671, 672 * look));
        SELECT l.verdict INTO result FROM custseg.look(name, format(
            'SELECT c.id, c.bought, c.bought::int AS orders, CASE WHEN c.bought THEN exp(calibration.normal(%s, 322, c.id) / 2) * (1 + v.arm * %s) ELSE 0 END AS revenue
             FROM custseg.enrolment e, LATERAL (SELECT (e.variant_number = 2)::int AS arm) v, LATERAL (SELECT e.customer::int AS id, calibration.uniform(%s, 323, e.customer::int) < 0.2 * (1 + v.arm * %s) AS bought) c
             WHERE e.experiment = %L',
            seed, basket, seed, buys, name), 'id') l;
        EXIT WHEN result <> 'keep running';
    END LOOP;
    PERFORM custseg.end_experiment(name);
    PERFORM custseg.drop_experiment(name);
    INSERT INTO calibration.decisions VALUES (asked, result);
    RETURN result;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'look: ' || verdict, data, 3360, measure, bar, format('calibration.decides({seed}, %s, %s) = %L', buys, basket, verdict), replicates, 4
FROM (VALUES ('launch', 'no effect', 'false alarm', 0.025, 0, 0, 2000), ('launch', '20 % more buy', 'power', 0.7, 0.2, 0, 400), ('stop', '20 % fewer buy', 'power', 0.99, -0.2, 0, 400), ('stop', '20 % more buy, baskets 40 % smaller', 'power', 0.97, 0.2, -0.4, 400)) e (verdict, data, measure, bar, buys, basket, replicates);
