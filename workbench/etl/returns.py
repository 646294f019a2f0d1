"""What came back, was cancelled or came late: the queries of the report, as frames."""

from __future__ import annotations

import pandas as pd

from workbench.numbers import count, money, share
from workbench.table import Facts
from workbench.warehouse import Warehouse

_FOUND = {
    "void": "taken back on its own receipt",
    "reference": "the receipt that it names",
    "price": "the customer's last purchase at that price",
    "paid_price": "the customer's last purchase at what was paid",
}
_UNMATCHED = {
    "sale_not_here": "the receipt that it names is not here",
    "not_left_on_receipt": "the receipt that it names has none, or no more, of it",
    "no_customer": "no receipt and no customer",
    "no_purchase": "the customer bought none, or no more, of it",
}


def counts(warehouse: Warehouse) -> dict[str, int]:
    """Count return lines, those whose sale was found whole, voided lines and cancelled ones."""
    (row,) = warehouse.query(
        """
        SELECT count(CASE WHEN kind = 'return' THEN 1 END) AS return_lines,
               count(CASE WHEN kind = 'return' AND unmatched IS NULL THEN 1 END) AS matched_returns,
               count(CASE WHEN kind = 'void' THEN 1 END) AS voided_lines,
               (SELECT CAST(coalesce(sum(cancelled_lines), 0) AS BIGINT) FROM marts.sales_monthly) AS cancelled_lines
        FROM core.return_lines
        """
    ).to_pylist()
    return {name: int(value) for name, value in row.items()}


def at_a_glance(warehouse: Warehouse, currency: str) -> Facts:
    """Say how much came back, and of how much of it the sale is known."""
    figures = counts(warehouse)
    (row,) = warehouse.query(
        """
        SELECT CAST(sum(CASE WHEN kind = 'return' THEN net_amount_reporting END) AS DOUBLE PRECISION) AS amount,
               (SELECT CAST(coalesce(sum(lines), 0) AS BIGINT) FROM marts.sales_monthly) AS lines
        FROM core.return_lines
        """
    ).to_pylist()
    returned = figures["return_lines"]
    if not returned and not figures["voided_lines"] and not figures["cancelled_lines"]:
        return Facts({"Returns": "none yet"})
    facts = {"Lines that came back": f"{count(returned)}, {share(returned / row['lines'])} of all lines"}
    if returned:
        facts["Paid back"] = money(row["amount"] or 0, currency)
        facts["Whose sale was found"] = (
            f"{count(figures['matched_returns'])}, {share(figures['matched_returns'] / returned)}"
        )
    facts["Voided at the till"] = count(figures["voided_lines"])
    facts["Cancelled lines"] = count(figures["cancelled_lines"])
    return Facts(facts)


def by_category(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the categories of which most came back; products are in the category that they are in now.

    Columns: ``department, category, sold_lines, return_lines, rate, paid_back, matched`` (rate: return lines for one that
    was sold; matched: part of the return lines whose sale was found whole; both 0 to 1).
    """
    found = warehouse.frame(
        """
        SELECT coalesce(product.department, 'Unassigned') AS department,
               coalesce(product.category, 'Unassigned') AS category, count(*) AS return_lines,
               CAST(sum(returned.net_amount_reporting) AS DOUBLE PRECISION) AS paid_back,
               CAST(count(CASE WHEN returned.unmatched IS NULL THEN 1 END) AS DOUBLE PRECISION) / count(*) AS matched
        FROM core.return_lines AS returned
        LEFT JOIN marts.product_performance AS product ON product.product_id = returned.product_id
        WHERE returned.kind = 'return' GROUP BY 1, 2
        """
    )
    sold = warehouse.frame(
        """
        SELECT coalesce(product.department, 'Unassigned') AS department,
               coalesce(product.category, 'Unassigned') AS category,
               CAST(sum(totals.sold_lines) AS BIGINT) AS sold_lines
        FROM staging.product_totals AS totals
        LEFT JOIN marts.product_performance AS product ON product.product_id = totals.product_id
        GROUP BY 1, 2
        """
    )
    table = found.merge(sold, on=["department", "category"], how="left").fillna({"sold_lines": 0})
    table["sold_lines"] = table["sold_lines"].astype("int64")
    table["rate"] = table["return_lines"] / table["sold_lines"].where(table["sold_lines"] > 0)
    ordered = table.sort_values(["return_lines", "department", "category"], ascending=[False, True, True])
    columns = ["department", "category", "sold_lines", "return_lines", "rate", "paid_back", "matched"]
    return ordered[columns].head(limit).reset_index(drop=True)


def how_found(warehouse: Warehouse) -> pd.DataFrame:
    """Return how the sales of lines that came back were found, or why not: ``how, lines, units, units_without_sale``."""
    found = warehouse.frame(
        """
        SELECT matched_by, unmatched, count(*) AS lines, CAST(sum(quantity) AS DOUBLE PRECISION) AS units,
               CAST(sum(quantity - matched_quantity) AS DOUBLE PRECISION) AS units_without_sale
        FROM core.return_lines GROUP BY 1, 2 ORDER BY lines DESC, matched_by, unmatched
        """
    )
    how = found["matched_by"].map(_FOUND)
    why = found["unmatched"].map(_UNMATCHED)
    words = how.where(why.isna(), "in part: " + how.fillna("") + "; " + why.fillna(""))
    found.insert(0, "how", words.where(how.notna(), "not found: " + why.fillna("")))
    return found.drop(columns=["matched_by", "unmatched"])


def late_lines(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the newest files with lines of closed days: ``file, taken_in, late_lines, first_day, last_day, days_behind``."""
    return warehouse.frame(
        f"""
        SELECT batches.uri AS file, max(late.ingested_at) AS taken_in, CAST(sum(late.lines) AS BIGINT) AS late_lines,
               min(late.sale_date) AS first_day, max(late.sale_date) AS last_day, max(late.days_behind) AS days_behind
        FROM marts.late_lines AS late LEFT JOIN ops.batches AS batches ON batches.batch_id = late.batch_id
        GROUP BY late.batch_id, batches.uri ORDER BY 2 DESC, late.batch_id LIMIT {int(limit)}
        """
    )
