"""What came back, and what came late: the sale of each return, and lines of days that were closed."""

from __future__ import annotations

from workbench.schema.model import Column, Table, bigint, date, decimal, integer, text, timestamp

_RETURN: tuple[Column, ...] = (
    text("transaction_id", "receipt of the return", size=64, nullable=False),
    bigint("line_number", "line of the return", nullable=False),
    text("sale_transaction_id", "receipt of the sale", size=64, nullable=False),
    bigint("sale_line_number", "line of the sale", nullable=False),
    timestamp("sale_timestamp", "when it was sold, UTC", nullable=False),
    decimal("quantity", "units of the sale that the return takes back", nullable=False),
)

RETURNS = (
    Table(
        "staging", "batch_days", "lines of each landed file of sales by business day",
        (
            text("batch_id", "the landed file", size=64, nullable=False),
            date("sale_date", "business day of the stores", nullable=False),
            bigint("lines", "lines, repeats and those that others have replaced since included", nullable=False),
            bigint("stores", "stores that they are of", nullable=False),
            timestamp("ingested_at", "when the file was taken in, UTC", nullable=False),
        ),
        key=("batch_id", "sale_date"), dist="all", sort=("ingested_at",),
        why="a few rows a file: a copy on each node",
    ),
    Table(
        "marts", "late_lines", "lines that came after their day was closed, by file and day",
        (
            text("batch_id", "the landed file", size=64, nullable=False),
            date("sale_date", "business day of the stores", nullable=False),
            bigint("lines", "lines, corrections of ones that were there included", nullable=False),
            bigint("stores", "stores that they are of", nullable=False),
            timestamp("ingested_at", "when the file was taken in, UTC", nullable=False),
            integer("days_behind", "days from theirs to the newest that a file before had brought; 2 and more is late", nullable=False),
        ),
        key=("batch_id", "sale_date"), dist="all", sort=("ingested_at",),
        why="a few rows: a copy on each node",
    ),
    Table(
        "staging", "receipt_matches", "units of sales that lines take back which name the receipt, or stand on it",
        (
            *_RETURN,
            text("matched_by", "void: on the sale's own receipt; reference: it names the receipt", size=16, nullable=False),
            text("customer_id", "customer of the return", size=64),
            text("sale_customer_id", "customer of the sale", size=64),
        ),
        key=("transaction_id", "line_number", "sale_transaction_id", "sale_line_number"),
        dist="sale_transaction_id", sort=("sale_transaction_id",),
        why="worked out by the receipt of the sale, beside its lines",
    ),
    Table(
        "staging", "purchase_matches", "units of sales that returns take back which name no receipt, by who bought and what",
        (
            *_RETURN,
            text("matched_by", "price: the same unit price; paid_price: what was paid for a unit, in cents", size=16, nullable=False),
            text("customer_id", "customer of both", size=64, nullable=False),
        ),
        key=("transaction_id", "line_number", "sale_transaction_id", "sale_line_number"),
        dist="customer_id", sort=("customer_id",),
        why="worked out by customer: all of one on one node",
    ),
    Table(
        "core", "return_lines", "one row a line with a negative quantity: of which sale it is, as far as that can be found",
        (
            text("transaction_id", "receipt of the return", size=64, nullable=False),
            bigint("line_number", "line of the return", nullable=False),
            timestamp("transaction_timestamp", "when it came back, UTC", nullable=False),
            text("kind", "return, or void: it takes back what its own receipt sold", size=16, nullable=False),
            text("customer_id", "who brought it", size=64),
            bigint("product_key", "version of the product then", nullable=False),
            text("product_id", "what came back", size=64, nullable=False),
            text("store_id", "where it came back", size=64, nullable=False),
            text("original_transaction_id", "receipt that the return names", size=64),
            decimal("quantity", "units that came back; positive", nullable=False),
            decimal("net_amount_reporting", "what was paid back, in the reporting currency; positive"),
            decimal("matched_quantity", "units of it whose sale was found", nullable=False),
            text("matched_by", "void, reference, price or paid_price; empty where no sale was found", size=16),
            text("unmatched", "why units have no sale: sale_not_here, not_left_on_receipt, no_customer or no_purchase", size=32),
            integer("sale_lines", "lines of sales that it takes back", nullable=False),
            text("sale_transaction_id", "receipt of the sale; of several, of the most units", size=64),
            bigint("sale_line_number", "line of that receipt"),
            timestamp("sale_timestamp", "when that was sold, UTC"),
            date("return_date", "business day of the store on which it came back", nullable=False),
            integer("days_since_sale", "days from that sale to the return"),
        ),
        key=("transaction_id", "line_number"), dist="transaction_id", sort=("transaction_timestamp",),
        why="where the receipt's lines lie, for the join to them; queries cut by time",
    ),
)  # fmt: skip
