"""The star schema: type-2 dimensions and facts with the keys valid at the event's time."""

from __future__ import annotations

from workbench.schema.model import (
    Column,
    Table,
    bigint,
    boolean,
    date,
    decimal,
    double,
    integer,
    json,
    text,
    timestamp,
)


def _key(name: str, comment: str, *, nullable: bool = False) -> Column:
    return bigint(name, comment, nullable=nullable)


_VALIDITY = (
    boolean("is_inferred", "true for a member known only from facts", nullable=False),
    timestamp("valid_from", "when this version began, UTC", nullable=False),
    timestamp("valid_to", "when it ended, UTC; 9999-12-31 while open", nullable=False),
    boolean("is_current", "true for the open version", nullable=False),
)

_ADDRESS = (
    text("street", "street and house number"),
    text("city", "city"),
    text("state", "state or region"),
    text("postal_code", "postal code", size=32),
    text("country", "country", size=64),
)

CORE = (
    Table(
        "core", "dim_customer", "customers, type 2: one row a version",
        (
            _key("customer_key", "hash of customer_id and valid_from"),
            text("customer_id", "natural key", size=64, nullable=False),
            text("person_id", "the person behind it; several ids may be one person", size=64, nullable=False),
            text("first_name", "given name as it landed"),
            text("last_name", "family name as it landed"),
            text("email", "e-mail as it landed"),
            text("phone", "telephone as it landed", size=64),
            *_ADDRESS,
            text("full_name_standard", "name in standard form", size=512),
            text("email_standard", "e-mail in standard form"),
            text("phone_standard", "E.164", size=32),
            text("address_standard", "address in standard form, one line", size=1024),
            *_VALIDITY,
        ),
        ("customer_key",), "all", ("customer_id", "valid_from"),
    ),
    Table(
        "core", "dim_product", "products, type 2: one row a version",
        (
            _key("product_key", "hash of product_id and valid_from"),
            text("product_id", "natural key", size=64, nullable=False),
            text("description", "name on the shelf", size=512),
            text("brand", "brand or brand class"),
            text("manufacturer_id", "who makes it", size=64),
            text("department", "top of the hierarchy; landed, else assigned"),
            text("category", "second level; landed, else assigned"),
            text("subcategory", "third level; landed, else assigned"),
            text("package_size", "as printed", size=64),
            decimal("list_price", "price without discount", scale=6),
            text("currency", "ISO 4217 code of list_price", size=3),
            text("category_source", "feed, predicted or none", size=16, nullable=False),
            double("category_confidence", "0 to 1; 1 for the feed"),
            *_VALIDITY,
        ),
        ("product_key",), "all", ("product_id", "valid_from"),
    ),
    Table(
        "core", "dim_store", "stores (the location dimension), type 2: one row a version",
        (
            _key("store_key", "hash of store_id and valid_from"),
            text("store_id", "natural key", size=64, nullable=False),
            text("name", "name of the store"),
            *_ADDRESS,
            *_VALIDITY,
        ),
        ("store_key",), "all", ("store_id", "valid_from"),
    ),
    Table(
        "core", "product_hierarchy", "department, category, subcategory as a tree",
        (
            text("node_id", "path of the node, levels parted by ' > '", size=1024, nullable=False),
            text("parent_id", "path of its parent; empty for a department", size=1024),
            integer("level", "1 department, 2 category, 3 subcategory", nullable=False),
            text("name", "name of the node", nullable=False),
            bigint("products", "current products below it", nullable=False),
        ),
        ("node_id",), "all", ("node_id",),
    ),
    Table(
        "core", "dim_date", "calendar days",
        (
            integer("date_key", "yyyymmdd", nullable=False),
            date("calendar_date", "the day", nullable=False),
            integer("year", "year", nullable=False),
            integer("quarter", "1 to 4", nullable=False),
            integer("month", "1 to 12", nullable=False),
            integer("day_of_month", "1 to 31", nullable=False),
            integer("day_of_week", "ISO: 1 Monday to 7 Sunday", nullable=False),
            integer("day_of_year", "1 to 366", nullable=False),
            date("week_start", "Monday of its week", nullable=False),
            date("month_start", "first of its month", nullable=False),
            boolean("is_weekend", "Saturday or Sunday", nullable=False),
        ),
        ("date_key",), "all", ("date_key",),
    ),
    Table(
        "core", "dim_time", "minutes of the day",
        (
            integer("time_key", "hour * 100 + minute", nullable=False),
            integer("hour", "0 to 23", nullable=False),
            integer("minute", "0 to 59", nullable=False),
            text("part_of_day", "night, morning, afternoon or evening", size=16, nullable=False),
        ),
        ("time_key",), "all", ("time_key",),
    ),
    Table(
        "core", "fact_transactions", "one row a transaction line, its latest correction",
        (
            text("transaction_id", "the receipt or order", size=64, nullable=False),
            bigint("line_number", "line of the receipt", nullable=False),
            timestamp("transaction_timestamp", "when it was sold, UTC", nullable=False),
            integer("date_key", "day", nullable=False),
            integer("time_key", "minute of the day", nullable=False),
            _key("customer_key", "version valid then; empty for an anonymous sale", nullable=True),
            _key("product_key", "version valid then"),
            _key("store_key", "version valid then"),
            text("customer_id", "natural key", size=64),
            text("product_id", "natural key", size=64, nullable=False),
            text("store_id", "natural key", size=64, nullable=False),
            decimal("quantity", "units; negative for a return", nullable=False),
            decimal("unit_price", "price of one unit", scale=6, nullable=False),
            decimal("gross_amount", "quantity * unit_price", nullable=False),
            decimal("discount_amount", "taken off the whole line", nullable=False),
            decimal("net_amount", "gross less discount", nullable=False),
            text("currency", "ISO 4217 code of the amounts", size=3, nullable=False),
            text("channel", "store, online, ...", size=32),
            text("reporting_currency", "ISO 4217 code converted to", size=3, nullable=False),
            decimal("exchange_rate", "units of the reporting currency for one of the currency", scale=8),
            date("rate_date", "day of that rate"),
            decimal("net_amount_reporting", "net amount in the reporting currency"),
            text("conversion_status", "same_currency, converted or no_rate", size=16, nullable=False),
            text("_batch_id", "the landed file", size=64, nullable=False),
        ),
        ("transaction_id", "line_number"), "transaction_id", ("transaction_timestamp",),
    ),
    Table(
        "core", "fact_events", "one row an event, its latest correction",
        (
            text("event_id", "natural key", size=64, nullable=False),
            timestamp("event_timestamp", "when it happened, UTC", nullable=False),
            integer("date_key", "day", nullable=False),
            integer("time_key", "minute of the day", nullable=False),
            text("event_type", "what happened", size=64, nullable=False),
            _key("customer_key", "version valid then", nullable=True),
            _key("product_key", "version valid then", nullable=True),
            _key("store_key", "version valid then", nullable=True),
            text("customer_id", "natural key", size=64),
            text("product_id", "natural key", size=64),
            text("store_id", "natural key", size=64),
            text("session_id", "visit it belongs to", size=64),
            json("properties", "whatever else the source tells"),
            text("_batch_id", "the landed file", size=64, nullable=False),
        ),
        ("event_id",), "event_id", ("event_timestamp",),
    ),
    Table(
        "core", "fact_measurements", "one row a reading, its latest correction",
        (
            text("measurement_id", "natural key", size=64, nullable=False),
            timestamp("measured_at", "when it was read, UTC", nullable=False),
            integer("date_key", "day", nullable=False),
            integer("time_key", "minute of the day", nullable=False),
            _key("store_key", "version valid then", nullable=True),
            text("store_id", "natural key", size=64),
            text("metric", "what was measured", size=64, nullable=False),
            decimal("value", "the reading", scale=6, nullable=False),
            text("unit", "unit of the reading", size=32),
            text("_batch_id", "the landed file", size=64, nullable=False),
        ),
        ("measurement_id",), "measurement_id", ("measured_at",),
    ),
)  # fmt: skip
