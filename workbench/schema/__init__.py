"""Every table of the warehouse, declared once."""

from __future__ import annotations

from workbench.errors import unknown
from workbench.schema.activity import ACTIVITY
from workbench.schema.core import CORE
from workbench.schema.ddl import (
    Dialect,
    count_rows,
    create_schemas,
    create_table,
    define,
    encoding,
    quote,
    sql_type,
    view_mark,
)
from workbench.schema.identity import IDENTITY
from workbench.schema.landed import NEWEST_FIRST, landed_last
from workbench.schema.marts import MARTS
from workbench.schema.model import PUBLISHED, SCHEMAS, Column, Table, cut
from workbench.schema.monitoring import MONITORING
from workbench.schema.ops import OPS
from workbench.schema.pulls import PULLS
from workbench.schema.raw import EXTRA, RAW, WITHDRAWN
from workbench.schema.reports import REPORTS, Report
from workbench.schema.returns import RETURNS
from workbench.schema.staging import STAGING

TABLES: dict[str, Table] = {
    table.full_name: table
    for table in (
        *RAW,
        *WITHDRAWN,
        *STAGING,
        *CORE,
        *MARTS,
        *ACTIVITY,
        *RETURNS,
        *IDENTITY,
        *OPS,
        *MONITORING,
        *PULLS,
    )
}
DATASETS: dict[str, Table] = {table.name: table for table in RAW}


def table(name: str) -> Table:
    """Return the table of that full name (``core.dim_customer``), or found by the search path marts, core.

    Raises:
        UsageError: no such table is declared.
    """
    for candidate in (name, f"marts.{name}", f"core.{name}"):
        if candidate in TABLES:
            return TABLES[candidate]
    raise unknown("table", name, TABLES)


def dataset(name: str) -> Table:
    """Return the raw table of a dataset.

    Raises:
        UsageError: no such dataset is declared.
    """
    if name not in DATASETS:
        raise unknown("dataset", name, DATASETS)
    return DATASETS[name]


__all__ = [
    "DATASETS", "EXTRA", "NEWEST_FIRST", "PUBLISHED", "REPORTS", "SCHEMAS", "TABLES", "Column", "Dialect", "Report", "Table",
    "count_rows", "create_schemas", "create_table", "cut", "dataset", "define", "encoding", "landed_last", "quote", "sql_type",
    "table", "view_mark",
]  # fmt: skip
