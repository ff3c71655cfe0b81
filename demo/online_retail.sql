-- online_retail.sql
--	  The UCI "Online Retail" file (Chen, Sain and Guo 2012): a year of a British gift wholesaler.
--
-- Reads the file from standard input, as published or as one of its usual copies: dates as
-- "2010-12-01 08:26:00" or "12/1/2010 8:26", customers as "17850" or "17850.0".  What was bought
-- by whom is known for 4,338 customers: no cancelled invoices, no lines without a customer, a
-- quantity or a price.

\o /dev/null

CREATE SCHEMA shop;

CREATE TABLE shop.line (
    "InvoiceNo" text,
    "StockCode" text,
    "Description" text,
    "Quantity" int,
    "InvoiceDate" text,
    "UnitPrice" numeric,
    "CustomerID" numeric,
    "Country" text
);

\copy shop.line FROM pstdin CSV HEADER

CREATE TABLE shop.orders AS
SELECT "CustomerID"::bigint AS customer,
       "InvoiceNo" AS invoice,
       min(CASE WHEN "InvoiceDate" LIKE '%/%' THEN to_timestamp("InvoiceDate", 'MM/DD/YYYY HH24:MI')::timestamp
                ELSE "InvoiceDate"::timestamp END) AS ordered_at,
       sum("Quantity" * "UnitPrice") AS amount
FROM shop.line
WHERE "CustomerID" IS NOT NULL AND "InvoiceNo" NOT LIKE 'C%' AND "Quantity" > 0 AND "UnitPrice" > 0
GROUP BY "CustomerID", "InvoiceNo";

-- What the segmentation rests on: one row a customer, seen from the day after the last order.
CREATE TABLE customers AS
SELECT customer AS id,
       (SELECT max(ordered_at)::date + 1 FROM shop.orders) - max(ordered_at)::date AS recency,
       count(*)::int AS frequency,                              -- orders
       sum(amount) AS monetary,                                 -- spent in all
       round(avg(amount), 2) AS average_order,
       (SELECT max(ordered_at)::date + 1 FROM shop.orders) - min(ordered_at)::date AS tenure
FROM shop.orders
GROUP BY customer
ORDER BY customer;

ALTER TABLE customers ADD PRIMARY KEY (id);

-- What the shop's people call customers like these.
CREATE FUNCTION shop.name_of(recency float8, frequency float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN frequency > 9 THEN 'champions'
                WHEN frequency > 3 AND recency < 120 THEN 'regulars'
                WHEN frequency > 3 THEN 'lapsed regulars'
                WHEN recency < 120 THEN 'newcomers'
                ELSE 'one-timers' END
$$;

-- Counts and money are skewed: their logarithms say more about the way of buying.
\set features {recency,frequency,monetary}
\set prep '{"columns": {"frequency": {"transform": "log1p"}, "monetary": {"transform": "log1p"}}}'
\set k 4
\set more_columns ''

\o
