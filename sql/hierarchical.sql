-- Hierarchical clustering: agreement with SciPy 1.10.1, weights, micro-clusters, degenerate data.

\set SHOW_CONTEXT never

CREATE TABLE seven (id int PRIMARY KEY, x float8, y float8);
INSERT INTO seven VALUES (1, 1, 2), (2, 1, 4), (3, 1.5, 0), (4, 10, 2.2), (5, 10, 4.5), (6, 10.5, 0.1), (7, 30, 3);

-- off the grid, so that hardly two distances are the same
CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 + (i * i % 89) / 97::float8 AS x, i * 53 % 89 + (i * i * i % 79) / 83::float8 AS y,
    i * i % 23 + (i * 7 % 19) / 29::float8 AS z, i % 3 + 1 AS weight, i % 3 + 0.25 AS another_weight
FROM generate_series(1, 120) i;
ALTER TABLE points ADD PRIMARY KEY (id);

CREATE TABLE crowd AS
SELECT i AS id, i * 7919 % 1009 AS a, i * 6101 % 997 AS b, i * 3571 % 499 AS c, i * i % 787 AS d, i * 13 % 211 AS e
FROM generate_series(1, 3400) i;

-- enough for two workers, and for scans that they share
DO $$
BEGIN
    EXECUTE (SELECT 'CREATE TABLE wide AS SELECT ' || string_agg(format('i * %s %% 1009 AS c%s', 37 * j + 11, j), ', ')
        || ' FROM generate_series(1, 1250) i' FROM generate_series(1, 80) j);
END
$$;

-- the table of merges: scipy.cluster.hierarchy.linkage(X, method)
SELECT linkage, step, cluster_a, cluster_b, round(height::numeric, 8) AS height, n
FROM unnest('{ward,complete,average,single}'::text[]) WITH ORDINALITY l (linkage, i),
    custseg.dendrogram('seven', '{x,y}', linkage, prep => '{"scale": "none"}')
ORDER BY i, step;

-- Labels, one for each leaf, of a cut through a table of merges: clusters are named by the highest
-- one that a leaf is in, and numbered by their first leaf.
CREATE FUNCTION cut(source text, features text[], linkage text, k int, options jsonb DEFAULT '{}')
RETURNS TABLE (leaf int, label bigint)
LANGUAGE sql AS $$
    WITH RECURSIVE merge AS (
        SELECT * FROM custseg.dendrogram(source, features, linkage, prep => '{"scale": "none"}', options => options)
    ), leaves AS (
        SELECT max(step)::int + 1 AS n FROM merge
    ), made AS (
        SELECT c.child, (l.n + m.step - 1) AS parent
        FROM merge m, leaves l, unnest(ARRAY[cluster_a, cluster_b]) c (child)
        WHERE m.step <= l.n - k
    ), climb AS (
        SELECT i AS leaf, i AS cluster FROM leaves, generate_series(0, n - 1) i
        UNION ALL
        SELECT c.leaf, m.parent FROM climb c JOIN made m ON m.child = c.cluster
    ), top AS (
        SELECT leaf, max(cluster) AS cluster FROM climb GROUP BY leaf
    )
    SELECT leaf, dense_rank() OVER (ORDER BY first) FROM (
        SELECT leaf, min(leaf) OVER (PARTITION BY cluster) AS first FROM top
    ) t
$$;

-- Heights added up, a cut, and a model of as many segments, beside linkage() and
-- fcluster(criterion='maxclust') of 120 points; cophenet() correlated with pdist().
CREATE FUNCTION agreement(linkage text, k int, heights float8, merge_height float8, next_merge_height float8,
    cophenetic_correlation float8, inertia float8, labels text)
RETURNS TABLE (same_heights bool, same_labels bool, same_model bool, same_metrics bool)
LANGUAGE plpgsql AS $$
DECLARE
    t record;
    m jsonb;
BEGIN
    t := custseg.train('agreement', 'points', '{x,y,z}', k, 'hierarchical', prep => '{"scale": "none"}',
        options => jsonb_build_object('linkage', linkage));
    m := metrics FROM custseg.model_version WHERE model = 'agreement';
    RETURN QUERY SELECT
        (SELECT abs(sum(d.height) / heights - 1) < 1e-12
         FROM custseg.dendrogram('points', '{x,y,z}', linkage, prep => '{"scale": "none"}') d),
        (SELECT string_agg(c.label::text, '' ORDER BY c.leaf) = labels FROM cut('points', '{x,y,z}', linkage, k) c),
        t.n_segments = k AND t.converged AND abs(t.inertia / inertia - 1) < 1e-12 AND
            (SELECT array_agg(s.n ORDER BY s.n) FROM custseg.segment s WHERE s.model = 'agreement') =
            (SELECT array_agg(c.n ORDER BY c.n) FROM (SELECT count(*) AS n FROM regexp_split_to_table(labels, '') l GROUP BY l) c),
        abs((m ->> 'merge_height')::float8 / merge_height - 1) < 1e-12 AND
            abs((m ->> 'next_merge_height')::float8 / next_merge_height - 1) < 1e-12 AND
            abs((m ->> 'cophenetic_correlation')::float8 / cophenetic_correlation - 1) < 1e-12;
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;

SELECT * FROM agreement('ward', 3, heights => 3278.8994756575285, merge_height => 237.23452685821314,
    next_merge_height => 246.61660271649296, cophenetic_correlation => 0.6262742480833337, inertia => 80199.12420308182, labels =>
        '12132132321323223221231212213232132322323323221221211213213232132322323123121221'
        '2132132322323123221231212213212132132322');
SELECT * FROM agreement('ward', 8, heights => 3278.8994756575285, merge_height => 69.11278023694466,
    next_merge_height => 84.96632729236012, cophenetic_correlation => 0.6262742480833337, inertia => 29865.39617984194, labels =>
        '12345145461457654823871238214542145725467457623823231234514546145765487387123821'
        '2342145725467354623873238234512146145765');
SELECT * FROM agreement('complete', 3, heights => 2290.800701098207, merge_height => 88.06906778166748,
    next_merge_height => 97.91378989587274, cophenetic_correlation => 0.630423671205477, inertia => 76304.50263701913, labels =>
        '12123123231231131321311212212322123123131231121321211212312323123113131131121221'
        '2122123123131131121311211212312123123133');
SELECT * FROM agreement('complete', 8, heights => 2290.800701098207, merge_height => 46.14866589084931,
    next_merge_height => 51.302811002977, cophenetic_correlation => 0.630423671205477, inertia => 29299.66284732968, labels =>
        '12345367453678178721781234214546345867858678123723231234516745367817878178123421'
        '2342345867858178123783231234516345367857');
SELECT * FROM agreement('average', 3, heights => 1695.536076302766, merge_height => 47.457170398448234,
    next_merge_height => 51.95136650314041, cophenetic_correlation => 0.6414948666689888, inertia => 78882.11267910758, labels =>
        '12113123131131321321211211212312113123131121321321211211312313113132131121121121'
        '2112113122131121321211211211312113113132');
SELECT * FROM agreement('average', 8, heights => 1695.536076302766, merge_height => 30.734412437661323,
    next_merge_height => 31.866381041993446, cophenetic_correlation => 0.6414948666689888, inertia => 28848.996561585664, labels =>
        '12314324153647587583871831232412314724657687583523831231432415364758657387183123'
        '2312314728657387583873831231432315364758');
SELECT * FROM agreement('single', 3, heights => 1111.8271122657573, merge_height => 13.400054381321729,
    next_merge_height => 13.658811417311401, cophenetic_correlation => 0.30198119810739044, inertia => 177052.1576524231, labels =>
        '11111111111111111121111111111111111111111311111111111111111111111111111111111111'
        '1111111111111111121111111111111111111111');
SELECT * FROM agreement('single', 8, heights => 1111.8271122657573, merge_height => 12.73687744854177,
    next_merge_height => 12.760803395143563, cophenetic_correlation => 0.30198119810739044, inertia => 157742.2077975644, labels =>
        '11111112111111314151111111111111111112131611111111111111111211111111111171111111'
        '1111111111111114151181111111111111111131');

-- standardized by default, and another seed or order of features changes nothing
SELECT count(*), count(DISTINCT round(height::numeric, 9))
FROM unnest('{"{x,y,z}","{z,x,y}"}'::text[]) f,
    custseg.dendrogram('points', f::text[], options => jsonb_build_object('seed', length(f)))
WHERE step > 110;

-- Weights are multiplicities for ward and average: rows written out as often as their weight merge
-- at height 0 first, and then as one row of that weight does.  For complete and single they are none.
SELECT linkage, bool_and(abs(w.height / r.height - 1) < 1e-12) AS same_heights, bool_and(w.n <= r.n) AS rows_counted
FROM unnest('{ward,complete,average,single}'::text[]) WITH ORDINALITY l (linkage, i)
CROSS JOIN LATERAL custseg.dendrogram('points', '{x,y,z}', linkage, options => '{"weight": "weight"}', prep => '{"scale": "none"}') w
JOIN LATERAL custseg.dendrogram('SELECT * FROM points, generate_series(1, weight)', '{x,y,z}', linkage, prep => '{"scale": "none"}') r
    ON r.step = w.step + 120
GROUP BY i, linkage ORDER BY i;
SELECT linkage, sum(w.height) = sum(u.height) AS no_influence
FROM unnest('{ward,complete,average,single}'::text[]) WITH ORDINALITY l (linkage, i)
CROSS JOIN LATERAL custseg.dendrogram('points', '{x,y,z}', linkage, options => '{"weight": "another_weight"}') w
JOIN LATERAL custseg.dendrogram('points', '{x,y,z}', linkage) u ON u.step = w.step
GROUP BY i, linkage ORDER BY i;

-- the same for any number of workers, scans shared among them or not
CREATE TABLE prints (workers int, what text, print text);
CREATE FUNCTION take_prints(workers int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
    INSERT INTO prints
    SELECT workers, linkage || o.options, md5(string_agg(d::text, ';' ORDER BY d.step))
    FROM unnest('{ward,single,average,complete}'::text[]) linkage,
        (VALUES ('{}'), ('{"max_rows": 500, "micro_clusters": 60}')) o (options),
        custseg.dendrogram('wide', linkage => linkage, options => o.options::jsonb) d
    GROUP BY linkage, o.options;
END
$$;
SET client_min_messages = warning;
SELECT take_prints(0), take_prints(1), take_prints(2), take_prints(4);
RESET client_min_messages;
SELECT count(*) AS trees, count(DISTINCT (what, print)) AS different FROM prints;

-- above max_rows: micro-clusters stand for the rows, and the version says so
SELECT n_rows, n_segments FROM custseg.train('micro', 'points', '{x,y,z}', 4, 'hierarchical', options => '{"max_rows": 100, "micro_clusters": 30}');
SELECT algorithm, note, options, iterations FROM custseg.model_version WHERE model = 'micro';
SELECT count(*), sum(n) FROM custseg.segment WHERE model = 'micro';
SELECT count(*) AS merges, max(cluster_b) AS highest, max(n) AS rows
FROM custseg.dendrogram('points', '{x,y,z}', options => '{"max_rows": 100, "micro_clusters": 30}');
-- from a sample of the rows, with weights; every linkage
SELECT linkage, max(n) AS rows, count(*) AS merges
FROM unnest('{ward,complete,average,single}'::text[]) linkage,
    custseg.dendrogram('SELECT *, a + 0.5 AS weight FROM crowd', '{a,b,c}', linkage, options => '{"max_rows": 50, "micro_clusters": 20, "weight": "weight"}')
GROUP BY linkage ORDER BY linkage COLLATE "C";
-- nearly what the whole tree gives
SELECT custseg.drop_model('micro', whole => true);
SELECT whole.inertia / micro.inertia > 0.9 AS close
FROM custseg.train('whole', 'crowd', '{a,b,c}', 5, 'hierarchical', options => '{"silhouette_sample": 0}') whole,
    custseg.train('micro', 'crowd', '{a,b,c}', 5, 'hierarchical', options => '{"silhouette_sample": 0, "max_rows": 1000, "micro_clusters": 200}') micro;

SELECT custseg.drop_model('whole', whole => true), custseg.drop_model('micro', whole => true);

-- scoring: the nearest centroid, which is not always the segment that a row was put into
SELECT n_segments FROM custseg.train('single', 'points', '{x,y,z}', 3, 'hierarchical', prep => '{"scale": "none"}', options => '{"linkage": "single"}');
SELECT s.segment, s.n AS trained, count(p) AS scored, bool_and(p.nearest) AS nearest
FROM custseg.segment s
LEFT JOIN (
    SELECT d.segment, abs(d.distance - (
        SELECT min(sqrt((p.x - c.center[1]) ^ 2 + (p.y - c.center[2]) ^ 2 + (p.z - c.center[3]) ^ 2))
        FROM custseg.segment c WHERE c.model = 'single')) < 1e-9 AS nearest
    FROM points p, custseg.predict_detail('single', p) d
) p USING (segment)
WHERE s.model = 'single'
GROUP BY s.segment, s.n
ORDER BY s.segment;
SELECT custseg.drop_model('single', whole => true);

-- k left out
SELECT n_segments FROM custseg.train('chosen', 'seven', '{x,y}', algorithm => 'hierarchical');
SELECT custseg.drop_model('chosen', whole => true);

-- degenerate data
CREATE FUNCTION segments(source text, features text[], k int, prep jsonb DEFAULT '{"scale": "none"}')
RETURNS TABLE (linkage text, sizes bigint[], inertia numeric, merge_height numeric, next_merge_height numeric, cophenetic numeric)
LANGUAGE plpgsql AS $$
BEGIN
    FOREACH linkage IN ARRAY '{ward,complete,average,single}'::text[] LOOP
        SELECT round(t.inertia::numeric, 4) INTO inertia
        FROM custseg.train('segments', source, features, k, 'hierarchical', prep => prep, options => jsonb_build_object('linkage', linkage)) t;
        sizes := array_agg(n ORDER BY segment) FROM custseg.segment WHERE model = 'segments';
        SELECT round((metrics ->> 'merge_height')::numeric, 4), round((metrics ->> 'next_merge_height')::numeric, 4),
            round((metrics ->> 'cophenetic_correlation')::numeric, 4)
        INTO merge_height, next_merge_height, cophenetic
        FROM custseg.model_version WHERE model = 'segments';
        PERFORM custseg.drop_model('segments', whole => true);
        RETURN NEXT;
    END LOOP;
END
$$;
-- one row; two equal rows; all equal: columns that are constant are no features
SELECT * FROM segments('VALUES (1)', '{column1}', 1);
SELECT * FROM segments('VALUES (1, 2), (1, 2)', '{column1,column2}', 2);
-- all equal but one; two rows
SELECT * FROM segments('SELECT CASE i WHEN 7 THEN 2 ELSE 0.1 END AS x FROM generate_series(1, 2500) i', '{x}', 4);
SELECT * FROM segments('VALUES (1), (2)', '{column1}', 2);
-- one feature; k = n
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 2);
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 6);
SELECT * FROM segments('VALUES (1), (2), (4), (8), (16), (32)', '{column1}', 1);
-- duplicates stay together
SELECT * FROM segments('SELECT i % 3 * 0.1 AS x, i % 3 / 7.0 AS y FROM generate_series(1, 50) i', '{x,y}', 5);
-- steps that differ by rounding only: so do the heights of single linkage, with which nothing correlates
SELECT * FROM segments('SELECT i * 0.1::float8 AS x FROM generate_series(1, 20) i', '{x}', 2);
-- outliers at 1e12
SELECT * FROM segments('SELECT CASE i WHEN 50 THEN 1e12 WHEN 51 THEN -1e12 ELSE i END AS x FROM generate_series(1, 51) i', '{x}', 3);
-- 10,000 rows on a line
SELECT linkage, count(*), round(max(height)::numeric, 4) AS height
FROM unnest('{ward,single}'::text[]) linkage,
    custseg.dendrogram('SELECT i AS x FROM generate_series(1, 10000) i', '{x}', linkage, prep => '{"scale": "none"}')
GROUP BY linkage;

-- errors
SELECT * FROM custseg.dendrogram(NULL);
SELECT * FROM custseg.dendrogram('points', linkage => NULL);
SELECT * FROM custseg.dendrogram('points', linkage => 'centroid');
SELECT * FROM custseg.dendrogram('points', options => '{"linkage": "single"}');
SELECT * FROM custseg.dendrogram('points', options => '{"max_rows": 1}');
SELECT * FROM custseg.dendrogram('points', options => '{"max_rows": 100001}');
SELECT * FROM custseg.dendrogram('points', options => '{"micro_clusters": 10001}');
SELECT * FROM custseg.train('bad', 'points', '{x}', 3, 'hierarchical', options => '{"linkage": "centroid"}');
SELECT * FROM custseg.train('bad', 'points', '{x}', 3, 'hierarchical', options => '{"n_init": 3}');
SELECT * FROM custseg.train('bad', 'points', '{x}', 121, 'hierarchical');
SELECT * FROM custseg.train('bad', 'points', '{x}', 10001, 'hierarchical');
SELECT * FROM custseg.train('bad', 'points', '{x}', 21, 'hierarchical', options => '{"max_rows": 100, "micro_clusters": 20}');
SELECT * FROM custseg.train('bad', 'SELECT i * 1e150 AS x FROM generate_series(1, 300) i', '{x}', 2, 'hierarchical', prep => '{"scale": "none"}');
SELECT * FROM custseg.train('bad', 'SELECT i AS x, 1e152 AS w FROM generate_series(1, 300) i', '{x}', 2, 'hierarchical', options => '{"weight": "w"}');
-- all distances of 3,000 rows: too many for the memory, enough of it, and none needed
SET maintenance_work_mem = '4MB';
SELECT * FROM custseg.train('bad', 'crowd', '{a,b}', 3, 'hierarchical', options => '{"linkage": "average"}');
SET maintenance_work_mem = '3MB';
SELECT * FROM custseg.dendrogram('crowd', '{a,b}', 'complete', options => '{"max_rows": 950, "micro_clusters": 900}');
SET maintenance_work_mem = '45MB';
SELECT n_segments FROM custseg.train('good', 'crowd', '{a,b}', 3, 'hierarchical', options => '{"linkage": "average", "silhouette_sample": 0}');
SET maintenance_work_mem = '1MB';
SELECT n_segments FROM custseg.train('good', 'crowd', '{a,b}', 3, 'hierarchical', options => '{"linkage": "single", "silhouette_sample": 0}');
RESET maintenance_work_mem;
SELECT custseg.drop_model('good', whole => true);

DROP FUNCTION cut, agreement, take_prints, segments;
DROP TABLE seven, points, crowd, wide, prints;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
