"""The datasets that land, the raw tables that hold their accepted rows, and where withdrawn rows are kept."""

from __future__ import annotations

from dataclasses import replace

from workbench.schema.model import (
    ADDRESS,
    Column,
    Table,
    bigint,
    boolean,
    date,
    decimal,
    integer,
    json,
    text,
    timestamp,
)

EXTRA = "_extra"
"""Name of the JSON column that keeps what landed under unknown column names."""
HAS_ZONE = "_has_zone"
"""Name of the column that tells whether a row's time landed with a zone or an offset."""

_BOOKKEEPING = (
    json(EXTRA, "columns that landed beside the declared ones"),
    text("_batch_id", "the landed file: sha256 of dataset, map and bytes", size=64, nullable=False),
    bigint("_row_number", "position of the row in its file, from 1", nullable=False),
    timestamp("_ingested_at", "when its batch was taken in; later batches have later times", nullable=False),
)


def _raw(
    name: str,
    comment: str,
    columns: tuple[Column, ...],
    *,
    key: tuple[str, ...],
    dist: str,
    sort: tuple[str, ...],
    why: str,
) -> Table:
    return Table("raw", name, comment, (*columns, *_BOOKKEEPING), key=key, dist=dist, sort=sort, why=why)


def _when(name: str, comment: str) -> Column:
    return timestamp(name, comment, nullable=False, checks=("not_too_early", "not_in_future"))


RAW = (
    _raw(
        "transactions", "sales lines as they landed",
        (
            text("transaction_id", "the receipt or order", size=64, nullable=False),
            bigint("line_number", "line of the receipt", nullable=False),
            _when("transaction_timestamp", "when it was sold: UTC; as it landed where it had no zone"),
            text("customer_id", "who bought; empty for an anonymous sale", size=64),
            text("product_id", "what was sold", size=64, nullable=False),
            text("store_id", "where it was sold", size=64, nullable=False),
            decimal("quantity", "units; negative for a return", nullable=False, checks=("not_zero",)),
            decimal("unit_price", "price of one unit", scale=6, nullable=False, checks=("not_negative", "amount_fits")),
            decimal("discount_amount", "taken off the whole line", checks=("half_an_amount",)),
            text("currency", "ISO 4217 code of the amounts", size=3, nullable=False, checks=("currency",)),
            text("channel", "store, online, ...", size=32),
            text("line_status", "sold, returned or cancelled; empty: as the quantity says", size=16, checks=("line_status",)),
            text("original_transaction_id", "of a return, the receipt on which it was bought, if known", size=64),
            boolean(HAS_ZONE, "true where the time landed with a zone or an offset; without, it is the store's local time"),
        ),
        key=("transaction_id", "line_number"), dist="transaction_id", sort=("transaction_timestamp",),
        why="spread by receipt, so that corrections and repeats of a line meet on one node; nearly every query cuts by time",
    ),
    _raw(
        "customers", "change log of customers",
        (
            text("customer_id", "natural key", size=64, nullable=False),
            _when("updated_at", "when the change was made, UTC"),
            text("first_name", "given name"),
            text("last_name", "family name"),
            text("email", "e-mail address"),
            text("phone", "telephone number", size=64),
            *ADDRESS,
            boolean("is_deleted", "true where the customer was deleted"),
            text("birth_date", "day of birth as it landed; it serves to tell who is who", size=32),
            text("national_id", "number that a state gave the person; it serves to tell who is who, and is shown nowhere",
                 size=64),
        ),
        key=("customer_id", "updated_at"), dist="customer_id", sort=("customer_id",),
        why="all versions of a customer lie together on one node, in order, for the window that makes its history",
    ),
    _raw(
        "products", "change log of products",
        (
            text("product_id", "natural key", size=64, nullable=False),
            _when("updated_at", "when the change was made, UTC"),
            text("description", "name on the shelf", size=512),
            text("brand", "brand or brand class"),
            text("manufacturer_id", "who makes it", size=64),
            text("department", "top of the hierarchy"),
            text("category", "second level"),
            text("subcategory", "third level"),
            text("package_size", "as printed", size=64),
            decimal("list_price", "price without discount", scale=6, checks=("not_negative",)),
            text("currency", "ISO 4217 code of list_price", size=3, checks=("currency",)),
            boolean("is_deleted", "true where the product was withdrawn"),
        ),
        key=("product_id", "updated_at"), dist="product_id", sort=("product_id",),
        why="all versions of a product lie together on one node, in order, for the window that makes its history",
    ),
    _raw(
        "stores", "change log of stores",
        (
            text("store_id", "natural key", size=64, nullable=False),
            _when("updated_at", "when the change was made, UTC"),
            text("name", "name of the store"),
            *ADDRESS,
            text("time_zone", "IANA name such as America/New_York; the newest one of a store counts for all of its sales", size=64,
                 checks=("time_zone",)),
            integer("day_starts", "hour of the clock at which its business day begins, 0 to 23; empty is 0", checks=("hour_of_day",)),
        ),
        key=("store_id", "updated_at"), dist="all", sort=("store_id",),
        why="a few thousand rows that every build joins: a copy on each node",
    ),
    _raw(
        "exchange_rates", "reference rates of the European Central Bank",
        (
            date("rate_date", "day of the rate", nullable=False,
                 checks=("not_too_early", "not_in_future")),
            text("currency", "ISO 4217 code", size=3, nullable=False, checks=("currency",)),
            decimal("units_per_eur", "units of the currency for one euro", scale=8, nullable=False,
                    checks=("not_zero", "not_negative")),
        ),
        key=("rate_date", "currency"), dist="all", sort=("currency", "rate_date"),
        why="some hundred thousand rows that every fact looks up by currency, then day: a copy on each node",
    ),
    _raw(
        "events", "what customers did",
        (
            text("event_id", "natural key", size=64, nullable=False),
            _when("event_timestamp", "when it happened, UTC"),
            text("event_type", "page_view, add_to_basket, ...", size=64, nullable=False),
            text("customer_id", "who, if known", size=64),
            text("session_id", "visit it belongs to", size=64),
            text("product_id", "product it concerns", size=64),
            text("store_id", "store it concerns", size=64),
            json("properties", "whatever else the source tells"),
            text("visitor_id", "device or browser, known before anybody signs in", size=64),
            text("channel", "web, app, store, ...", size=32),
        ),
        key=("event_id",), dist="event_id", sort=("event_timestamp",),
        why="spread evenly by a key of many values, so that repeats of an event meet on one node; queries cut by time",
    ),
    _raw(
        "measurements", "readings of devices and counters",
        (
            text("measurement_id", "natural key", size=64, nullable=False),
            _when("measured_at", "when it was read, UTC"),
            text("store_id", "where", size=64),
            text("metric", "what was measured", size=64, nullable=False),
            decimal("value", "the reading", scale=6, nullable=False),
            text("unit", "unit of the reading", size=32, checks=("unit", "unit_of_metric")),
            text("sensor_id", "device that read it", size=64),
        ),
        key=("measurement_id",), dist="measurement_id", sort=("measured_at",),
        why="spread evenly by a key of many values, so that repeats of a reading meet on one node; queries cut by time",
    ),
    _raw(
        "fraud_labels", "verdicts of investigators",
        (
            text("transaction_id", "the receipt", size=64, nullable=False),
            boolean("is_fraud", "the verdict", nullable=False),
            _when("labelled_at", "when it was given, UTC"),
        ),
        key=("transaction_id", "labelled_at"), dist="transaction_id", sort=("transaction_id",),
        why="beside the receipts they judge: joined to transactions by receipt without moving a row",
    ),
)  # fmt: skip

WITHDRAWN = tuple(
    replace(
        table,
        schema="withdrawn",
        comment=f"rows of raw.{table.name} whose batch was withdrawn, as they were there",
        why=f"as raw.{table.name}, where its rows come from and may go back to",
    )
    for table in RAW
)
