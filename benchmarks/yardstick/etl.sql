-- The retail ETL as one would write it by hand for DuckDB, for files whose faults are known and that land once: the
-- yardstick that `workbench run retail_etl` is held to. What a person by hand wouldn't do is left out: reasons for rows
-- that are refused, a ledger, tests, watermarks. Needs the variables `landing` (a folder) and `currency`.

CREATE SCHEMA raw;
CREATE SCHEMA core;
CREATE SCHEMA marts;

-- raw ------------------------------------------------------------------------------------------------------------------

CREATE TABLE raw.quarantine (dataset VARCHAR, line BIGINT, record VARCHAR, reason VARCHAR);

CREATE TABLE raw.transactions (
    transaction_id VARCHAR NOT NULL, line_number BIGINT NOT NULL, transaction_timestamp TIMESTAMP NOT NULL,
    customer_id VARCHAR, product_id VARCHAR NOT NULL, store_id VARCHAR NOT NULL, quantity DECIMAL(18, 4) NOT NULL,
    unit_price DECIMAL(18, 6) NOT NULL, discount_amount DECIMAL(18, 4), currency VARCHAR NOT NULL, channel VARCHAR,
    loaded_at TIMESTAMP NOT NULL
);

-- The parser sets aside what has no type, and a rule what has no sense.
INSERT INTO raw.transactions
SELECT *, now()::TIMESTAMP
FROM read_csv(getvariable('landing') || '/transactions/*.csv', header = true, auto_detect = false, delim = ',', quote = '"',
    columns = {
        'transaction_id': 'VARCHAR', 'line_number': 'BIGINT', 'transaction_timestamp': 'TIMESTAMP', 'customer_id': 'VARCHAR',
        'product_id': 'VARCHAR', 'store_id': 'VARCHAR', 'quantity': 'DECIMAL(18, 4)', 'unit_price': 'DECIMAL(18, 6)',
        'discount_amount': 'DECIMAL(18, 4)', 'currency': 'VARCHAR', 'channel': 'VARCHAR'},
    store_rejects = true)
WHERE transaction_id IS NOT NULL AND line_number IS NOT NULL AND transaction_timestamp IS NOT NULL
    AND product_id IS NOT NULL AND store_id IS NOT NULL AND quantity IS NOT NULL AND unit_price IS NOT NULL
    AND quantity <> 0 AND unit_price >= 0 AND currency IN ('USD', 'EUR', 'GBP', 'CAD');

INSERT INTO raw.quarantine
SELECT DISTINCT ON (line) 'transactions', line, csv_line, error_message FROM reject_errors;

CREATE TABLE raw.customers AS
SELECT * REPLACE (trim(first_name) AS first_name, trim(last_name) AS last_name, trim(email) AS email, trim(phone) AS phone,
           trim(street) AS street, trim(city) AS city, trim(state) AS state, trim(postal_code) AS postal_code, trim(country) AS country),
       now()::TIMESTAMP AS loaded_at FROM read_csv(getvariable('landing') || '/customers/*.csv', header = true, auto_detect = false, delim = ',',
    quote = '"', columns = {
        'customer_id': 'VARCHAR', 'updated_at': 'TIMESTAMP', 'first_name': 'VARCHAR', 'last_name': 'VARCHAR', 'email': 'VARCHAR',
        'phone': 'VARCHAR', 'street': 'VARCHAR', 'city': 'VARCHAR', 'state': 'VARCHAR', 'postal_code': 'VARCHAR',
        'country': 'VARCHAR', 'is_deleted': 'BOOLEAN'});

CREATE TABLE raw.products AS
SELECT *, now()::TIMESTAMP AS loaded_at FROM read_csv(getvariable('landing') || '/products/*.csv', header = true, auto_detect = false, delim = ',',
    quote = '"', columns = {
        'product_id': 'VARCHAR', 'updated_at': 'TIMESTAMP', 'description': 'VARCHAR', 'brand': 'VARCHAR',
        'manufacturer_id': 'VARCHAR', 'department': 'VARCHAR', 'category': 'VARCHAR', 'subcategory': 'VARCHAR',
        'package_size': 'VARCHAR', 'list_price': 'DECIMAL(18, 6)', 'currency': 'VARCHAR', 'is_deleted': 'BOOLEAN'});

CREATE TABLE raw.stores AS
SELECT *, now()::TIMESTAMP AS loaded_at FROM read_csv(getvariable('landing') || '/stores/*.csv', header = true, auto_detect = false, delim = ',',
    quote = '"', columns = {
        'store_id': 'VARCHAR', 'updated_at': 'TIMESTAMP', 'name': 'VARCHAR', 'street': 'VARCHAR', 'city': 'VARCHAR',
        'state': 'VARCHAR', 'postal_code': 'VARCHAR', 'country': 'VARCHAR'});

CREATE TABLE raw.exchange_rates AS
SELECT *, now()::TIMESTAMP AS loaded_at FROM read_csv(getvariable('landing') || '/exchange_rates/*.csv', header = true, auto_detect = false,
    delim = ',', quote = '"', columns = {'rate_date': 'DATE', 'currency': 'VARCHAR', 'units_per_eur': 'DECIMAL(18, 8)'});

-- people ---------------------------------------------------------------------------------------------------------------
-- `standard` and `identity` are made between the parts, from raw.customers: contact details in standard form, and which
-- ids are one person.

-- core -----------------------------------------------------------------------------------------------------------------

CREATE MACRO core.key_of(id, since) AS
    ('0x' || left(md5(id || '|' || strftime(since, '%Y-%m-%d %H:%M:%S.%f')), 15))::BIGINT;

-- Entries that say what the one before said make no version; one that deletes ends a version.
CREATE TABLE core.dim_customer AS
WITH log AS (
    SELECT * EXCLUDE (loaded_at), coalesce(is_deleted, false) AS gone,
           struct_pack(first_name, last_name, email, phone, street, city, state, postal_code, country, is_deleted) AS said
    FROM raw.customers QUALIFY row_number() OVER (PARTITION BY customer_id, updated_at ORDER BY rowid DESC) = 1
),
changes AS (
    SELECT * FROM log
    WINDOW w AS (PARTITION BY customer_id ORDER BY updated_at) QUALIFY lag(said) OVER w IS DISTINCT FROM said
),
versions AS (
    SELECT *, updated_at AS valid_from,
           coalesce(lead(updated_at) OVER w, TIMESTAMP '9999-12-31') AS valid_to
    FROM changes WINDOW w AS (PARTITION BY customer_id ORDER BY updated_at)
),
inferred AS (
    SELECT DISTINCT customer_id FROM raw.transactions
    WHERE customer_id IS NOT NULL AND customer_id NOT IN (SELECT customer_id FROM versions WHERE NOT gone)
),
members AS (
    SELECT customer_id, first_name, last_name, email, phone, street, city, state, postal_code, country,
           false AS is_inferred, valid_from, valid_to
    FROM versions WHERE NOT gone
    UNION ALL BY NAME
    SELECT customer_id, true AS is_inferred, TIMESTAMP '1900-01-01' AS valid_from, TIMESTAMP '9999-12-31' AS valid_to
    FROM inferred
)
SELECT core.key_of(m.customer_id, valid_from) AS customer_key, m.customer_id,
       coalesce(person_id, m.customer_id) AS person_id,
       m.first_name, m.last_name, m.email, m.phone, m.street, m.city, m.state, m.postal_code, m.country,
       nullif(concat_ws(' ', s.first_name, s.last_name), '') AS full_name_standard, s.email AS email_standard,
       s.phone AS phone_standard,
       nullif(concat_ws(', ', s.street, s.city, nullif(concat_ws(' ', s.state, s.postal_code), ''), s.country), '') AS address_standard,
       is_inferred, valid_from, valid_to, valid_to = TIMESTAMP '9999-12-31' AS is_current
FROM members AS m LEFT JOIN identity USING (customer_id)
LEFT JOIN standard AS s ON s.customer_id = m.customer_id AND s.updated_at = m.valid_from;

CREATE TABLE core.dim_product AS
WITH log AS (
    SELECT * EXCLUDE (loaded_at), coalesce(is_deleted, false) AS gone,
           struct_pack(description, brand, manufacturer_id, department, category, subcategory, package_size, list_price, currency, is_deleted) AS said
    FROM raw.products QUALIFY row_number() OVER (PARTITION BY product_id, updated_at ORDER BY rowid DESC) = 1
),
changes AS (
    SELECT * FROM log
    WINDOW w AS (PARTITION BY product_id ORDER BY updated_at) QUALIFY lag(said) OVER w IS DISTINCT FROM said
),
versions AS (
    SELECT *, updated_at AS valid_from, coalesce(lead(updated_at) OVER w, TIMESTAMP '9999-12-31') AS valid_to
    FROM changes WINDOW w AS (PARTITION BY product_id ORDER BY updated_at)
),
inferred AS (
    SELECT DISTINCT product_id FROM raw.transactions
    WHERE product_id NOT IN (SELECT product_id FROM versions WHERE NOT gone)
),
members AS (
    SELECT * EXCLUDE (updated_at, is_deleted, gone, said), false AS is_inferred FROM versions WHERE NOT gone
    UNION ALL BY NAME
    SELECT product_id, true AS is_inferred, TIMESTAMP '1900-01-01' AS valid_from, TIMESTAMP '9999-12-31' AS valid_to
    FROM inferred
)
SELECT core.key_of(product_id, valid_from) AS product_key, *, valid_to = TIMESTAMP '9999-12-31' AS is_current
FROM members;

CREATE TABLE core.dim_store AS
WITH log AS (
    SELECT * EXCLUDE (loaded_at), struct_pack(name, street, city, state, postal_code, country) AS said
    FROM raw.stores QUALIFY row_number() OVER (PARTITION BY store_id, updated_at ORDER BY rowid DESC) = 1
),
changes AS (
    SELECT * FROM log
    WINDOW w AS (PARTITION BY store_id ORDER BY updated_at) QUALIFY lag(said) OVER w IS DISTINCT FROM said
),
versions AS (
    SELECT *, updated_at AS valid_from, coalesce(lead(updated_at) OVER w, TIMESTAMP '9999-12-31') AS valid_to
    FROM changes WINDOW w AS (PARTITION BY store_id ORDER BY updated_at)
),
members AS (
    SELECT * EXCLUDE (updated_at, said), false AS is_inferred FROM versions
    UNION ALL BY NAME
    SELECT DISTINCT store_id, true AS is_inferred, TIMESTAMP '1900-01-01' AS valid_from, TIMESTAMP '9999-12-31' AS valid_to
    FROM raw.transactions WHERE store_id NOT IN (SELECT store_id FROM versions)
)
SELECT core.key_of(store_id, valid_from) AS store_key, *, valid_to = TIMESTAMP '9999-12-31' AS is_current FROM members;

CREATE TABLE core.product_hierarchy AS
WITH products AS (SELECT department, category, subcategory FROM core.dim_product WHERE is_current AND department IS NOT NULL),
nodes AS (
    SELECT department AS node_id, NULL AS parent_id, 1 AS level, department AS name FROM products
    UNION ALL
    SELECT department || ' > ' || category, department, 2, category FROM products WHERE category IS NOT NULL
    UNION ALL
    SELECT department || ' > ' || category || ' > ' || subcategory, department || ' > ' || category, 3, subcategory
    FROM products WHERE category IS NOT NULL AND subcategory IS NOT NULL
)
SELECT node_id, parent_id, level, name, count(*) AS products FROM nodes GROUP BY ALL;

CREATE TABLE core.dim_time AS
SELECT h.range * 100 + m.range AS time_key, h.range AS hour, m.range AS minute,
       CASE WHEN h.range < 6 THEN 'night' WHEN h.range < 12 THEN 'morning' WHEN h.range < 18 THEN 'afternoon' ELSE 'evening' END AS part_of_day
FROM range(24) AS h, range(60) AS m;

-- The rate of a day is the latest of the seven days before it.
CREATE TEMP TABLE rates AS
WITH quotes AS (
    SELECT rate_date, currency, last(units_per_eur ORDER BY rowid) AS quote FROM raw.exchange_rates WHERE currency <> 'EUR' GROUP BY ALL
    UNION ALL
    SELECT DISTINCT rate_date, 'EUR', 1 FROM raw.exchange_rates
),
pairs AS (
    SELECT foreign_one.currency, rate_date, ours.quote AS our_quote, foreign_one.quote AS their_quote
    FROM quotes AS foreign_one JOIN quotes AS ours USING (rate_date) WHERE ours.currency = getvariable('currency')
),
sold AS (
    SELECT DISTINCT currency, transaction_timestamp::DATE AS sold_on
    FROM raw.transactions WHERE currency <> getvariable('currency')
)
SELECT sold.currency, sold_on, rate_date, our_quote, their_quote
FROM sold ASOF JOIN pairs ON pairs.currency = sold.currency AND rate_date <= sold_on WHERE rate_date >= sold_on - 7;

CREATE MACRO core.looked_up(dim, id) AS TABLE
    SELECT *, CASE WHEN row_number() OVER w = 1 THEN TIMESTAMP '0001-01-01' ELSE valid_from END AS since,
           coalesce(lead(valid_from) OVER w, TIMESTAMP '9999-12-31') AS until
    FROM query_table(dim) WINDOW w AS (PARTITION BY id ORDER BY valid_from);

CREATE TABLE core.fact_transactions AS
WITH lines AS (
    SELECT *, transaction_timestamp::DATE AS sold_on,
           round(quantity::DECIMAL(19, 4) * unit_price, 4)::DECIMAL(18, 4) AS gross_amount
    FROM raw.transactions
    QUALIFY row_number() OVER (PARTITION BY transaction_id, line_number ORDER BY rowid DESC) = 1
),
priced AS (
    SELECT lines.*, coalesce(discount_amount, 0)::DECIMAL(18, 4) AS discount,
           (gross_amount - coalesce(discount_amount, 0))::DECIMAL(18, 4) AS net_amount, lines.currency = getvariable('currency') AS is_ours,
           CASE WHEN is_ours THEN 1 ELSE round(our_quote::DOUBLE / their_quote, 8)::DECIMAL(18, 8) END AS exchange_rate,
           CASE WHEN is_ours THEN lines.sold_on ELSE rate_date END AS rate_date, our_quote, their_quote
    FROM lines LEFT JOIN rates ON rates.currency = lines.currency AND rates.sold_on = lines.sold_on
)
SELECT transaction_id, line_number, transaction_timestamp, (year(sold_on) * 10000 + month(sold_on) * 100 + day(sold_on))::INTEGER AS date_key,
       (hour(transaction_timestamp) * 100 + minute(transaction_timestamp))::INTEGER AS time_key,
       customer_key, product_key, store_key, priced.customer_id, priced.product_id, priced.store_id, quantity, unit_price,
       gross_amount, discount AS discount_amount, net_amount, priced.currency, channel, getvariable('currency') AS reporting_currency,
       exchange_rate::DECIMAL(18, 8) AS exchange_rate, rate_date,
       CASE WHEN is_ours THEN net_amount
            ELSE round(net_amount::DOUBLE * our_quote::DOUBLE / their_quote::DOUBLE, 4)::DECIMAL(18, 4) END AS net_amount_reporting,
       CASE WHEN is_ours THEN 'same_currency' WHEN rate_date IS NULL THEN 'no_rate' ELSE 'converted' END AS conversion_status
FROM priced
LEFT JOIN core.looked_up('core.dim_customer', customer_id) AS c
    ON c.customer_id = priced.customer_id AND transaction_timestamp >= c.since AND transaction_timestamp < c.until
LEFT JOIN core.looked_up('core.dim_product', product_id) AS p
    ON p.product_id = priced.product_id AND transaction_timestamp >= p.since AND transaction_timestamp < p.until
LEFT JOIN core.looked_up('core.dim_store', store_id) AS s
    ON s.store_id = priced.store_id AND transaction_timestamp >= s.since AND transaction_timestamp < s.until;

CREATE TABLE core.dim_date AS
WITH bounds AS (
    SELECT date_trunc('year', min(transaction_timestamp)) AS first_day,
           date_trunc('year', max(transaction_timestamp)) + INTERVAL 1 YEAR - INTERVAL 1 DAY AS last_day
    FROM core.fact_transactions
)
SELECT (year(d) * 10000 + month(d) * 100 + day(d))::INTEGER AS date_key, d::DATE AS calendar_date, year(d) AS year, quarter(d) AS quarter,
       month(d) AS month, day(d) AS day_of_month, isodow(d) AS day_of_week, dayofyear(d) AS day_of_year,
       date_trunc('week', d)::DATE AS week_start, date_trunc('month', d)::DATE AS month_start, isodow(d) >= 6 AS is_weekend
FROM (SELECT unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS d FROM bounds);

-- marts ----------------------------------------------------------------------------------------------------------------

CREATE MACRO marts.sales_by(period) AS TABLE
    SELECT date_trunc(period, transaction_timestamp)::DATE AS period_start, coalesce(department, 'Unassigned') AS department,
           count(DISTINCT transaction_id) AS transactions, count(*) AS lines, count(*) FILTER (quantity < 0) AS return_lines,
           count(DISTINCT f.customer_id) AS customers, sum(quantity) AS quantity,
           coalesce(sum(net_amount_reporting), 0) AS net_amount_reporting,
           count(*) FILTER (conversion_status IN ('no_rate', 'too_large')) AS unconverted_lines
    FROM core.fact_transactions AS f LEFT JOIN core.dim_product USING (product_key)
    GROUP BY ALL;

CREATE TABLE marts.sales_daily AS SELECT * RENAME (period_start AS sales_date) FROM marts.sales_by('day');
CREATE TABLE marts.sales_weekly AS SELECT * RENAME (period_start AS week_start) FROM marts.sales_by('week');
CREATE TABLE marts.sales_monthly AS SELECT * RENAME (period_start AS month_start) FROM marts.sales_by('month');

CREATE TABLE marts.product_performance AS
WITH sales AS (
    SELECT product_id, count(*) AS lines, count(*) FILTER (quantity < 0) AS return_lines, count(DISTINCT customer_id) AS customers,
           sum(quantity) AS quantity, coalesce(sum(net_amount_reporting), 0) AS net_amount_reporting,
           min(transaction_timestamp)::DATE AS first_sold, max(transaction_timestamp)::DATE AS last_sold,
           min(transaction_timestamp) FILTER (quantity > 0) AS first_sale, max(transaction_timestamp) FILTER (quantity > 0) AS last_sale
    FROM core.fact_transactions GROUP BY product_id
),
newest AS (SELECT * FROM core.dim_product QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY valid_from DESC) = 1)
SELECT product_id, description, department, category, subcategory, brand, lines, return_lines, customers, quantity,
       net_amount_reporting, first_sold, last_sold,
       coalesce(first_sale > max(last_sale) OVER () - INTERVAL 28 DAY
           AND min(first_sale) OVER () <= max(last_sale) OVER () - INTERVAL 28 DAY, false) AS is_new,
       is_inferred AS is_unlisted,
       row_number() OVER (PARTITION BY department ORDER BY net_amount_reporting DESC, product_id) AS rank_in_department
FROM sales LEFT JOIN newest USING (product_id);

CREATE TABLE marts.customer_segments AS
WITH totals AS (
    SELECT person_id, count(DISTINCT f.customer_id) FILTER (quantity > 0) AS customer_ids,
           max(transaction_timestamp::DATE) FILTER (quantity > 0) AS last_purchase,
           count(DISTINCT transaction_id) FILTER (quantity > 0) AS frequency,
           coalesce(sum(net_amount_reporting), 0) AS monetary_reporting
    FROM core.fact_transactions AS f JOIN core.dim_customer USING (customer_key) GROUP BY person_id
),
scored AS (
    SELECT *, (SELECT max(transaction_timestamp)::DATE FROM core.fact_transactions) AS as_of,
           ntile(5) OVER (ORDER BY last_purchase, person_id) AS recency_score,
           ntile(5) OVER (ORDER BY frequency, person_id) AS frequency_score,
           ntile(5) OVER (ORDER BY monetary_reporting, person_id) AS monetary_score
    FROM totals WHERE last_purchase IS NOT NULL
)
SELECT person_id, as_of, customer_ids, last_purchase, as_of - last_purchase AS recency_days, frequency, monetary_reporting,
       recency_score, frequency_score, monetary_score,
       CASE WHEN recency_score >= 4 AND frequency_score >= 4 THEN 'Champions'
            WHEN recency_score >= 3 AND frequency_score >= 3 THEN 'Loyal'
            WHEN recency_score >= 4 AND frequency_score = 1 THEN 'New'
            WHEN recency_score >= 3 THEN 'Potential' WHEN frequency_score >= 3 THEN 'At risk'
            WHEN recency_score = 2 THEN 'Hibernating' ELSE 'Lost' END AS segment
FROM scored;

CREATE VIEW marts.retail_sales AS
SELECT transaction_id, line_number, transaction_timestamp, f.customer_id, person_id, segment, f.product_id, description, brand,
       department, category, subcategory, f.store_id, s.name AS store_name, channel, quantity, net_amount, net_amount_reporting
FROM core.fact_transactions AS f LEFT JOIN core.dim_customer USING (customer_key)
LEFT JOIN core.dim_product USING (product_key) LEFT JOIN core.dim_store AS s USING (store_key)
LEFT JOIN marts.customer_segments USING (person_id);

CHECKPOINT;
