--
-- How often a source is read: once, whoever looks at it.  A view counts the rows that are read from it.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS readings_test CASCADE;
CREATE SCHEMA readings_test;
SET search_path = readings_test;

CREATE TABLE customer AS
SELECT i AS id, (i % 3) * 50 + i * 37 % 20 AS recency, (i % 3) * 30 + i * 53 % 11 AS frequency, (i % 3) * 100 + i * 71 % 31 + 0.5 AS monetary,
    (ARRAY['web', 'shop'])[1 + i % 2] AS channel, i % 3 + 1 AS segment, i % 2 = 0 AS member
FROM generate_series(1, 300) i;
CREATE TABLE orders AS
SELECT i % 100 AS customer, i AS id, timestamptz '2024-01-01 UTC' + i * interval '1 hour' AS ordered, 10.0 + i % 7 AS amount, 'c' || i % 4 AS category
FROM generate_series(1, 300) i;
CREATE SEQUENCE reads;
CREATE VIEW counted AS SELECT * FROM customer WHERE nextval('readings_test.reads') > 0;
CREATE VIEW counted_orders AS SELECT * FROM orders WHERE nextval('readings_test.reads') > 0;
CREATE VIEW carded AS SELECT recency, monetary, id + 9007199254740993 AS card, 2 * id + 9007199254740993 AS account
FROM customer WHERE nextval('readings_test.reads') > 0;
SELECT version FROM custseg.train('m', 'customer', '{recency,frequency,monetary,channel}', 3, id => 'id');
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 3, id => 'id');
SELECT version FROM custseg.train('r', 'customer', '{recency,monetary}', algorithm => 'rules', options =>
    '{"segments": [{"name": "a", "when": {"recency": {"below": {"percentile": 50}}}}, {"name": "b"}], "else": "b"}');
SELECT custseg.name_segment('m', 1, 'a', rank => 1), custseg.name_segment('m', 2, 'b', rank => 2), custseg.name_segment('m', 3, 'c', rank => 3);

CREATE FUNCTION readings(call text) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ALTER SEQUENCE readings_test.reads RESTART';
    EXECUTE 'SELECT count(*) FROM custseg.' || call;
    RETURN (SELECT trim_scale(CASE WHEN is_called THEN last_value ELSE 0 END / 300.0) FROM readings_test.reads);
END $$;
-- every report
SELECT call, readings(call) FROM (VALUES
    ($$train('n', 'counted', '{recency,monetary}', 3)$$),
    ($$score('m', 'counted')$$),
    ($$k_distance('counted', '{recency,monetary}')$$),
    ($$dbscan_grid('counted', '{recency,monetary}')$$),
    ($$dendrogram('counted', '{recency,monetary}')$$),
    ($$choose_k('counted', '{recency,monetary}')$$),
    ($$compare('counted', '{recency,monetary}', 3)$$),
    ($$evaluate('m', 'counted')$$),
    ($$silhouette('m', 'counted')$$),
    ($$stability('counted', '{recency,monetary}', 3)$$),
    ($$clusterability('counted', '{recency,monetary}')$$),
    ($$pca('counted', '{recency,monetary}')$$),
    ($$select_features('counted', '{recency,monetary}')$$),
    ($$drift('m', 'counted')$$),
    ($$drift_multivariate('m', 'counted')$$),
    ($$segment_sizes('m', 'counted')$$),
    ($$data_quality('m', 'counted')$$),
    ($$fairness('m', 'counted', 'member')$$),
    ($$at_risk('m', 'counted')$$),
    ($$compare_versions('m', 1, 2, 'counted')$$),
    ($$compare_versions_segments('m', 1, 2, 'counted')$$),
    ($$needs_retraining('m', 'counted')$$),
    ($$monitor('m', 'counted')$$),
    ($$describe('counted', '{recency,monetary}')$$),
    ($$histogram('counted', 'monetary')$$),
    ($$frequencies('counted', 'channel')$$),
    ($$concentration('counted', 'monetary')$$),
    ($$correlations('counted')$$),
    ($$outliers('counted')$$),
    ($$missing_patterns('counted')$$),
    ($$mcar_test('counted')$$),
    ($$rfm('counted_orders', 'customer', 'ordered', 'amount')$$),
    ($$rfm_thresholds('counted_orders', 'customer', 'ordered', 'amount')$$),
    ($$segment_tests('m', 'counted')$$),
    ($$segment_profile('m', 'counted')$$),
    ($$segment_summary('m', 'counted')$$),
    ($$feature_importance('m', 'counted')$$),
    ($$split_stability('m', 'counted')$$),
    ($$boxplot('m', 'counted')$$),
    ($$radar('m', 'counted')$$),
    ($$heatmap('m', 'counted')$$),
    ($$surrogate('m', 'counted')$$),
    ($$surrogate_of_column('counted', 'segment', '{recency,monetary}')$$),
    ($$optimise_thresholds('r', 'counted', 'monetary')$$),
    ($$capacity_check('m', 'counted')$$)
) v (call) WHERE readings(call) <> 1;
-- what is read more than once, and why
SELECT call, round(readings(call)::numeric, 2) AS readings, why FROM (VALUES
    ($$train('n', 'counted', '{recency,monetary}', 3, id => 'id')$$, 'an id that no index proves is checked before the training'),
    ($$train('n', 'counted', '{recency,monetary}', 3, algorithm => 'minibatch', options => '{"sample": 100}')$$, 'the rows are not held, and come in passes'),
    ($$train('n', 'carded', k => 3)$$, 'numbers beyond 2 ^ 53 are compared in the source, those of all columns at once'),
    ($$recalibrate('r', 'counted')$$, 'a training, and customers placed by two versions'),
    ($$drift('m', 'counted', 'counted')$$, 'the reference is a source, too'),
    ($$drift_multivariate('m', 'counted', 'counted')$$, 'the reference is a source, too'),
    ($$customer_features('counted_orders', 'customer', 'ordered', 'amount')$$, 'the time of the last order is that of all features'),
    ($$customer_features('counted_orders', 'customer', 'ordered', 'amount', as_of => '2024-02-01')$$, 'a first look ends at a line that is not after as_of')
) v (call, why);

-- what publish() is to read beside its source is looked for before it reads that
CREATE FUNCTION mistake(options text, OUT message text, OUT rows_read bigint) LANGUAGE plpgsql AS $$
DECLARE
    before bigint := nextval('readings_test.reads');
BEGIN
    BEGIN
        PERFORM custseg.publish('m', 'counted', options::jsonb);
    EXCEPTION WHEN OTHERS THEN
        message := SQLERRM;
    END;
    rows_read := nextval('readings_test.reads') - before - 1;
END $$;
SELECT m.* FROM unnest(ARRAY['{"products": {"orders": "orders", "customer": "customer"}}', '{"products": {"orders": "orders", "customer": "customer", "product": "category", "order": "number"}}',
    '{"products": {}}', '{"journey": {"source": "orders", "customer": "customer", "time": "ordered", "step": "page"}}', '{"journey": {"source": "orders", "customer": "customer", "time": "category", "step": "category"}}',
    '{"events": {"source": "orders", "customer": "client", "time": "ordered", "kind": "category"}}', '{"events": {"source": "visits"}}', '{"audiences": ["counted", "orders"]}', '{"audiences": ["reach"]}', '{"lookalikes": {}}', '{"lookalikes": {"seeds": "seeds"}}',
    '{"fairness": "gender"}']) o
CROSS JOIN LATERAL mistake(o) m;

SELECT custseg.drop_model(name, whole => true) FROM custseg.model;
DROP SCHEMA readings_test CASCADE;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
