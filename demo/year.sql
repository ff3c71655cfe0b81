-- year.sql
--	  A year of the generated shop: segments that are watched, published, retrained and acted upon,
--	  month by month.  It is what a dashboard has to show.
--
-- Usage: psql -d NAME [-v last_day=2025-12-31] -f demo/year.sql
--
-- A superuser runs it in a database of its own.  All work is done by an ordinary role, "shop", and
-- the role "dashboard" may use the models.
--
-- The orders are those of shop.sql, and what happens to the shop is written down here: a strike, and
-- two campaigns with what they change in truth.  All else is computed by custseg's functions, once a
-- month from the orders until then: the view "orders" shows no later ones.
--
-- One thing is not as in a shop that has lived through the year: functions record when they are
-- called, and all of them are called now.  So after each step shop.set_back() dates what the step has
-- recorded to the evening that it stands for.  It changes times and nothing else; only a superuser
-- can.  Limits that look at the time of day are told how long ago that evening is.
--
-- The seed is fixed, and what else looks random is a hash of a customer's number: the same server
-- gives the same year each time.  The year ends with the last month that was over on last_day; another
-- one moves all days.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?last_day}
\else
    \set last_day 2025-12-31
\endif
SELECT date_trunc('month', date :'last_day' + 1)::date - 1 AS last_day \gset
SET client_min_messages = warning;
SET jit = off;                          -- many statements, each of them short
\o /dev/null

CREATE EXTENSION IF NOT EXISTS custseg;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{shop,dashboard}'::text[] LOOP
        IF to_regrole(role) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO shop', current_database());
    GRANT CREATE ON SCHEMA public TO shop;
END $$;

SET SESSION AUTHORIZATION shop;
SET client_min_messages = warning;
SET search_path = public;

-- The orders, and the table "customers" of the shop's last day, which is not used here.
\ir shop.sql
\o /dev/null
DROP TABLE customers;

RESET SESSION AUTHORIZATION;

-- The time from which on nothing is dated back yet.
CREATE TABLE shop.clock AS SELECT clock_timestamp() AS recorded_since;

-- Dates everything that custseg has recorded since the last call to the time "dated", and a little
-- later what was recorded a little later.
CREATE FUNCTION shop.set_back(dated timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    since timestamptz := (SELECT recorded_since FROM shop.clock);
    history record;
BEGIN
    FOR history IN
        SELECT a.attrelid::regclass AS name,
               string_agg(format('%1$I = CASE WHEN %1$I >= $1 AND isfinite(%1$I) THEN $2 + (%1$I - $1) ELSE %1$I END', a.attname), ', ') AS assignments,
               string_agg(format('(%1$I >= $1 AND isfinite(%1$I))', a.attname), ' OR ') AS recorded
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.atttypid = 'timestamptz'::regtype AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        GROUP BY a.attrelid
    LOOP
        EXECUTE format('UPDATE %s SET %s WHERE %s', history.name, history.assignments, history.recorded) USING since, dated;
    END LOOP;
    UPDATE shop.clock SET recorded_since = clock_timestamp();
END $$;

REVOKE EXECUTE ON FUNCTION shop.set_back FROM public;
GRANT EXECUTE ON FUNCTION shop.set_back TO shop;

SET SESSION AUTHORIZATION shop;
SET client_min_messages = warning;
SET search_path = public;
SET timezone = 'UTC';

-- The day that it is in the shop, and the last one of the story.
CREATE TABLE shop.today AS SELECT date :'last_day' AS day, date :'last_day' AS last_day;

-- The last day of a month, so many before the last one, and so many days later.
CREATE FUNCTION shop.day(months int, days int = 0) RETURNS date LANGUAGE sql STABLE
RETURN (SELECT (last_day + 1 - make_interval(months => months))::date - 1 + days FROM shop.today);

-- How many days ago that day is.
CREATE FUNCTION shop.days_ago(day date) RETURNS int LANGUAGE sql STABLE
RETURN now()::date - day;

-- A number from 0 to 1 that looks random, the same for the same name and number.
CREATE FUNCTION shop.draw(what text, number bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN custseg.experiment_bucket(what, number::text) / 10000.0::float8;

UPDATE shop.orders SET ordered_at = ordered_at + (date :'last_day' - date '2025-12-31') * interval '1 day';

-- The strike: for three weeks before the fourth last report the warehouse sends nothing, and nobody can order.
DELETE FROM shop.orders WHERE ordered_at >= shop.day(4, -20) AND ordered_at < shop.day(4, 1);

-- What is sent back.
ALTER TABLE shop.orders ADD is_returned bool NOT NULL DEFAULT false;
UPDATE shop.orders SET is_returned = true WHERE shop.draw('is returned', id) < 0.04;

CREATE INDEX ON shop.orders (customer, ordered_at);
ANALYZE shop.orders;

-- What was bought in the last three months: each product by how often it is in an order of anybody, and of those who like it more or less; some are
-- bought with another one half of the time.
CREATE TABLE shop.product (product text PRIMARY KEY, share float8 NOT NULL, liked_by text, factor float8, goes_with text);
INSERT INTO shop.product VALUES
    ('green tea',         0.28, NULL,             1.0, NULL),
    ('teapot',            0.04, NULL,             1.0, 'green tea'),
    ('espresso beans',    0.22, 'app user',       2.0, NULL),
    ('milk frother',      0.03, NULL,             1.0, 'espresso beans'),
    ('travel mug',        0.12, 'app user',       2.2, NULL),
    ('single-origin box', 0.03, 'connoisseur',    9.0, NULL),
    ('hand grinder',      0.02, 'connoisseur',    8.0, 'single-origin box'),
    ('gift card',         0.10, 'one-time buyer', 2.5, NULL),
    ('advent calendar',   0.06, 'one-time buyer', 3.0, NULL),
    ('cold brew kit',     0.08, 'short passion',  2.5, NULL),
    ('oat biscuits',      0.15, NULL,             1.0, NULL),
    ('chai',              0.10, 'app user',       0.1, NULL),
    ('cocoa',             0.09, 'regular',        1.6, NULL);
CREATE TABLE shop.line AS
SELECT o.id AS order, p.product
FROM shop.orders o
JOIN shop.true_type t USING (customer)
CROSS JOIN shop.product p
LEFT JOIN shop.product w ON w.product = p.goes_with
WHERE o.ordered_at >= shop.day(3) AND (
    shop.draw(p.product, o.id) < p.share * CASE WHEN t.type = p.liked_by THEN p.factor ELSE 1 END
    OR shop.draw(w.product, o.id) < w.share * CASE WHEN t.type = w.liked_by THEN w.factor ELSE 1 END AND shop.draw(p.product || ' too', o.id) < 0.3);
ANALYZE shop.line;

-- The orders until today.
CREATE VIEW orders AS
SELECT o.id, o.customer, o.ordered_at, o.amount, o.channel, o.is_returned
FROM shop.orders o
WHERE o.ordered_at < (SELECT t.day + 1 FROM shop.today t);

CREATE VIEW lines AS
SELECT o.id AS invoice, o.customer, o.ordered_at, l.product
FROM orders o
JOIN shop.line l ON l.order = o.id;

-- What customers did: an order, and days later what was sent back of it.
CREATE VIEW events AS
SELECT o.customer, o.ordered_at AS at, 'order' AS kind
FROM orders o
UNION ALL
SELECT o.customer, o.ordered_at + interval '9 days', 'sent back'
FROM orders o
WHERE o.is_returned AND o.ordered_at + interval '9 days' < (SELECT t.day + 1 FROM shop.today t);

-- Those who have bought in the last 365 days: what the segments rest on, as a nightly job would keep it.
CREATE TABLE customers (
    id bigint PRIMARY KEY,
    recency int NOT NULL,               -- days since the last order
    frequency bigint NOT NULL,          -- orders of the last 365 days
    monetary numeric NOT NULL,          -- what was spent on them
    average_order numeric NOT NULL,
    tenure int NOT NULL,                -- days since the first order
    channel text NOT NULL,              -- the one used most
    age int,                            -- where it was told
    segment int
);

-- Brings the clock and the table to the state of a day.
CREATE PROCEDURE shop.begin_day(day date) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop.today SET day = begin_day.day;

    DELETE FROM customers c
    WHERE NOT EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.ordered_at >= begin_day.day - 364);

    INSERT INTO customers (id, recency, frequency, monetary, average_order, tenure, channel, age)
    SELECT o.customer, begin_day.day - max(o.ordered_at)::date,
           count(*) FILTER (WHERE o.ordered_at >= begin_day.day - 364),
           sum(o.amount) FILTER (WHERE o.ordered_at >= begin_day.day - 364),
           round(avg(o.amount) FILTER (WHERE o.ordered_at >= begin_day.day - 364), 2),
           begin_day.day - min(o.ordered_at)::date,
           mode() WITHIN GROUP (ORDER BY o.channel) FILTER (WHERE o.ordered_at >= begin_day.day - 364),
           CASE WHEN shop.draw('tells the age', o.customer) < 0.85
                THEN 18 + round(60 * shop.draw('age', o.customer) * shop.draw('younger', o.customer) ^ 0.5) END
    FROM orders o
    GROUP BY o.customer
    HAVING max(o.ordered_at) >= begin_day.day - 364
    ON CONFLICT (id) DO UPDATE
    SET recency = excluded.recency, frequency = excluded.frequency, monetary = excluded.monetary,
        average_order = excluded.average_order, tenure = excluded.tenure, channel = excluded.channel;
END $$;

-- What the night of the last day of a month does, in the order in which jobs would.
CREATE PROCEDURE shop.close_month(months int) LANGUAGE plpgsql AS $$
DECLARE
    day date := shop.day(months);
BEGIN
    CALL shop.begin_day(day);
    COMMIT;         -- who is gone is written as it commits, before times are set back
    -- the monitor looks at the model, without decisions by hand: those who are counted last, by all that follows, are counted with them
    PERFORM custseg.monitor('loyalty', 'customers', jsonb_build_object('max_age_days', 365 + shop.days_ago(day)));
    PERFORM shop.set_back(day + time '19:50');
    COMMIT;
    -- a bare CALL would want variables for what resegment() returns
    EXECUTE $call$ CALL custseg.resegment('loyalty', 'customers', value => 'monetary') $call$;
    COMMIT;         -- changes of customers are written as it commits
    PERFORM shop.set_back(day + time '20:00');
    COMMIT;
    PERFORM custseg.record_kpis('loyalty', 'orders', 'customer', 'ordered_at', 'amount', 'customers', day + 1);
    PERFORM custseg.record_segment_value('worth', 'loyalty', 'orders', 'customers', as_of => day);
    PERFORM shop.set_back(day + time '20:10');
    COMMIT;
    -- what is bought, and where, is published at the end of the year
    PERFORM custseg.publish('loyalty', 'customers', CASE WHEN months = 0 THEN '{
        "changes": true,
        "products": {"orders": "lines", "customer": "customer", "product": "product", "order": "invoice"},
        "journey": {"source": "orders", "customer": "customer", "time": "ordered_at", "step": "channel", "steps": ["marketplace", "web", "app"], "within": "180 days"},
        "events": {"source": "events", "customer": "customer", "time": "at", "kind": "kind"},
        "audiences": ["early_access", "come_back"],
        "lookalikes": {"name": "who bought a lot of late", "seeds": "SELECT customer FROM orders WHERE ordered_at >= (SELECT day - 90 FROM shop.today) GROUP BY customer HAVING sum(amount) > 600", "n": 500, "method": "propensity"}}' ELSE '{}' END::jsonb);
    PERFORM shop.set_back(day + time '20:20');
    COMMIT;
END $$;

-- Enrolls one of four waves of the customers in an experiment, on the morning of a day.
CREATE PROCEDURE shop.enroll_wave(experiment text, wave int, day date, segments text[]) LANGUAGE plpgsql AS $$
BEGIN
    CALL shop.begin_day(day - 1);
    PERFORM custseg.enroll(experiment, format(
        'SELECT c.* FROM customers c JOIN custseg.segments s ON s.model = %L AND s.deployed AND s.segment = c.segment '
        'WHERE custseg.experiment_bucket(%L, c.id::text) / 2500 = %s AND s.name = ANY (%L)',
        'loyalty', experiment || ' wave', wave - 1, segments));
    COMMIT;
    PERFORM shop.set_back(day + time '07:00');
    COMMIT;
END $$;

-- What the treated customers of the last wave do beyond what they would have done anyway: so large a
-- share of a segment, as told by "uplift", places one more order within twelve days, of which the
-- voucher takes a part.
CREATE PROCEDURE shop.act(experiment text, uplift jsonb, discount numeric) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO shop.orders (customer, ordered_at, amount, channel, is_returned)
    SELECT c.id, e.enrolled_at AT TIME ZONE 'UTC' + shop.draw(act.experiment || ' when', c.id) * interval '12 days',
           round(c.average_order * (1 - act.discount), 2), c.channel, shop.draw(act.experiment || ' returns', c.id) < 0.04
    FROM custseg.experiment x
    JOIN custseg.enrolment e ON e.experiment = x.experiment AND e.batch = x.last_batch AND e.variant_number = 2
    JOIN custseg.segments s ON s.model = x.model AND s.version = x.version AND s.segment = e.segment
    JOIN customers c ON c.id = e.customer::bigint
    WHERE x.experiment = act.experiment AND shop.draw(act.experiment || ' comes', c.id) < (act.uplift ->> s.name)::float8
    ORDER BY c.id;
END;

-- Looks at an experiment in the evening of a day.
CREATE PROCEDURE shop.look(experiment text, day date) LANGUAGE plpgsql AS $$
BEGIN
    CALL shop.begin_day(day);
    PERFORM custseg.look(experiment, 'SELECT customer, ordered_at, amount, is_returned FROM orders', 'customer', '{"time": "ordered_at"}');
    COMMIT;
    PERFORM shop.set_back(day + time '18:00');
    COMMIT;
END $$;

-- The first month.

CALL shop.begin_day(shop.day(12));
ANALYZE customers;

SELECT custseg.train('loyalty', 'customers', '{recency,frequency,monetary,channel}', k => 5,
    prep => '{"columns": {"recency": {"transform": "log1p"}, "frequency": {"transform": "log1p"}, "monetary": {"transform": "log1p"}}}',
    options => '{"n_init": 50}');

-- What the shop's people call customers like the ones at a segment's centre, and what a segment is
-- worth to them, 1 being the most.
SELECT custseg.name_segment('loyalty', s.segment, n.name, rank => n.rank)
FROM custseg.segments s
CROSS JOIN LATERAL (SELECT (s.profile ->> 'recency')::float8 AS recency, (s.profile ->> 'frequency')::float8 AS frequency) p
JOIN (VALUES (1, 'Loyal customers'), (2, 'App fans'), (3, 'Slipping away'), (4, 'Newcomers'), (5, 'One-time buyers')) n (rank, name)
    ON n.rank = CASE WHEN p.frequency > 20 THEN 2 WHEN p.frequency > 8 THEN 1 WHEN p.frequency > 4 THEN 3 WHEN p.recency < 60 THEN 4 ELSE 5 END
WHERE s.model = 'loyalty';

SELECT custseg.train_purchases('worth', 'orders', 'customer', 'ordered_at', 'amount');

-- What is done with whom.
SELECT custseg.set_action('loyalty', s.segment, a.action)
FROM custseg.segments s
JOIN (VALUES
    ('Loyal customers', jsonb '{
        "description": "Buy nearly every month, in the web shop and in the stores, and carry the largest part of the revenue.",
        "tone": "personal, as to an old acquaintance", "channel": "mail", "offer": "first look at new collections",
        "contact_frequency": "every two weeks", "products": ["new collection", "gift sets"], "tactics": ["a letter by the shop manager", "an evening in the store"],
        "primary_kpi": "orders", "guardrail_kpi": "share of orders sent back", "budget_share": 0.3, "perk": "free delivery", "perk_capacity": 2500}'),
    ('App fans', '{
        "description": "Order small things by the app, twice a month or more often.",
        "tone": "short and quick", "channel": "app", "offer": "bundles: three for the price of two",
        "contact_frequency": "weekly", "products": ["everyday goods"], "tactics": ["push messages in the evening", "stamps for each order"],
        "primary_kpi": "average order", "guardrail_kpi": "push messages switched off", "budget_share": 0.15, "perk": "same-day delivery", "perk_capacity": 2200}'),
    ('Slipping away', '{
        "description": "Were good customers, and have been silent for months. Much is at risk with them.",
        "tone": "warm, no reproach", "channel": "mail", "offer": "a voucher for the next order",
        "contact_frequency": "once a month", "products": ["what they bought before"], "tactics": ["a reminder of the last order", "a voucher that ends after two weeks"],
        "primary_kpi": "share that orders again", "guardrail_kpi": "share of orders sent back", "budget_share": 0.35, "perk": "voucher of 10 %", "perk_capacity": 3000}'),
    ('Newcomers', '{
        "description": "Have just begun to buy. The second and third order decide who stays.",
        "tone": "helpful", "channel": "mail", "offer": "a guide to the range, and advice by chat",
        "contact_frequency": "three mails in the first month", "products": ["best sellers"], "tactics": ["a welcome mail", "a question after the first order"],
        "primary_kpi": "second order within 60 days", "guardrail_kpi": "mails unsubscribed from", "budget_share": 0.15, "perk": "free returns", "perk_capacity": 2500}'),
    ('One-time buyers', '{
        "description": "Bought once, most of them on the marketplace, and did not come back.",
        "tone": "brief", "channel": "marketplace", "offer": "best sellers of the season",
        "contact_frequency": "twice a year", "products": ["best sellers"], "tactics": ["no mails that cost money"],
        "primary_kpi": "share that orders again", "budget_share": 0.05}')) a (name, action)
    USING (name)
WHERE s.model = 'loyalty';

SELECT custseg.set_condition('loyalty', 'data protection', 'pass', 'reviewed by the data protection officer: no profile beyond orders and channel');

-- What those who read call it all, and what they reckon with: 35 of 100 pounds of revenue stay, a mail costs
-- 60 pence and a campaign 500 pounds, and the most that a campaign can bring in each segment, of which the spending "b" brings 63 %.
SELECT custseg.set_presentation('loyalty', jsonb_build_object(
    'title', 'Customers of the shop',
    'description', 'Everybody who has bought in the last 365 days, by how lately, how often, for how much, and where.',
    'value', 'monetary', 'currency', 'GBP', 'margin', 0.35, 'cost_per_customer', 0.6, 'fixed_cost', 500,
    'columns', jsonb '{
        "recency": {"label": "Days since the last order", "unit": "days"},
        "frequency": {"label": "Orders of the last year", "unit": "orders"},
        "monetary": {"label": "Spent in the last year", "unit": "GBP"},
        "average_order": {"label": "Average order", "unit": "GBP"},
        "tenure": {"label": "Days since the first order", "unit": "days"},
        "channel": {"label": "Channel used most"},
        "age": {"label": "Age", "unit": "years", "description": "The age that the customer has stated."}}',
    'curves', (
        SELECT jsonb_agg(jsonb_build_object('segment', s.segment, 'name', c.name, 'curve', 'exp', 'a', c.a, 'b', c.b) ORDER BY s.segment)
        FROM (VALUES ('Loyal customers', 70000, 30000), ('App fans', 45000, 25000), ('Slipping away', 85000, 22000),
                     ('Newcomers', 40000, 15000), ('One-time buyers', 5000, 10000)) c (name, a, b)
        JOIN custseg.segments s ON s.model = 'loyalty' AND s.name = c.name)));

-- Those who have objected, and a decision by hand.
SELECT custseg.exclude('loyalty', id, 'has objected to profiling') FROM customers WHERE shop.draw('objects', id) < 0.0005;
SELECT custseg.override_segment('loyalty', id, (SELECT segment FROM custseg.segments WHERE model = 'loyalty' AND name = 'Loyal customers'), 'buys for a company; has a contact person')
FROM customers ORDER BY average_order DESC LIMIT 3;

-- Who reads; and one customer by number may be looked up.
GRANT SELECT ON customers TO dashboard;
SELECT custseg.grant_model(model, 'dashboard') FROM unnest('{loyalty,worth}'::text[]) model;
SELECT shop.set_back(shop.day(12) + time '19:00');

CALL shop.close_month(12);
CALL shop.close_month(11);
CALL shop.close_month(10);

-- Does a voucher bring back those who slip away?  In truth 9 of 100 of them more buy in the twelve days
-- after it, and 3 of 100 newcomers; loyal customers and app fans would have come anyway, and who has
-- bought once does not care.
SELECT custseg.create_experiment('Win-back voucher', 'loyalty', '["no voucher", "voucher"]', '[
    {"metric": "bought again", "kind": "conversion", "role": "primary", "column": "amount", "effect": 0.02, "window": "12 days"},
    {"metric": "sent back", "kind": "conversion", "role": "guardrail", "column": "is_returned", "direction": "down", "margin": 0.015, "window": "12 days"},
    {"metric": "revenue", "kind": "mean", "column": "amount", "cap": 0.99, "window": "12 days"}]', '{"n_control": 5000, "n_looks": 4}');
SELECT shop.set_back(shop.day(9) - 3 + time '10:00');
CALL shop.close_month(9);

\set all '{Loyal customers,App fans,Slipping away,Newcomers,One-time buyers}'
\set uplift '{"Slipping away": 0.09, "Newcomers": 0.03}'
CALL shop.enroll_wave('Win-back voucher', 1, shop.day(9, 1), :'all');
CALL shop.act('Win-back voucher', :'uplift', 0.1);
CALL shop.look('Win-back voucher', shop.day(9, 13));
CALL shop.enroll_wave('Win-back voucher', 2, shop.day(9, 14), :'all');
CALL shop.act('Win-back voucher', :'uplift', 0.1);
CALL shop.look('Win-back voucher', shop.day(9, 26));
CALL shop.enroll_wave('Win-back voucher', 3, shop.day(9, 27), :'all');
CALL shop.act('Win-back voucher', :'uplift', 0.1);
CALL shop.close_month(8);
CALL shop.look('Win-back voucher', shop.day(9, 39));
CALL shop.enroll_wave('Win-back voucher', 4, shop.day(9, 40), :'all');
CALL shop.act('Win-back voucher', :'uplift', 0.1);
CALL shop.look('Win-back voucher', shop.day(9, 52));

-- What it returns in the segment that it was made for: 35 of 100 pounds of revenue stay, a mail costs
-- 60 pence, and the campaign 500 pounds.
SELECT custseg.end_experiment('Win-back voucher', format(
    'The voucher goes to "%s" from now on: there, each pound that it costs comes back with %s more (95 %% interval %s to %s), at a margin of 35 %%, 0.60 a mail and 500 for the campaign',
    r.name, round(r.roi::numeric, 2), round(r.low::numeric, 2), round(r.high::numeric, 2)))
FROM custseg.campaign_roi($$
    SELECT m.segment, s.name, s.n, m.difference AS effect, m.standard_error
    FROM custseg.experiment_look_metric m
    JOIN custseg.segments s ON s.model = m.model AND s.deployed AND s.segment = m.segment
    WHERE m.experiment = 'Win-back voucher' AND m.look = 4 AND m.metric = 'revenue' AND s.name = 'Slipping away'
$$, '{"margin": 0.35, "cost_per_customer": 0.6, "fixed_cost": 500}') r
WHERE r.name IS NOT NULL;
SELECT shop.set_back(shop.day(9, 53) + time '11:00');
CALL shop.close_month(7);

-- A survey: those who are asked say in which segment they would be, how content they are, and which
-- perk they would like.  Most agree with where they are; of the others, some take themselves for loyal.
CREATE TABLE answers AS
SELECT c.id AS customer,
       CASE WHEN shop.draw('agrees', c.id) < 0.86 THEN s.name WHEN shop.draw('agrees', c.id) < 0.94 THEN 'Loyal customers' ELSE 'none of these' END AS segment,
       5 - (shop.draw('is content', c.id) > 0.55)::int - (shop.draw('is content', c.id) > 0.9)::int AS satisfaction,
       CASE WHEN shop.draw('likes the perk', c.id) < 0.7 THEN p.perk ELSE 'free delivery' END AS perk
FROM customers c
JOIN custseg.segments s ON s.model = 'loyalty' AND s.deployed AND s.segment = c.segment
JOIN custseg.playbook p ON p.model = s.model AND p.segment = s.segment
WHERE shop.draw('answers', c.id) < 0.02 + 0.0005 * least(c.frequency, 60)
ORDER BY c.id;
SELECT custseg.record_survey('loyalty', 'answers');
SELECT shop.set_back(shop.day(7, 1) + time '09:00');
SELECT custseg.decide('loyalty', 'the voucher for all who slip away', jsonb_build_object('monitor_days', 7 + shop.days_ago(shop.day(7))));
SELECT shop.set_back(shop.day(7, 1) + time '10:00');
CALL shop.close_month(6);
CALL shop.close_month(5);

-- Half a year is over, and features are on their way: both models learn from the customers of today.
CREATE PROCEDURE shop.renew(model text, reason text) LANGUAGE plpgsql AS $$
DECLARE
    version int := (SELECT r.version FROM custseg.retrain(renew.model) r);
BEGIN
    PERFORM custseg.deploy(model, version, reason);
END $$;
CALL shop.renew('loyalty', 'half-yearly review: small but lasting trends in what is spent and how often');
CALL shop.renew('worth', 'half-yearly review');
SELECT shop.set_back(shop.day(5, 1) + time '10:00');

-- The month of the strike.
CALL shop.close_month(4);
SELECT custseg.decide('loyalty', 'the next campaign', jsonb_build_object('monitor_days', 7 + shop.days_ago(shop.day(4))));
SELECT shop.set_back(shop.day(4, 1) + time '10:00');
CALL shop.close_month(3);
CALL shop.close_month(2);

-- Does it pay to show new collections to the best customers first?  In truth 3 of 100 loyal customers
-- more buy, and of app fans nobody more.  After two of four looks nobody can know yet.
SELECT custseg.create_experiment('Early access', 'loyalty', '["as usual", "early access"]', '[
    {"metric": "bought again", "kind": "conversion", "role": "primary", "column": "amount", "effect": 0.04, "window": "12 days"},
    {"metric": "sent back", "kind": "conversion", "role": "guardrail", "column": "is_returned", "direction": "down", "margin": 0.02, "window": "12 days"},
    {"metric": "revenue", "kind": "mean", "column": "amount", "cap": 0.99, "window": "12 days"}]', '{"n_control": 2100, "n_looks": 4}');
SELECT shop.set_back(shop.day(1) - 2 + time '10:00');
-- From now on other systems are told of each customer who moves: the mailer keeps up, the CRM has not begun.
SELECT custseg.track_changes('loyalty', 'customers'), custseg.create_consumer('mailer', 'loyalty'), custseg.create_consumer('crm', 'loyalty');
SELECT shop.set_back(shop.day(2, 1) + time '10:00');
CALL shop.close_month(1);
SELECT custseg.acknowledge('mailer', max(change_position)) FROM custseg.changes('mailer', 100000);
SELECT shop.set_back(shop.day(1) + time '21:00');

\set best '{Loyal customers,App fans}'
\set uplift '{"Loyal customers": 0.03}'
CALL shop.enroll_wave('Early access', 1, shop.day(1, 1), :'best');
CALL shop.act('Early access', :'uplift', 0);
CALL shop.look('Early access', shop.day(1, 13));
CALL shop.enroll_wave('Early access', 2, shop.day(1, 14), :'best');
CALL shop.act('Early access', :'uplift', 0);
CALL shop.look('Early access', shop.day(1, 26));
CALL shop.enroll_wave('Early access', 3, shop.day(1, 27), :'best');
CALL shop.act('Early access', :'uplift', 0);

-- Whom the next campaigns address: whoever is held out by the experiment is not among them.
SELECT custseg.create_audience_view(a.name, 'loyalty', 'customers', ARRAY(SELECT s.segment FROM custseg.segments s WHERE s.model = 'loyalty' AND s.deployed AND s.name = ANY (a.segments)))
FROM (VALUES ('early_access', '{Loyal customers,App fans}'::text[]), ('come_back', '{Slipping away}')) a (name, segments);

-- One that is planned.
SELECT custseg.create_experiment('Guide for newcomers', 'loyalty', '["as usual", "guide"]', '[
    {"metric": "second order", "kind": "conversion", "role": "primary", "column": "amount", "effect": 0.03, "window": "30 days"},
    {"metric": "sent back", "kind": "conversion", "role": "guardrail", "column": "is_returned", "direction": "down", "margin": 0.02, "window": "30 days"}]', '{"n_control": 2200}');
SELECT shop.set_back(shop.day(0, -1) + time '16:00');
CALL shop.close_month(0);

-- A second model, just made: the training chose how many segments, and nobody has named them yet.
SELECT custseg.train('order habits', 'customers', '{frequency,average_order}', algorithm => 'hierarchical', prep => '{"transform": "log1p"}');
SELECT custseg.set_presentation('order habits', presentation - '{curves,margin}'::text[] || '{"title": "Habits", "description": "How often customers buy, and how much at a time."}')
FROM custseg.presentation WHERE model = 'loyalty';
SELECT custseg.grant_model('order habits', 'dashboard');
SELECT custseg.publish('order habits', 'customers');
SELECT shop.set_back(shop.day(0) + time '21:00');

RESET SESSION AUTHORIZATION;
