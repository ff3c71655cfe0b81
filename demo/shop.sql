-- shop.sql
--	  A shop's orders, generated from a purchase process that is written down here.
--
-- Every customer is of one type; the types, their shares and their parameters are the rows of
-- shop.customer_type.  A customer joins on a day of the three years before the shop's last day,
-- with an order.  From then on, as in the BG/NBD model (Fader, Hardie and Lee 2005, "Counting your
-- customers" the easy way), orders come at an exponential pace of the customer's own rate, and
-- after each the customer leaves for good with a probability of its own.  An order's amount, as in
-- the gamma-gamma model (Fader and Hardie 2013), is gamma distributed around the customer's own
-- mean.  Rates are gamma, leaving probabilities beta, means inverse gamma distributed in a type.
--
-- The seed is fixed: the same server gives the same shop each time.  customer_type is never shown
-- to the training; it is what one would like to find again.

\o /dev/null

CREATE SCHEMA shop;

CREATE TABLE shop.customer_type (
    type text PRIMARY KEY,
    share float8 NOT NULL,          -- of the customers
    orders_a_year float8 NOT NULL,  -- mean rate; the rate's gamma has shape 4
    leave_a float8 NOT NULL,        -- beta (a, b) of the probability to leave after an order
    leave_b float8 NOT NULL,
    basket float8 NOT NULL,         -- mean amount of an order
    channels float8[] NOT NULL      -- weights of app, web, store, marketplace
);

INSERT INTO shop.customer_type VALUES
    ('one-time buyer', 0.34,  1.0, 4.0,  1.0,  32, '{1, 4, 1, 6}'),
    ('regular',        0.28,  9.0, 1.0, 30.0,  48, '{2, 7, 2, 1}'),
    ('app user',       0.14, 32.0, 1.0, 99.0,  26, '{9, 1, 0, 0}'),
    ('connoisseur',    0.08,  6.0, 1.0, 40.0, 260, '{0, 2, 8, 0}'),
    ('short passion',  0.16, 24.0, 3.0, 27.0,  55, '{4, 4, 1, 2}');

CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL,
    ordered_at timestamp NOT NULL,
    amount numeric(10,2) NOT NULL,
    channel text NOT NULL
);

CREATE TABLE shop.true_type (customer bigint PRIMARY KEY, type text NOT NULL);

-- A standard normal deviate (Box and Muller 1958).
CREATE FUNCTION shop.random_normal() RETURNS float8 LANGUAGE sql VOLATILE AS
$$ SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) $$;

-- A gamma deviate of the given shape, 1 or more, and scale 1 (Marsaglia and Tsang 2000).
CREATE FUNCTION shop.random_gamma(shape float8) RETURNS float8 LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    d float8 := shape - 1.0 / 3;
    c float8 := 1 / sqrt(9 * d);
    x float8;
    v float8;
BEGIN
    LOOP
        x := shop.random_normal();
        v := (1 + c * x) ^ 3;
        CONTINUE WHEN v <= 0;
        IF ln(1 - random()) < x * x / 2 + d - d * v + d * ln(v) THEN
            RETURN d * v;
        END IF;
    END LOOP;
END $$;

-- One of 1..n with the given weights.
CREATE FUNCTION shop.random_choice(weights float8[]) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    rest float8 := random() * (SELECT sum(w) FROM unnest(weights) w);
BEGIN
    FOR i IN 1 .. array_length(weights, 1) LOOP
        rest := rest - weights[i];
        IF rest < 0 THEN
            RETURN i;
        END IF;
    END LOOP;
    RETURN array_length(weights, 1);
END $$;

-- The orders of all customers, by the process above.
CREATE FUNCTION shop.generate(customers int, last_day date)
RETURNS TABLE (customer bigint, type text, ordered_at timestamp, amount numeric, channel text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    types shop.customer_type[] := ARRAY(SELECT t FROM shop.customer_type t ORDER BY t.share DESC);
    shares float8[] := ARRAY(SELECT t.share FROM shop.customer_type t ORDER BY t.share DESC);
    own shop.customer_type;
    gamma_a float8;
    day float8;                     -- since three years before the last day
    rate float8;                    -- orders a day
    leave float8;
    mean float8;
BEGIN
    FOR c IN 1 .. customers LOOP
        own := types[shop.random_choice(shares)];
        day := random() * 1095;
        rate := own.orders_a_year / 365 * shop.random_gamma(4) / 4;
        gamma_a := shop.random_gamma(own.leave_a);
        leave := gamma_a / (gamma_a + shop.random_gamma(own.leave_b));
        mean := own.basket * 8 / shop.random_gamma(9);
        LOOP
            customer := c;
            type := own.type;
            ordered_at := last_day - 1095 + day * interval '1 day';
            amount := greatest(mean * shop.random_gamma(4) / 4, 1)::numeric(10,2);
            channel := ('{app,web,store,marketplace}'::text[])[shop.random_choice(own.channels)];
            RETURN NEXT;
            EXIT WHEN random() < leave;
            day := day - ln(1 - random()) / rate;
            EXIT WHEN day >= 1095;
        END LOOP;
    END LOOP;
END $$;

SELECT setseed(0.42);

CREATE TEMPORARY TABLE generated AS
SELECT * FROM shop.generate(20000, date '2025-12-31');

INSERT INTO shop.orders (customer, ordered_at, amount, channel)
SELECT customer, ordered_at, amount, channel FROM generated ORDER BY ordered_at, customer;

INSERT INTO shop.true_type SELECT DISTINCT customer, type FROM generated;

-- What the segmentation rests on: one row a customer.
CREATE TABLE customers AS
SELECT customer AS id,
       date '2025-12-31' - max(ordered_at)::date AS recency,    -- days since the last order
       count(*)::int AS frequency,                              -- orders
       sum(amount) AS monetary,                                 -- spent in all
       round(avg(amount), 2) AS average_order,
       date '2025-12-31' - min(ordered_at)::date AS tenure,     -- days since the first order
       mode() WITHIN GROUP (ORDER BY channel) AS channel        -- the one used most
FROM shop.orders
GROUP BY customer
ORDER BY customer;

ALTER TABLE customers ADD PRIMARY KEY (id);

-- What the shop's people call customers like these.
CREATE FUNCTION shop.name_of(recency float8, frequency float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN frequency > 20 THEN 'champions'
                WHEN frequency > 3 AND recency < 365 THEN 'regulars'
                WHEN frequency > 3 THEN 'lapsed regulars'
                WHEN recency < 365 THEN 'newcomers'
                ELSE 'one-timers' END
$$;

-- Counts and money are skewed: their logarithms say more about the way of buying.
\set features {recency,frequency,monetary,channel}
\set prep '{"columns": {"frequency": {"transform": "log1p"}, "monetary": {"transform": "log1p"}}}'
\set k 5
\set more_columns ', (SELECT level.key || $$ $$ || round(100 * level.value::numeric) || $$ %$$ FROM jsonb_each(s.profile->$$channel$$) level ORDER BY level.value DESC LIMIT 1) AS channel'

\o
