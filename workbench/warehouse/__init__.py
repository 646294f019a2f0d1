"""The warehouse: DuckDB in one file when embedded."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.settings import get_settings
from workbench.warehouse.base import Warehouse


def connect(url: str | None = None, *, create: bool = False) -> Warehouse:
    """Return the warehouse at ``url``, or the one the settings name.

    Nothing is opened yet: each statement and each transaction opens its own connection. ``create`` makes the
    warehouse and its declared tables where they are missing.

    Raises:
        UsageError: the URL names no engine of ours, or there is no warehouse there and ``create`` is off.
    """
    settings = get_settings()
    url = url or settings.warehouse
    if url.startswith("duckdb://"):
        from workbench.warehouse.duckdb import DuckDBWarehouse

        warehouse = DuckDBWarehouse(url, lock_timeout=settings.lock_timeout)
        if create:
            warehouse.ensure()
        else:
            warehouse.require()
        return warehouse
    scheme = url.split(":", 1)[0]
    raise UsageError(f"no warehouse engine for {scheme!r}; an URL begins with duckdb:///")


__all__ = ["Warehouse", "connect"]
