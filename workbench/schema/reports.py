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


REPORTS = (
    Report(
        "sales_by_day_and_department",
        "net sales by day and department, in the reporting currency",
        reads=("marts.retail_sales",),
        # A few departments a day: a copy on every node, so a join to the calendar moves nothing.
        dist="all",
        sort=("transaction_date",),
        sums="SELECT transaction_date, department, count(*) AS lines, sum(quantity) AS quantity, "
        "sum(net_amount_reporting) AS net_amount_reporting "
        "FROM marts.retail_sales GROUP BY transaction_date, department",
        query="SELECT transaction_date AS sales_date, coalesce(department, 'Unassigned') AS department, lines, quantity, "
        "net_amount_reporting FROM {sums}",
    ),
    Report(
        "sales_by_store",
        "net sales by day and store, in the reporting currency",
        reads=("marts.retail_sales",),
        # Asked for one store or one span of days: spread by store, sorted by day.
        dist="store_id",
        sort=("transaction_date",),
        sums="SELECT transaction_date, store_id, max(store_name) AS store_name, max(country) AS country, count(*) AS lines, "
        "sum(quantity) AS quantity, sum(net_amount_reporting) AS net_amount_reporting "
        "FROM marts.retail_sales GROUP BY transaction_date, store_id",
        query="SELECT transaction_date AS sales_date, store_id, store_name, country, lines, quantity, net_amount_reporting "
        "FROM {sums}",
    ),
    Report(
        "top_products",
        "products by net sales over all time, 1 the best, overall and in their department",
        reads=("marts.retail_sales",),
        dist="product_id",
        sort=("product_id",),
        sums="SELECT product_id, max(description) AS description, max(department) AS department, count(*) AS lines, "
        "sum(quantity) AS quantity, sum(net_amount_reporting) AS net_amount_reporting "
        "FROM marts.retail_sales GROUP BY product_id",
        query="SELECT product_id, description, coalesce(department, 'Unassigned') AS department, lines, quantity, "
        "net_amount_reporting, "
        "row_number() OVER (ORDER BY net_amount_reporting DESC NULLS LAST, product_id) AS place, "
        "row_number() OVER (PARTITION BY coalesce(department, 'Unassigned') "
        "ORDER BY net_amount_reporting DESC NULLS LAST, product_id) AS place_in_department FROM {sums}",
    ),
)
