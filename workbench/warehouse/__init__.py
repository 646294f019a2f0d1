"""The warehouse: DuckDB in one file when embedded, Redshift in production."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.settings import Settings, get_settings
from workbench.warehouse.base import Cargo, Session, Warehouse


def connect(url: str | None = None, *, create: bool = False) -> Warehouse:
    """Return the warehouse at ``url``, or the one the settings name.

    Nothing is opened yet: each statement and each transaction opens its own connection. ``create`` makes the
    warehouse and its declared tables where they are missing, and upgrades those of an earlier version.

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
    if url.startswith(("redshift://", "redshift+iam://")):
        return _redshift(url, settings, create=create)
    scheme = url.split(":", 1)[0]
    raise UsageError(f"no warehouse engine for {scheme!r}; an URL begins with duckdb:/// or redshift://")


def _redshift(url: str, settings: Settings, *, create: bool) -> Warehouse:
    try:
        from workbench.warehouse.redshift import Address, RedshiftWarehouse, Staging
    except ImportError as error:
        raise UsageError(
            f"Redshift needs {error.name}; install it with: pip install 'workbench[redshift]'"
        ) from None
    address = Address.parse(url, settings.redshift_password.get_secret_value())
    staging = Staging(settings.redshift_s3, settings.redshift_iam_role) if settings.redshift_s3 else None
    warehouse = RedshiftWarehouse(address, staging)
    if create:
        warehouse.initialize()
    return warehouse


__all__ = ["Cargo", "Session", "Warehouse", "connect"]
