-- What to do with the customers of a segment, and decisions by hand that scoring honours.

CREATE TABLE customers (id int PRIMARY KEY, spend float8, visits int, segment int);
INSERT INTO customers SELECT i, 10 * (i % 3) + i / 100.0, i % 3, NULL FROM generate_series(1, 30) i;
SELECT n_segments, deployed
FROM custseg.train('shop', 'customers', features => '{spend,visits}', k => 3);
SELECT custseg.name_segment('shop', 1, 'Regulars');
SELECT custseg.name_segment('shop', 2, 'Browsers');
SELECT custseg.name_segment('shop', 3, 'Spenders');

-- actions: keys that are given replace those there are, null takes one away
SELECT custseg.set_action('shop', 1, '{"channel": "email", "offer": "early access", "tone": "warm",
    "products": ["coffee", "tea"], "tactics": ["birthday mail"], "contact_frequency": "weekly", "primary_kpi": "repeat rate",
    "guardrail_kpi": "unsubscribe rate", "budget_share": 0.4, "perk": "free delivery", "perk_capacity": 8,
    "description": "come every week"}');
SELECT custseg.set_action('shop', 1, '{"channel": "app", "tone": null, "perk_capacity": 9}');
SELECT custseg.set_action('shop', 2, '{"channel": "ads", "perk": "voucher"}');
SELECT segment, name, n_trained, n, description, tone, channel, offer, contact_frequency, products, tactics, primary_kpi,
    guardrail_kpi, budget_share, perk, perk_capacity, n_overridden, set_at IS NOT NULL AS set, set_by = current_user AS by_me
FROM custseg.playbook
WHERE model = 'shop'
ORDER BY segment
\gx

-- by hand: whatever the model says, a customer is where somebody put him
SELECT segment AS placed FROM custseg.score('shop') WHERE id = '7';
SELECT custseg.override_segment('shop', 7, 1, 'key account');
SELECT custseg.override_segment('shop', '8'::text, 1, 'asked for it', until => now() + interval '1 day');
SELECT custseg.exclude('shop', '9', 'objected to profiling');
SELECT customer, kind, segment, name, reason, until > now() AS expires, made_by = current_user AS by_me
FROM custseg.overrides WHERE model = 'shop' ORDER BY customer;
SELECT id, segment, name, distance IS NULL AS no_distance, confidence IS NULL AS no_confidence, assigned_by
FROM custseg.score('shop')
WHERE id::int BETWEEN 6 AND 10
ORDER BY id::int;
SELECT assigned_by, count(*), count(segment) AS placed FROM custseg.score('shop') GROUP BY 1 ORDER BY 1;

-- resegment writes them, and nothing twice
CALL custseg.resegment('shop', 'customers');
SELECT id, segment FROM customers WHERE id BETWEEN 6 AND 10 ORDER BY id;
CALL custseg.resegment('shop', 'customers');
SELECT sum(n) FROM custseg.migration WHERE model = 'shop' AND to_segment IS NULL;

-- so does the trigger
CREATE TRIGGER place BEFORE INSERT OR UPDATE ON customers
FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('shop', 'segment');
UPDATE customers SET visits = visits WHERE id BETWEEN 7 AND 10;
SELECT c.id, c.segment, c.segment IS NOT DISTINCT FROM custseg.predict('shop', c) AS as_predicted
FROM customers c WHERE id BETWEEN 7 AND 10 ORDER BY id;

-- one customer: by row, by json, with the id as the model knows it, and without
SELECT r.segment, r.name, r.assigned_by, r.override_reason, r.channel, r.offer, r.products, r.perk
FROM customers c, custseg.recommendations('shop', c) r WHERE c.id IN (7, 9, 10) ORDER BY c.id;
SELECT segment, assigned_by FROM custseg.recommendations('shop', '{"id": 7, "spend": 20, "visits": 2}'::jsonb);
SELECT segment, assigned_by FROM custseg.recommendations('shop', '{"id": "9", "spend": 20, "visits": 2}'::jsonb);
SELECT segment, assigned_by FROM custseg.recommendations('shop', '{"spend": 20, "visits": 2}'::jsonb);
SELECT custseg.recommendations(NULL, '{"spend": 20, "visits": 2}'::jsonb) IS NULL AS none;

-- capacity: who is promised what, overrides counted
SELECT * FROM custseg.capacity_check('shop');
SELECT segment, n, rating FROM custseg.capacity_check('shop', 'SELECT * FROM customers WHERE id <= 6');
-- thousands are told apart, in what is there and in what may be
SELECT segment, reason FROM custseg.capacity_check('shop', 'SELECT 1000 * c.id + i AS id, c.spend, c.visits FROM customers c, generate_series(1, 150) i');
SELECT custseg.set_action('shop', 1, '{"perk_capacity": 1234567}');
SELECT reason FROM custseg.capacity_check('shop') WHERE segment = 1;
SELECT custseg.set_action('shop', 1, '{"perk_capacity": 9}');

-- replaced, ended, expired: the record stays
SELECT custseg.override_segment('shop', 7, 2, 'on second thoughts');
SELECT custseg.end_override('shop', 8);
SELECT custseg.end_override('shop', 8);
SELECT custseg.end_override('shop', 4711);
SELECT customer, kind, segment, reason, ended_at IS NOT NULL AS ended, ended_by IS NOT NULL AS ended_by_somebody
FROM custseg.segment_override WHERE model = 'shop' ORDER BY id;
SELECT id, segment, assigned_by FROM custseg.score('shop') WHERE id IN ('7', '8', '9') ORDER BY id;
BEGIN;
UPDATE custseg.segment_override SET until = now() WHERE customer = '9' AND ended_at IS NULL;
SELECT assigned_by FROM custseg.score('shop') WHERE id = '9';
SELECT count(*) FROM custseg.overrides WHERE customer = '9';
SELECT custseg.end_override('shop', 9) AS was_in_force;
SELECT ended_at = until AS ended_when_it_expired FROM custseg.segment_override WHERE customer = '9';
ROLLBACK;
SELECT assigned_by FROM custseg.score('shop') WHERE id = '9';

-- rolled back as anything else
BEGIN;
SELECT custseg.exclude('shop', 10, 'a mistake');
UPDATE customers SET visits = visits WHERE id = 10;
SELECT segment FROM customers WHERE id = 10;
ROLLBACK;
UPDATE customers SET visits = visits WHERE id = 10;
SELECT segment IS NOT NULL AS placed FROM customers WHERE id = 10;

-- a version that lacks a segment leaves its overrides to the model, and says so
SELECT version FROM custseg.train('shop', 'customers', features => '{spend,visits}', k => 2);
SELECT s.segment FROM custseg.segment s WHERE model = 'shop' AND version = 2 ORDER BY 1;
SELECT custseg.override_segment('shop', 11, 1, 'one'), custseg.override_segment('shop', 12, 2, 'two'), custseg.override_segment('shop', 13, 3, 'three');
SELECT id, assigned_by FROM custseg.score('shop', version => 2) WHERE id IN ('11', '12', '13') ORDER BY id;

-- overrides need an id: score warns, resegment refuses, the trigger leaves it to the model
SELECT DISTINCT assigned_by FROM custseg.score('shop', 'SELECT spend, visits FROM customers');
CREATE TABLE anonymous AS SELECT spend, visits, segment FROM customers;
CALL custseg.resegment('shop', 'anonymous');
CREATE TRIGGER place BEFORE INSERT ON anonymous
FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('shop', 'segment');
INSERT INTO anonymous (spend, visits) VALUES (1, 1) RETURNING segment IS NOT NULL AS placed;

-- only the owner decides; who may use the model may read
CREATE ROLE actions_guest;
GRANT SELECT ON customers TO actions_guest;
SELECT custseg.grant_model('shop', 'actions_guest');
SET ROLE actions_guest;
SELECT count(*) > 0 AS reads FROM custseg.playbook;
SELECT count(*) FROM custseg.overrides;
SELECT r.assigned_by FROM customers c, custseg.recommendations('shop', c) r WHERE c.id = 9;
SELECT custseg.set_action('shop', 1, '{"channel": "none"}');
SELECT custseg.override_segment('shop', 1, 1, 'me');
SELECT custseg.exclude('shop', 1, 'me');
SELECT custseg.end_override('shop', 7);
INSERT INTO custseg.segment_override (model, customer, kind, reason, made_at, made_by) VALUES ('shop', '1', 'exclusion', 'me', now(), 'me');
RESET ROLE;
SELECT custseg.revoke_model('shop', 'actions_guest');
SET ROLE actions_guest;
SELECT count(*) FROM custseg.playbook;
SELECT count(*) FROM custseg.overrides;
SELECT count(*) FROM custseg.segment_action;
RESET ROLE;

-- errors
SELECT custseg.set_action('nothing', 1, '{}');
SELECT custseg.set_action('shop', 9, '{}');
SELECT custseg.set_action('shop', NULL, '{}');
SELECT custseg.set_action('shop', 1, NULL);
SELECT custseg.set_action('shop', 1, '[]');
SELECT custseg.set_action('shop', 1, '{"colour": "red"}');
SELECT custseg.set_action('shop', 1, '{"channel": 3}');
SELECT custseg.set_action('shop', 1, '{"products": "coffee"}');
SELECT custseg.set_action('shop', 1, '{"products": ["coffee", 3]}');
SELECT custseg.set_action('shop', 1, '{"budget_share": 1.2}');
SELECT custseg.set_action('shop', 1, '{"perk_capacity": 2.5}');
SELECT custseg.override_segment('shop', 1, 9, 'why not');
SELECT custseg.override_segment('shop', NULL::int, 1, 'why not');
SELECT custseg.override_segment('shop', 1, NULL, 'why not');
SELECT custseg.override_segment('shop', 1, 1, ' ');
SELECT custseg.exclude('shop', 1, NULL);
SELECT custseg.exclude('shop', 1, 'for a while', '2001-02-03');
SELECT custseg.recommendations('shop', 7);
BEGIN READ ONLY;
SELECT custseg.exclude('shop', 1, 'reading');
ROLLBACK;

-- a cancel while the source is searched for the customer takes the decision back, as want of memory or disk does
CREATE FUNCTION fails_as(visits float8) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('actions.failure', true) <> '' THEN
        RAISE EXCEPTION 'failed while searching' USING ERRCODE = current_setting('actions.failure');
    END IF;
    RETURN visits;
END $$;
SELECT version FROM custseg.train('failed', 'SELECT id, spend, fails_as(visits) AS visits FROM customers', features => '{spend,visits}', k => 2, id => 'id');
DO $$
DECLARE
    failure text;
BEGIN
    FOREACH failure IN ARRAY ARRAY['query_canceled', 'serialization_failure', 'out_of_memory', 'disk_full', 'io_error', 'division_by_zero', 'lock_not_available'] LOOP
        PERFORM set_config('actions.failure', failure, false);
        BEGIN
            PERFORM custseg.override_segment('failed', 1, 1, failure);
        EXCEPTION WHEN OTHERS OR query_canceled THEN
            RAISE NOTICE '% %', SQLSTATE, SQLERRM;
        END;
    END LOOP;
END $$;
RESET actions.failure;
SELECT reason FROM custseg.segment_override WHERE model = 'failed' ORDER BY id;
SELECT custseg.drop_model('failed', whole => true);
DROP FUNCTION fails_as;

-- all of it goes with the model, but for exclusions in force
SELECT custseg.drop_model('shop', whole => true, ignore_triggers => true);
SELECT (SELECT count(*) FROM custseg.segment_action) AS actions, kind, customer, ended_at FROM custseg.segment_override;
DELETE FROM custseg.segment_override;
DROP TABLE customers, anonymous;
DROP ROLE actions_guest;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
