--
-- Changes of customers' segments, for those who act on them: track_changes(), changes(), acknowledge().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS changes_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_crm, regress_cs_app;
CREATE SCHEMA changes_test;
GRANT ALL ON SCHEMA changes_test TO public;
SET search_path = changes_test, public;
RESET client_min_messages;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
-- names are written in both directions, and psql's versions disagree on how wide they are
\pset format unaligned
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_crm;
CREATE ROLE regress_cs_app;

SET ROLE regress_cs_ann;
CREATE TABLE customer AS SELECT i AS id, (i % 4)::float8 AS x, NULL::int AS segment FROM generate_series(1, 8) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
\set m '<b>''"émü‮/%s'
SELECT version FROM custseg.train(:'m', 'customer', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "high", "when": {"x": {"from": 1.5}}}, {"name": "low"}], "else": "low"}');

-- who reads needs something to read
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L)', 'mail', :'m'));
SELECT custseg.track_changes(:'m', 'customer');
SELECT custseg.create_consumer('mail', :'m', 'regress_cs_crm'), custseg.create_consumer('sync', :'m');
SELECT consumer, reader, n, oldest_at, acknowledged_at FROM custseg.consumers ORDER BY consumer;

-- all that changes the column: a run, in one go and in batches; rows that are written, by whomever
CREATE VIEW told AS SELECT customer, from_segment AS "from", from_name, to_segment AS "to", to_name, version, cause FROM custseg.changes('sync') c WHERE c.model = '<b>''"émü‮/%s';
CALL custseg.resegment(:'m', 'customer');
SELECT * FROM told;
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync');
UPDATE customer SET x = 3 - x WHERE id < 4;
SELECT * FROM told;
CALL custseg.resegment(:'m', 'customer', batch => 2);
SELECT * FROM told;
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync');
UPDATE customer c SET segment = custseg.predict(:'m', c, 1) + 1 WHERE id = 5;
INSERT INTO customer VALUES (9, 0, 2), (10, 0, NULL);
DELETE FROM customer WHERE id IN (6, 10);
UPDATE customer SET id = 11 WHERE id = 7;
SELECT * FROM told;
-- the other consumer has its own position, and reads it all, as often as it likes
SET ROLE regress_cs_crm;
SELECT count(*), min(customer), count(DISTINCT change_position) FROM custseg.changes('mail');
SELECT customer FROM custseg.changes('mail', 3);
SELECT customer FROM custseg.changes('mail', 3);
SELECT custseg.acknowledge('mail', change_position) FROM custseg.changes('mail', 3);
SELECT customer FROM custseg.changes('mail', 2);
SELECT consumer, n FROM custseg.consumers;
RESET ROLE;
SET ROLE regress_cs_ann;

-- what is told is what was written in the end: not what a conflict, another trigger or a savepoint has undone
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync');
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('<b>''"émü‮/%s', 'segment');
INSERT INTO customer VALUES (1, 3, NULL) ON CONFLICT DO NOTHING;
INSERT INTO customer VALUES (1, 0, NULL) ON CONFLICT (id) DO UPDATE SET x = excluded.x;
INSERT INTO customer VALUES (20, 3, NULL), (21, 0, 77);
BEGIN;
UPDATE customer SET x = 0 WHERE id = 20;
SAVEPOINT one;
UPDATE customer SET x = 3 WHERE id = 21;
SAVEPOINT two;
DELETE FROM customer WHERE id = 1;
ROLLBACK TO one;
SAVEPOINT three;
INSERT INTO customer VALUES (22, 3);
RELEASE three;
SELECT count(*) AS not_before_commit FROM told WHERE customer IN ('20', '22');
COMMIT;
SELECT * FROM told;
SELECT n FROM custseg.change_batch WHERE model = :'m' ORDER BY last_position DESC LIMIT 1;
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync');
-- more than is written at once, in subtransactions and around them
BEGIN;
INSERT INTO customer SELECT i, 0 FROM generate_series(1001, 4500) i;
SAVEPOINT one;
INSERT INTO customer SELECT i, 0 FROM generate_series(5001, 8000) i;
ROLLBACK TO one;
INSERT INTO customer SELECT i, 0 FROM generate_series(9001, 9003) i;
DO $$ BEGIN
    FOR i IN 10001..10010 LOOP
        BEGIN
            INSERT INTO customer VALUES (i, 3);
            IF i % 3 = 0 THEN
                RAISE 'no';
            END IF;
        EXCEPTION WHEN raise_exception THEN
        END;
    END LOOP;
END $$;
COMMIT;
SELECT count(*), count(DISTINCT customer), min(customer::int), max(customer::int), bool_and(to_segment = (SELECT segment FROM customer WHERE id = customer::int)) AS as_written
FROM custseg.changes('sync', 2147483647) c;
SELECT n, last_position - first_position + 1 AS positions FROM custseg.change_batch WHERE model = :'m' ORDER BY last_position DESC LIMIT 1;
SELECT n FROM custseg.consumers WHERE consumer = 'sync';
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync', 100000);

-- no copy of the table, and no other column
CREATE TABLE copy (LIKE customer INCLUDING ALL);
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON copy FOR EACH ROW EXECUTE FUNCTION custseg.record_change('<b>''"émü‮/%s', 'segment');
INSERT INTO copy SELECT * FROM customer;
CALL custseg.resegment(:'m', 'copy');
ALTER TABLE customer ADD other int;
CALL custseg.resegment(:'m', 'customer', 'other');
SELECT count(*) AS told FROM custseg.changes('sync');
-- whoever writes the table needs no right on the model
RESET ROLE;
GRANT SELECT, DELETE ON customer TO regress_cs_app;
SET ROLE regress_cs_app;
DELETE FROM customer WHERE id = 9001;
SELECT outcome(format('SELECT custseg.predict(%L, c) FROM changes_test.customer c', :'m'));
SET ROLE regress_cs_ann;
SELECT customer, cause FROM told;
SELECT recorded_by FROM custseg.change_batch WHERE model = :'m' ORDER BY last_position DESC LIMIT 1;

-- partitions, keys of several columns, ids of other types; a column of another integer type
CREATE TABLE parted (shop text, id int, x float8, segment smallint, PRIMARY KEY (shop, id)) PARTITION BY LIST (shop);
CREATE TABLE north PARTITION OF parted FOR VALUES IN ('north');
CREATE TABLE south (junk int, segment smallint, x float8, id int NOT NULL, shop text NOT NULL);
ALTER TABLE south DROP junk;
ALTER TABLE parted ATTACH PARTITION south FOR VALUES IN ('south, "far"');
INSERT INTO parted SELECT shop, i, i % 4 FROM generate_series(1, 2) i, unnest('{north,"south, \"far\""}'::text[]) shop;
SELECT custseg.track_changes(:'m', 'parted');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'customer'::regclass AND tgfoid = 'custseg.record_change'::regproc;
CALL custseg.resegment(:'m', 'parted');
UPDATE south SET segment = 9 WHERE id = 2;
UPDATE parted SET shop = 'north', id = 3 WHERE shop <> 'north' AND id = 1;
SELECT customer, "from", "to", cause FROM told WHERE customer <> '9001';
DELETE FROM customer WHERE id = 9002;
SELECT source, column_name, tracked_by FROM custseg.change_feed WHERE model = :'m';

-- what is refused
SELECT outcome('SELECT * FROM custseg.changes(''nobody'')');
SELECT outcome('SELECT * FROM custseg.changes(NULL)');
SELECT outcome('SELECT * FROM custseg.changes(''sync'', 0)');
SELECT outcome('SELECT * FROM custseg.changes(''sync'', NULL)');
SELECT outcome('SELECT custseg.acknowledge(''nobody'', 1)');
SELECT outcome('SELECT custseg.acknowledge(''sync'', NULL)');
SELECT regexp_replace(outcome('SELECT custseg.acknowledge(''sync'', 9223372036854775807)'), 'is at \d+', 'is at ...');
SELECT outcome('SELECT custseg.acknowledge(''sync'', -5)');
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L)', 'sync', :'m'));
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L)', '', :'m'));
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L)', repeat('x', 64), :'m'));
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L, %L)', 'x', :'m', 'regress_cs_nobody'));
SELECT outcome('SELECT custseg.create_consumer(''x'', ''nothing'')');
SELECT outcome('SELECT custseg.drop_consumer(''nobody'')');
SELECT outcome(format('SELECT custseg.forget_changes(%L, -1)', :'m'));
SELECT outcome(format('SELECT custseg.forget_changes(%L, NULL)', :'m'));
SELECT outcome(format('SELECT custseg.track_changes(%L, %L)', :'m', 'nothing'));
SELECT outcome(format('SELECT custseg.track_changes(%L, %L)', :'m', 'told'));
SELECT outcome(format('SELECT custseg.track_changes(%L, %L, %L)', :'m', 'customer', 'x'));
SELECT outcome(format('SELECT custseg.track_changes(%L, %L, NULL)', :'m', 'customer'));
SELECT outcome('SELECT custseg.track_changes(''nothing'', ''customer'')');
CREATE TABLE nameless (x float8, segment int);
SELECT outcome(format('SELECT custseg.track_changes(%L, %L)', :'m', 'nameless'));
CREATE TRIGGER wrong BEFORE INSERT ON nameless FOR EACH ROW EXECUTE FUNCTION custseg.record_change('m', 'segment');
SELECT outcome('INSERT INTO nameless VALUES (1, 1)');
SELECT outcome('SELECT custseg.record_change()');
BEGIN READ ONLY;
SELECT count(*) FROM custseg.changes('sync');
SELECT custseg.acknowledge('sync', 0);
ROLLBACK;

-- strangers see nothing of it, not even that it is there; a reader reads and acknowledges, and nothing else
RESET ROLE;
SET ROLE regress_cs_app;
SELECT outcome('SELECT * FROM custseg.changes(''sync'')');
SELECT outcome('SELECT custseg.acknowledge(''sync'', 1)');
SELECT outcome('SELECT custseg.drop_consumer(''sync'')');
SELECT count(*) FROM custseg.segment_change;
SELECT count(*) FROM custseg.change_batch;
SELECT count(*) FROM custseg.consumers;
SELECT outcome(format('SELECT custseg.track_changes(%L, %L)', :'m', 'customer'));
SELECT outcome(format('SELECT custseg.create_consumer(%L, %L)', 'mine', :'m'));
SELECT outcome(format('SELECT custseg.forget_changes(%L, 0)', :'m'));
SELECT outcome('INSERT INTO custseg.segment_change VALUES (''m'', 1, 1, ''1'', 1, 2, 1, now(), ''update'')');
SET ROLE regress_cs_crm;
SELECT count(*) > 0 AS reads FROM custseg.changes('mail');
SELECT count(*) FROM custseg.segment_change;
SELECT outcome('SELECT custseg.drop_consumer(''mail'')');
SET ROLE regress_cs_ann;
-- a model that is lent does not tell who moved; nor may whoever uses it have it track
SELECT custseg.grant_model(:'m', 'regress_cs_app');
SET ROLE regress_cs_app;
SELECT count(*) FROM custseg.segment_change;
CREATE TABLE theirs AS SELECT 1 AS id, 3.0 AS x, NULL::int AS segment;
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON theirs FOR EACH ROW EXECUTE FUNCTION custseg.record_change('<b>''"émü‮/%s', 'segment');
UPDATE theirs SET segment = 1;
SET ROLE regress_cs_ann;
SELECT count(*) AS of_theirs FROM told WHERE customer = '1';
-- a table of somebody else's
SET ROLE regress_cs_app;
GRANT SELECT, UPDATE ON theirs TO regress_cs_ann;
ALTER TABLE theirs ADD PRIMARY KEY (id);
DROP TRIGGER record ON theirs;
SET ROLE regress_cs_ann;
SELECT outcome(format('SELECT custseg.track_changes(%L, %L)', :'m', 'theirs'));

-- what a customer's owner deletes
SELECT custseg.create_consumer('all', :'m', from_start => true);
SELECT count(*) FROM custseg.changes('all', 100000) WHERE customer = '20';
SELECT kind, n, reason FROM custseg.forget_customer(20) WHERE kind = 'change';
SELECT kind, n, reason FROM custseg.forget_customer(20) WHERE kind = 'change';
SELECT count(*) FROM custseg.changes('all', 100000) WHERE customer = '20';
-- in the transaction that has moved the customer
SELECT custseg.track_changes(:'m', 'customer');
BEGIN;
UPDATE customer SET x = 3 - x WHERE id = 21;
SELECT n > 0 AS forgotten FROM custseg.forget_customer(21) WHERE kind = 'change';
COMMIT;
SELECT count(*) FROM custseg.changes('all', 100000) WHERE customer = '21';
-- changes are kept until everybody has them
SELECT custseg.forget_changes(:'m', 0);
SELECT custseg.acknowledge('all', max(change_position)) FROM custseg.changes('all', 1000000);
SELECT custseg.acknowledge('sync', max(change_position)) FROM custseg.changes('sync', 1000000);
SELECT custseg.forget_changes(:'m', 0);
SELECT custseg.drop_consumer('mail');
SELECT custseg.forget_changes(:'m', 1);
SELECT custseg.forget_changes(:'m', 0) > 3000 AS forgotten;
SELECT count(*), (SELECT count(*) FROM custseg.change_batch WHERE model = :'m') AS batches FROM custseg.segment_change WHERE model = :'m';
SELECT outcome('SELECT custseg.acknowledge(''all'', 1)');
SELECT custseg.create_consumer('late', :'m', from_start => true);

UPDATE customer SET x = 3 WHERE id IN (1, 9003);

-- two-phase commit would keep everybody waiting
BEGIN;
UPDATE customer SET x = 0 WHERE id = 1;
PREPARE TRANSACTION 'changes';

-- a table of another name is not what is tracked, and says so
ALTER TABLE customer RENAME TO client;
UPDATE client SET x = 3 - x WHERE id IN (1, 9003);
SELECT custseg.track_changes(:'m', 'client');
ALTER TABLE client RENAME TO customer;
SELECT custseg.track_changes(:'m', 'customer');
-- the end of the tracking, of the model, of the extension: writes go on
SELECT customer, "to" FROM told;
SELECT custseg.track_changes(:'m', NULL);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'customer'::regclass AND tgfoid = 'custseg.record_change'::regproc;
SELECT count(*) FROM custseg.consumers;
SELECT custseg.track_changes(:'m', 'customer');
BEGIN;
UPDATE customer SET x = 0 WHERE id = 3;
ALTER TABLE customer DISABLE TRIGGER assign;
SELECT custseg.drop_model(:'m', whole => true, ignore_triggers => true);
UPDATE customer SET segment = 3 WHERE id = 4;
COMMIT;
UPDATE customer SET segment = 4 WHERE id = 4;
SELECT (SELECT count(*) FROM custseg.segment_change) + (SELECT count(*) FROM custseg.change_batch) + (SELECT count(*) FROM custseg.consumers) + (SELECT count(*) FROM custseg.change_feed) AS left;

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA changes_test CASCADE;
DROP ROLE regress_cs_ann, regress_cs_crm, regress_cs_app;
\i :root/test/clean.sql
