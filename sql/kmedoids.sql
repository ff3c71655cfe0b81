-- k-medoids: agreement with R's package cluster 2.1.4 and with all subsets of rows, scoring, weights,
-- samples, degenerate data, the same model every time.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- off the grid, so that hardly two distances are the same
CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 + (i * i % 89) / 97::float8 AS x, i * 53 % 89 + (i * i * i % 79) / 83::float8 AS y,
    i * i % 23 + (i * 7 % 19) / 29::float8 AS z, i % 3 + 1 AS weight
FROM generate_series(1, 120) i;
ALTER TABLE points ADD PRIMARY KEY (id);

-- and on it, so that many are
CREATE TABLE grid AS
SELECT i AS id, i * i % 7 AS x, i * i * i % 5 AS y FROM generate_series(1, 60) i;
ALTER TABLE grid ADD PRIMARY KEY (id);

CREATE TABLE crowd AS
SELECT i AS id, i * 7919 % 1009 + (i * 31 % 97) / 89::float8 AS a, i * 6101 % 997 + (i * 17 % 83) / 101::float8 AS b,
    i * 3571 % 499 AS c, i * i % 787 AS d, i * 13 % 211 AS e, i % 4 + 0.5 AS weight
FROM generate_series(1, 6000) i;
ALTER TABLE crowd ADD PRIMARY KEY (id);

-- The customers who represent the segments: those at distance 0, the first one where several are equal.
CREATE FUNCTION medoids(m text, source text) RETURNS int[]
LANGUAGE sql AS $$
    SELECT array_agg(id ORDER BY id)
    FROM (SELECT min(id::int) AS id FROM custseg.score(m, source) WHERE distance = 0 GROUP BY segment) t
$$;

CREATE FUNCTION metric(m text, name text) RETURNS float8
LANGUAGE sql AS $$
    SELECT (metrics ->> name)::float8 FROM custseg.model_version WHERE model = m AND version = 1
$$;

-- Golden numbers: pam(dist(X, metric), k, diss = TRUE), its objective and id.med.  Segments as they are scored
-- have the sizes that they had in training.
CREATE FUNCTION agreement(metric text, k int, objective float8, medoids int[])
RETURNS TABLE (same_objective text, same_medoids bool, same_sizes bool, loss_is_total text, converged bool)
LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    t := custseg.train('agreement', 'points', '{x,y,z}', k, 'kmedoids', prep => '{"scale": "none"}',
        options => jsonb_build_object('metric', metric));
    RETURN QUERY SELECT agrees(metric('agreement', 'objective'), objective, 1e-13), medoids('agreement', 'points') = medoids,
        NOT EXISTS (SELECT segment, n FROM custseg.segment WHERE model = 'agreement'
            EXCEPT SELECT segment, count(*) FROM custseg.score('agreement', 'points') GROUP BY segment),
        (SELECT agrees(metric('agreement', 'loss'), sum(distance), 1e-13) FROM custseg.score('agreement', 'points')), t.converged;
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;
SELECT g.metric, k, a.*
FROM (VALUES
    (1, 'euclidean', 1, 36.9115711931613, '{105}'::int[]),
    (2, 'euclidean', 2, 28.2468902002381, '{58,95}'),
    (3, 'euclidean', 3, 22.5903306995025, '{13,58,81}'),
    (4, 'euclidean', 5, 17.7241799493205, '{2,13,55,105,118}'),
    (5, 'euclidean', 8, 14.5561721684421, '{3,35,36,44,46,59,72,105}'),
    (6, 'euclidean', 12, 11.8236286409731, '{3,12,20,35,36,44,46,59,95,97,105,106}'),
    (7, 'manhattan', 1, 52.2581223935914, '{105}'),
    (8, 'manhattan', 2, 40.0880015975741, '{21,58}'),
    (9, 'manhattan', 3, 32.8210559622065, '{13,58,59}'),
    (10, 'manhattan', 5, 26.2964235184606, '{55,59,97,117,118}'),
    (11, 'manhattan', 8, 21.2224840706587, '{3,16,32,35,44,56,58,97}'),
    (12, 'manhattan', 12, 17.7010257168025, '{3,12,18,20,35,44,46,58,59,83,95,106}')
) g (i, metric, k, objective, medoids), agreement(g.metric, k, objective, medoids) a
ORDER BY i;

-- where BUILD has to choose among equal candidates, the loss is not above pam's, which takes the last
CREATE TABLE tied AS
SELECT t, i AS id, (i * i * (CASE t WHEN 1 THEN 7 ELSE 5 END) + i) % (CASE t WHEN 1 THEN 7 ELSE 5 END) AS x,
    i * i * i * (CASE t WHEN 1 THEN 7 ELSE 5 END) % (CASE t WHEN 1 THEN 5 ELSE 3 END) AS y
FROM generate_series(1, 2) t, generate_series(1, CASE t WHEN 1 THEN 60 ELSE 40 END) i;
CREATE FUNCTION tied_loss(t int, k int, metric text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    result float8;
BEGIN
    PERFORM custseg.train('tied', format('SELECT * FROM tied WHERE t = %s', t), '{x,y}', k, 'kmedoids', id => 'id', prep => '{"scale": "none"}',
        options => jsonb_build_object('metric', metric));
    result := metric('tied', 'loss');
    PERFORM custseg.drop_model('tied', whole => true);
    RETURN result;
END
$$;
SELECT g.t, k, g.metric, agrees(tied_loss(g.t, k, g.metric), loss, 1e-13) AS loss
FROM (VALUES (1, 4, 'manhattan', 82), (1, 5, 'manhattan', 71), (2, 4, 'manhattan', 32), (2, 4, 'euclidean', 30.2426406871193)) g (t, k, metric, loss);

-- All subsets: no swap of a medoid for a row lowers the loss, weighted or not, and the loss is hardly
-- above the lowest of all.
CREATE TABLE few AS
SELECT t, i AS id, (i * (37 + 2 * t) + t * t) % 101 / 10.0::float8 AS x, (i * i * (7 + t) + 5 * t) % 97 / 10.0::float8 AS y,
    (i * t) % 4 + 1 AS weight
FROM generate_series(1, 8) t, generate_series(1, 11) i;
CREATE FUNCTION search(t int, k int, weight text)
RETURNS TABLE (loss float8, lowest float8, lowest_by_swap float8)
LANGUAGE plpgsql AS $$
DECLARE
    source text := format('SELECT id, x, y, weight FROM few WHERE t = %s', t);
    medoids int[];
BEGIN
    PERFORM custseg.train('search', source, '{x,y}', k, 'kmedoids', id => 'id', prep => '{"scale": "none"}',
        options => jsonb_build_object('weight', weight));
    loss := metric('search', 'loss');
    medoids := medoids('search', source);
    WITH RECURSIVE subset AS (
        SELECT '{}'::int[] AS ids
        UNION ALL
        SELECT ids || f.id FROM subset, few f
        WHERE f.t = search.t AND f.id > coalesce(ids[cardinality(ids)], 0) AND cardinality(ids) < k
    ), measured AS (
        SELECT ids, (SELECT sum(CASE WHEN search.weight IS NULL THEN 1 ELSE r.weight END *
                (SELECT min(sqrt((r.x - m.x) ^ 2 + (r.y - m.y) ^ 2)) FROM few m WHERE m.t = search.t AND m.id = ANY (ids)))
            FROM few r WHERE r.t = search.t) AS loss
        FROM subset WHERE cardinality(ids) = k
    )
    SELECT min(m.loss), min(m.loss) FILTER (WHERE (SELECT count(*) FROM unnest(ids) i WHERE i = ANY (medoids)) >= k - 1)
    INTO lowest, lowest_by_swap FROM measured m;
    PERFORM custseg.drop_model('search', whole => true);
    RETURN NEXT;
END
$$;
SELECT k, weight, count(*) AS searches, count(*) FILTER (WHERE abs(loss / lowest_by_swap - 1) < 1e-12) AS no_better_swap,
    count(*) FILTER (WHERE abs(loss / lowest - 1) < 1e-12) AS lowest_of_all, round(max(loss / lowest - 1)::numeric, 4) AS worst
FROM generate_series(1, 4) k, unnest('{null,weight}'::text[]) weight, generate_series(1, 8) t, search(t, k, nullif(weight, 'null'))
GROUP BY k, weight ORDER BY k, weight COLLATE "C";

-- what a version holds: the medoid is the center, standardized here; the customer's own row is that at
-- distance 0
SELECT n_rows, n_segments, iterations, converged FROM custseg.train('points', 'points', '{x,y,z}', 3, 'kmedoids');
SELECT parameters, options, note,
    agrees(metric('points', 'objective'), metric('points', 'mean_distance')) AS same,
    agrees(metric('points', 'loss'), metric('points', 'objective') * 120) AS total
FROM custseg.model_version WHERE model = 'points';
SELECT s.segment, s.n, p.id, round(p.x::numeric, 4) AS x, round(p.y::numeric, 4) AS y, round(p.z::numeric, 4) AS z,
    agrees(s.center[1], (p.x - avg) / stddev_pop) AS first_column, agrees(s.mean_distance, mean) AS mean_distance
FROM custseg.segment s
JOIN custseg.score('points') c ON c.segment = s.segment AND c.distance = 0
JOIN points p ON p.id = c.id::int,
    LATERAL (SELECT avg(distance) AS mean FROM custseg.score('points') o WHERE o.segment = s.segment) m,
    (SELECT avg(x), stddev_pop(x) FROM points) a
WHERE s.model = 'points'
ORDER BY s.segment;
-- inertia is about the medoids
SELECT agrees(metric('points', 'inertia'), sum(distance ^ 2)) AS inertia FROM custseg.score('points');

-- scoring by the same metric, and why
SELECT n_segments FROM custseg.train('near', 'points', '{x,y,z}', 4, 'kmedoids', prep => '{"scale": "none"}', options => '{"metric": "manhattan"}');
SELECT parameters FROM custseg.model_version WHERE model = 'near';
SELECT bool_and(d.segment = n.segment) AS nearest, string_agg(DISTINCT agrees(d.distance, n.distance), ' ') AS distance,
    string_agg(DISTINCT agrees(d.confidence, 1 - n.distance / n.second), ' ') AS confidence,
    bool_and(d.runner_up = n.runner_up) AS runner_up, bool_and(abs(n.share - d.memberships[d.segment]) < 1e-12) AS membership,
    bool_and(abs((SELECT sum(m) FROM unnest(d.memberships) m) - 1) < 1e-12) AS sum_is_one
FROM points p, LATERAL custseg.predict_detail('near', p) d, LATERAL (
    SELECT (array_agg(segment ORDER BY distance))[1] AS segment, (array_agg(segment ORDER BY distance))[2] AS runner_up,
        min(distance) AS distance, (array_agg(distance ORDER BY distance))[2] AS second,
        1 / sum(CASE WHEN distance = nearest THEN 1 ELSE (nearest / distance) ^ 2 END) AS share
    FROM (
        SELECT segment, abs(p.x - center[1]) + abs(p.y - center[2]) + abs(p.z - center[3]) AS distance,
            min(abs(p.x - center[1]) + abs(p.y - center[2]) + abs(p.z - center[3])) OVER () AS nearest
        FROM custseg.segment WHERE model = 'near'
    ) s
) n;
-- contributions are shares of how much farther off the runner-up is
SELECT p.id, count(*), round(sum(contribution)::numeric, 9) AS sum,
    string_agg(DISTINCT agrees(contribution * CASE speaks_for WHEN e.segment THEN 1 ELSE -1 END,
        (abs(value::float8 - r.center[i]) - abs(value::float8 - s.center[i])) / total, 1e-9), ' ') AS shares
FROM points p, LATERAL custseg.predict_detail('near', p) d,
    LATERAL (SELECT e.*, CASE feature WHEN 'x' THEN 1 WHEN 'y' THEN 2 ELSE 3 END AS i FROM custseg.explain('near', p) e) e,
    custseg.segment s, custseg.segment r,
    LATERAL (SELECT sum(abs(abs(v - r.center[j]) - abs(v - s.center[j]))) AS total
        FROM unnest(ARRAY[p.x, p.y, p.z]::float8[]) WITH ORDINALITY u (v, j)) parts
WHERE p.id IN (1, 2, 3) AND s.model = 'near' AND r.model = 'near' AND s.segment = d.segment AND r.segment = d.runner_up
GROUP BY p.id ORDER BY p.id;
-- a compiled model is the same whichever way it came, and one that was forged does not get in
SELECT count(*) FILTER (WHERE custseg.predict(custseg.scorer('near')::text::custseg.compiled_model, p) IS DISTINCT FROM custseg.predict('near', p)) AS different
FROM points p;
SELECT p, outcome(format('SELECT custseg.predict(%L::custseg.compiled_model, ''{"x": 2, "y": 3, "z": 4}''::jsonb) > 0',
    jsonb_set(custseg.scorer('near')::text::jsonb, '{parameters,minkowski_p}', p::jsonb)))
FROM unnest('{1,2,3,0,"\"1\"",null}'::text[]) p;
SELECT custseg.drop_model('points', whole => true), custseg.drop_model('near', whole => true);

-- ties: rows as near to two medoids are in the segment that scoring gives
CREATE FUNCTION ties(k int, metric text) RETURNS TABLE (n_segments int, same_sizes bool, ties int)
LANGUAGE plpgsql AS $$
BEGIN
    n_segments := t.n_segments FROM custseg.train('ties', 'grid', '{x,y}', k, 'kmedoids', prep => '{"scale": "none"}',
        options => jsonb_build_object('metric', metric)) t;
    same_sizes := NOT EXISTS (SELECT segment, n FROM custseg.segment WHERE model = 'ties'
        EXCEPT SELECT segment, count(*) FROM custseg.score('ties') GROUP BY segment);
    ties := count(*) FROM grid g, custseg.predict_detail('ties', g) d WHERE d.confidence = 0;
    PERFORM custseg.drop_model('ties', whole => true);
    RETURN NEXT;
END
$$;
SELECT k, metric, t.* FROM unnest('{euclidean,manhattan}'::text[]) metric, generate_series(1, 7) k, ties(k, metric) t ORDER BY metric, k;

-- Weights are multiplicities: the medoids and the loss are those of rows written out as often.
CREATE FUNCTION fit(source text, k int, options jsonb DEFAULT '{}', features text[] DEFAULT '{x,y,z}')
RETURNS TABLE (loss float8, centers text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('fit', source, features, k, 'kmedoids', prep => '{"scale": "none"}', options => options);
    loss := metric('fit', 'loss');
    centers := string_agg(center::text, ' ' ORDER BY center) FROM custseg.segment WHERE model = 'fit';
    PERFORM custseg.drop_model('fit', whole => true);
    RETURN NEXT;
END
$$;
SELECT k, metric, agrees(w.loss, r.loss), w.centers = r.centers AS same_medoids, w.centers <> u.centers AS matters
FROM unnest('{euclidean,manhattan}'::text[]) metric, generate_series(1, 5) k,
    fit('points', k, jsonb_build_object('metric', metric, 'weight', 'weight')) w,
    fit('SELECT p.* FROM points p, generate_series(1, weight)', k, jsonb_build_object('metric', metric)) r,
    fit('points', k, jsonb_build_object('metric', metric)) u
ORDER BY metric, k;
-- a weight of 0 leaves a row out
SELECT agrees(w.loss, r.loss, 0), w.centers = r.centers AS same_medoids
FROM fit('SELECT *, id % 3 AS w FROM points', 4, '{"weight": "w"}') w, fit('SELECT *, id % 3 AS w FROM points WHERE id % 3 > 0', 4, '{"weight": "w"}') r;

-- Other units, another order: a power of two changes no bit but the exponent, the order of rows only
-- how sums are rounded.
SELECT k, agrees(m.loss, 4 * p.loss, 0) AS scaled, agrees(o.loss, p.loss, 1e-13) AS ordered, o.centers = p.centers AS same_medoids,
    agrees(f.loss, p.loss, 1e-13) AS columns
FROM generate_series(1, 6) k, fit('points', k) p, fit('SELECT id, 4 * x AS x, 4 * y AS y, 4 * z AS z FROM points', k) m,
    fit('SELECT * FROM points ORDER BY id * 7 % 120', k) o, fit('points', k, features => '{z,x,y}') f
ORDER BY k;

-- samples: more rows than sample_size
SELECT n_rows, n_segments, converged FROM custseg.train('sampled', 'crowd', '{a,b,c}', 4, 'kmedoids', options => '{"sample_size": 500, "samples": 3}');
SELECT note, agrees(metric('sampled', 'loss'), (SELECT sum(distance) FROM custseg.score('sampled'))) AS loss,
    cardinality(medoids('sampled', 'crowd')) AS medoids
FROM custseg.model_version WHERE model = 'sampled';
SELECT count(*) AS other_sizes FROM (
    SELECT segment, n FROM custseg.segment WHERE model = 'sampled' EXCEPT SELECT segment, count(*) FROM custseg.score('sampled') GROUP BY segment) t;
SELECT custseg.drop_model('sampled', whole => true);
-- nearly what all pairs give, and more samples are never worse
SET client_min_messages = warning;
SELECT metric, k, round((s.loss / w.loss - 1)::numeric, 2) AS excess, m.loss <= s.loss AS never_worse
FROM unnest('{euclidean,manhattan}'::text[]) metric, unnest('{1,3,6}'::int[]) k,
    fit('SELECT * FROM crowd WHERE id <= 1200', k, jsonb_build_object('metric', metric, 'weight', 'weight'), '{a,b,c}') w,
    fit('SELECT * FROM crowd WHERE id <= 1200', k, jsonb_build_object('metric', metric, 'weight', 'weight', 'sample_size', 200), '{a,b,c}') s,
    fit('SELECT * FROM crowd WHERE id <= 1200', k, jsonb_build_object('metric', metric, 'weight', 'weight', 'sample_size', 200, 'samples', 10), '{a,b,c}') m
ORDER BY metric, k;

-- the same for any number of workers
CREATE TABLE prints (workers int, what text, print text, loss float8);
CREATE FUNCTION take_prints(workers int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    o text;
BEGIN
    PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
    FOREACH o IN ARRAY ARRAY['{"sample_size": 500, "samples": 2}', '{"sample_size": 500, "samples": 2, "metric": "manhattan", "weight": "weight"}'] LOOP
        PERFORM custseg.train('printed', 'crowd', '{a,b,c,d,e}', 5, 'kmedoids', options => o::jsonb);
        INSERT INTO prints VALUES (workers, o, fingerprint('printed'), metric('printed', 'loss'));
        PERFORM custseg.drop_model('printed', whole => true);
    END LOOP;
END
$$;
SELECT take_prints(0), take_prints(1), take_prints(2), take_prints(4);
RESET client_min_messages;
SELECT count(*) AS models, count(DISTINCT (what, print, loss)) AS different FROM prints;

-- it can be taken back
BEGIN;
SELECT n_segments FROM custseg.train('undone', 'points', '{x,y}', 2, 'kmedoids');
ROLLBACK;
SELECT count(*) FROM custseg.model WHERE name = 'undone';

-- whatever judges takes it
SELECT n_segments FROM custseg.train('chosen', 'points', '{x,y}', algorithm => 'kmedoids');
SELECT k, round(silhouette::numeric, 4) AS silhouette, round(inertia::numeric, 4) AS inertia, votes, recommended
FROM custseg.choose_k('points', '{x,y}', 2, 4, 'kmedoids');
SELECT algorithm, n_segments, round(silhouette::numeric, 4) AS silhouette, round(stability::numeric, 4) AS stability, reason
FROM custseg.compare('points', '{x,y}', 3, '{kmedoids,kmeans}', options => '{"kmedoids": {"metric": "manhattan"}}');
SELECT segment, n, round(jaccard::numeric, 4) AS jaccard FROM custseg.stability('points', '{x,y}', 3, 20, 'kmedoids');
SELECT count(*), bool_and(silhouette BETWEEN -1 AND 1) FROM custseg.silhouette('chosen', 'points');
SELECT agrees(result, metric('chosen', 'inertia') / 120) AS inertia FROM custseg.evaluate('chosen', 'points') WHERE metric = 'inertia_per_row';
SELECT custseg.drop_model('chosen', whole => true);

-- degenerate data
CREATE FUNCTION segments(source text, features text[], k int, options jsonb DEFAULT '{}', prep jsonb DEFAULT '{"scale": "none"}')
RETURNS TABLE (sizes bigint[], centers text, loss numeric, inertia numeric)
LANGUAGE plpgsql AS $$
BEGIN
    inertia := round(t.inertia::numeric, 4) FROM custseg.train('segments', source, features, k, 'kmedoids', prep => prep, options => options) t;
    sizes := array_agg(n ORDER BY segment) FROM custseg.segment WHERE model = 'segments';
    centers := string_agg(center::text, ' ' ORDER BY segment) FROM custseg.segment WHERE model = 'segments';
    loss := round(metric('segments', 'loss')::numeric, 4);
    PERFORM custseg.drop_model('segments', whole => true);
    RETURN NEXT;
END
$$;
-- one row; two equal rows; all equal but one, whether or not a sample has that one; two rows
SELECT * FROM segments('VALUES (1)', '{column1}', 1);
SELECT * FROM segments('VALUES (1, 2), (1, 2)', '{column1,column2}', 2);
SELECT * FROM segments('SELECT CASE i WHEN 7 THEN 2 ELSE 0.1 END AS x FROM generate_series(1, 1500) i', '{x}', 4);
SELECT * FROM segments('SELECT CASE i WHEN 7 THEN 2 ELSE 0.1 END AS x FROM generate_series(1, 1500) i', '{x}', 4, '{"sample_size": 20}');
SELECT * FROM segments('VALUES (1), (2)', '{column1}', 2);
-- one feature: of an even number of rows the lower one in the middle; k = n
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 1);
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 2);
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 6);
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 6, '{"metric": "manhattan"}');
-- a row as near to two medoids goes to the larger segment; duplicates stay together
SELECT * FROM segments('VALUES (0), (0), (2), (4), (4), (4)', '{column1}', 2);
SELECT * FROM segments('SELECT i % 3 AS x, i % 2 AS y FROM generate_series(1, 600) i', '{x,y}', 6);
-- rows far away do not pull a medoid
SELECT * FROM segments('SELECT CASE i WHEN 50 THEN 1e12 ELSE i END AS x FROM generate_series(1, 50) i', '{x}', 1);
SELECT * FROM segments('SELECT CASE i WHEN 50 THEN 1e12 WHEN 51 THEN -1e12 ELSE i END AS x FROM generate_series(1, 51) i', '{x}', 3);

-- errors
CREATE FUNCTION training(source text, k int, options jsonb DEFAULT '{}', prep jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$
    SELECT fails(format('SELECT custseg.train(%L, %L, %L, %s, %L, prep => %L, options => %L)', 'bad', source, '{x}', k, 'kmedoids', prep, options))
$$;
SELECT training('points', 3, '{"metric": "cosine"}');
SELECT training('points', 3, '{"metric": 1}');
SELECT training('points', 3, '{"samples": 0}');
SELECT training('points', 3, '{"sample_size": 1}');
SELECT training('points', 3, '{"sample_size": 30001}');
SELECT training('points', 3, '{"max_iter": 0}');
SELECT training('points', 3, '{"n_init": 3}');
SELECT training('points', 0);
SELECT training('points', 10001);
SELECT training('points', 121);
SELECT training('points', 21, '{"sample_size": 20}');
SELECT training('points', 3, '{"weight": "w"}');
SELECT training('SELECT i * 1e152 AS x FROM generate_series(1, 300) i', 2, prep => '{"scale": "none"}');
SELECT training('SELECT i AS x, 1e305 AS w FROM generate_series(1, 3000) i', 2, '{"weight": "w", "sample_size": 100}', '{"scale": "none"}');
SELECT training('SELECT nullif(i, 1) / 0.0 AS x FROM generate_series(1, 3) i', 2);
-- swaps that do not come to an end
SELECT n_segments, iterations, converged FROM custseg.train('short', 'points', '{x,y,z}', 5, 'kmedoids', options => '{"max_iter": 1}');
SELECT custseg.drop_model('short', whole => true);
-- distances of 1,100 rows: too many for the memory, enough of it, and fewer of them
SET maintenance_work_mem = '8MB';
SELECT training('SELECT a AS x FROM crowd LIMIT 1100', 3);
SET maintenance_work_mem = '12MB';
SELECT training('SELECT a AS x FROM crowd LIMIT 1100', 3, '{"silhouette_sample": 0}');
SELECT custseg.drop_model('bad', whole => true);
SET maintenance_work_mem = '2MB';
SELECT training('SELECT a AS x FROM crowd LIMIT 1100', 3, '{"silhouette_sample": 0, "sample_size": 200}');
RESET maintenance_work_mem;
SELECT custseg.drop_model('bad', whole => true);

DROP FUNCTION medoids, metric, agreement, search, ties, fit, take_prints, segments, training;
DROP TABLE points, grid, crowd, few, prints, tied;
\i :root/test/clean.sql
