"""What is asked for often, kept worked out on engines that have materialized views."""

from __future__ import annotations

import hashlib
from dataclasses import KW_ONLY, dataclass

from workbench.schema.ddl import comment_on, distribution, quote


@dataclass(frozen=True)
class Report:
    """A reporting view over a materialized view of its own.

    ``sums`` is the materialized view's query: plain sums and counts over one table, which Redshift keeps up to date by
    what was added since. ``query`` is the view's, with ``{sums}`` in place of the materialized view's name; the view
    binds late, so tables and materialized view can be made anew under it.
    """

    name: str
    comment: str
    _: KW_ONLY
    reads: tuple[str, ...]
    dist: str
    sort: tuple[str, ...]
    sums: str
    query: str

    @property
    def full_name(self) -> str:
        """``marts.name``."""
        return f"marts.{self.name}"

    @property
    def materialized_name(self) -> str:
        """``marts.mv_name``."""
        return f"marts.mv_{self.name}"

    @property
    def mark(self) -> str:
        """The view's comment: what it is, and by which declaration it was made."""
        content = repr((self.dist, self.sort, self.sums, self.query))
        return f"{self.comment} [{hashlib.sha256(content.encode()).hexdigest()[:12]}]"

    def drop(self) -> list[str]:
        """Return the statements that take it away."""
        return [
            f"DROP MATERIALIZED VIEW IF EXISTS {self.materialized_name}",
            f"DROP VIEW IF EXISTS {self.full_name}",
        ]

    def create(self) -> list[str]:
        """Return the statements that make it, on Redshift."""
        return [
            f"CREATE MATERIALIZED VIEW {self.materialized_name} DISTSTYLE {distribution(self.dist)} "
            f"SORTKEY ({', '.join(map(quote, self.sort))}) AUTO REFRESH YES AS {self.sums}",
            f"CREATE OR REPLACE VIEW {self.full_name} AS "
            f"{self.query.format(sums=self.materialized_name)} WITH NO SCHEMA BINDING",
            comment_on("VIEW", self.full_name, self.mark, "redshift"),
        ]


_SUMS = (
    "count(*) AS lines, sum(quantity) AS quantity, sum(net_amount_reporting) AS net_amount_reporting "
    "FROM core.fact_transactions"
)
_TOTALS = (
    "sum(sums.lines) AS lines, sum(sums.quantity) AS quantity, "
    "sum(sums.net_amount_reporting) AS net_amount_reporting"
)

REPORTS = (
    Report(
        "sales_by_day_and_department",
        "net sales by day and department, in the reporting currency",
        reads=("core.fact_transactions",),
        # A few products a day: a copy on every node, so a join to the calendar moves nothing.
        dist="all",
        sort=("transaction_date",),
        sums=f"SELECT sale_date AS transaction_date, product_key, {_SUMS} GROUP BY sale_date, product_key",
        query="SELECT sums.transaction_date AS sales_date, coalesce(product.department, 'Unassigned') AS department, "
        f"{_TOTALS} FROM {{sums}} AS sums "
        "LEFT JOIN core.dim_product AS product ON product.product_key = sums.product_key "
        "GROUP BY sums.transaction_date, coalesce(product.department, 'Unassigned')",
    ),
    Report(
        "sales_by_store",
        "net sales by day and store, in the reporting currency",
        reads=("core.fact_transactions",),
        # Asked for one store or one span of days: spread by store, sorted by day.
        dist="store_id",
        sort=("transaction_date",),
        sums=f"SELECT sale_date AS transaction_date, store_id, store_key, {_SUMS} "
        "GROUP BY sale_date, store_id, store_key",
        query="SELECT sums.transaction_date AS sales_date, sums.store_id, max(store.name) AS store_name, "
        f"max(store.country) AS country, {_TOTALS} FROM {{sums}} AS sums "
        "LEFT JOIN core.dim_store AS store ON store.store_key = sums.store_key "
        "GROUP BY sums.transaction_date, sums.store_id",
    ),
    Report(
        "top_products",
        "products by net sales over all time, 1 the best, overall and in their department",
        reads=("core.fact_transactions",),
        dist="product_id",
        sort=("product_id",),
        sums=f"SELECT product_id, product_key, {_SUMS} GROUP BY product_id, product_key",
        query="SELECT product_id, description, coalesce(department, 'Unassigned') AS department, lines, quantity, "
        "net_amount_reporting, "
        "row_number() OVER (ORDER BY net_amount_reporting DESC NULLS LAST, product_id) AS place, "
        "row_number() OVER (PARTITION BY coalesce(department, 'Unassigned') "
        "ORDER BY net_amount_reporting DESC NULLS LAST, product_id) AS place_in_department "
        "FROM (SELECT sums.product_id, max(product.description) AS description, max(product.department) AS department, "
        f"{_TOTALS} FROM {{sums}} AS sums "
        "LEFT JOIN core.dim_product AS product ON product.product_key = sums.product_key "
        "GROUP BY sums.product_id) AS products",
    ),
)
