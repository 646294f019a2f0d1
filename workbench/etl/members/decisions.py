"""What people decide about products, ``ops.product_decisions``: each decision stays, and of a product's the newest counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Literal

import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.governance import audit
from workbench.governance.ledger import after
from workbench.schema import cut
from workbench.warehouse import Session, Warehouse

TABLE = "ops.product_decisions"
STEP = "product_category"
"""The step of the products workflow that follows decisions; its watermark is forgotten where one is taken."""

STANDING = (
    "SELECT * FROM (SELECT d.*, row_number() OVER (PARTITION BY product_id ORDER BY decided_at DESC) AS place "
    f"FROM {TABLE} AS d) AS ranked WHERE place = 1 AND verdict = 'category'"
)
"""The query for the decisions that count, for other queries to stand on."""


@dataclass(frozen=True)
class Decision:
    """One decision; ``verdict`` is ``category``, or ``undone`` where the last one shall count no more. Times are UTC."""

    product_id: str
    verdict: Literal["category", "undone"]
    category: str | None
    department: str | None
    note: str
    decided_by: str
    decided_at: datetime


_NAMES = [field.name for field in fields(Decision)]
_COLUMNS = ", ".join(_NAMES)


def review(warehouse: Warehouse, limit: int = 20) -> pd.DataFrame:
    """Return products whose category nobody knows, those that sell most first, with the likeliest guess.

    Columns: ``product_id, description, brand, department, lines, suggested_category, suggested_confidence``.
    """
    return warehouse.frame(
        f"""
        SELECT assigned.product_id, newest.description, newest.brand, assigned.department,
               coalesce(sold.lines, 0) AS lines, suggested_category, suggested_confidence
        FROM staging.product_category AS assigned
        LEFT JOIN marts.product_performance AS sold ON sold.product_id = assigned.product_id
        LEFT JOIN (
            SELECT product_id, description, brand,
                   row_number() OVER (PARTITION BY product_id ORDER BY valid_from DESC) AS age
            FROM core.dim_product
        ) AS newest ON newest.product_id = assigned.product_id AND newest.age = 1
        LEFT JOIN ({STANDING}) AS decided ON decided.product_id = assigned.product_id
        WHERE category_source = 'none' AND decided.product_id IS NULL
        ORDER BY lines DESC, suggested_confidence DESC NULLS LAST, assigned.product_id LIMIT {int(limit)}
        """
    )


def decide(
    warehouse: Warehouse, product_id: str, category: str, *, department: str = "", note: str = "", actor: str = "",
    is_new: bool = False,
) -> Decision:  # fmt: skip
    """Say which category a product is of; the next run follows it, and every run after.

    It counts where the product's feed says nothing: a category that lands is the feed's word.

    Args:
        warehouse: where the product is.
        product_id: which.
        category: one that other products have.
        department: the category's usual one, if empty.
        note: why.
        actor: who says so; whoever runs this, if empty.
        is_new: the category may be one that no product has yet.

    Raises:
        UsageError: no such product or category, or its feed says of which category it is.
    """
    source = _source(warehouse, product_id)
    if source == "feed":
        raise UsageError(
            f"the feed of products says of which category {product_id} is; mend it there, and load it again"
        )
    known = {row["category"]: row["department"] for row in warehouse.rows(_USUAL)}
    if category not in known and not is_new:
        try:
            raise unknown("category", category, known)
        except UsageError as error:
            raise UsageError(f"{error}; --new makes one") from None
    chosen = department or known.get(category)
    return _take(warehouse, product_id, "category", category, chosen, note, actor)


_USUAL = """
    SELECT category, department FROM (
        SELECT category, department, row_number() OVER (
            PARTITION BY category ORDER BY count(*) DESC, department
        ) AS place
        FROM staging.product_category WHERE category IS NOT NULL GROUP BY category, department
    ) AS ranked WHERE place = 1
"""


def undo(warehouse: Warehouse, product_id: str, *, note: str = "", actor: str = "") -> Decision:
    """Take the decision back that stands about a product.

    Raises:
        UsageError: none stands.
    """
    if not warehouse.rows(f"SELECT product_id FROM ({STANDING}) AS s WHERE product_id = ?", [product_id]):
        raise UsageError(
            f"no decision stands about product {product_id!r}; workbench products decisions lists them"
        )
    return _take(warehouse, product_id, "undone", None, None, note, actor)


def standing(warehouse: Warehouse) -> list[Decision]:
    """Return the decisions that count, the newest first."""
    rows = warehouse.rows(f"SELECT {_COLUMNS} FROM ({STANDING}) AS s ORDER BY decided_at DESC, product_id")
    return [Decision(**row | {"note": row["note"] or ""}) for row in rows]


def _source(warehouse: Warehouse, product_id: str) -> str:
    rows = warehouse.rows(
        "SELECT category_source FROM staging.product_category WHERE product_id = ?", [product_id]
    )
    if not rows:
        raise UsageError(
            f"no product {product_id!r} is listed or sold, as of the last run; workbench products review lists those to decide"
        )
    return str(rows[0]["category_source"])


def _take(
    warehouse: Warehouse, product_id: str, verdict: Literal["category", "undone"], category: str | None,
    department: str | None, note: str, actor: str,
) -> Decision:  # fmt: skip
    who = actor or audit.somebody()

    def work(session: Session) -> Decision:
        ((last,),) = session.execute(
            f"SELECT max(decided_at) FROM {TABLE} WHERE product_id = ?", [product_id]
        ).fetchall()
        taken = Decision(
            product_id, verdict, category, department, cut(note, 2048), cut(who, 128), after(last)
        )
        marks = ", ".join("?" for _ in _NAMES)
        session.execute(f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES ({marks})", list(asdict(taken).values()))
        session.execute("DELETE FROM ops.watermarks WHERE model = ?", [STEP])
        details = {"verdict": verdict, "category": category, "department": department, "note": note}
        audit.note(session, who, "decide product", product_id, details, taken.decided_at)
        return taken

    return warehouse.run(work)
