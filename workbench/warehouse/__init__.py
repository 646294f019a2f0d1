"""The warehouse: DuckDB in one file when embedded, Redshift in production."""

from __future__ import annotations

import os

from workbench.errors import UsageError
from workbench.schema import Dialect
from workbench.settings import Settings, get_settings
from workbench.warehouse.base import Session, StagedRows, Warehouse

_REDSHIFT = ("redshift://", "redshift+iam://")


def connect(url: str | None = None, *, create: bool = False, read_only: bool = False) -> Warehouse:
    """Return the warehouse at ``url``, or the one the settings name.

    Nothing is kept open: each statement and each transaction opens its own connection. ``create`` makes the
    warehouse and its declared tables where they are missing, and upgrades those of an earlier version.

    With ``read_only`` nothing is written through it, and nobody waits for a process that writes an embedded warehouse:
    core and marts are read in its replica, as they were at the end of a run, and other tables in the warehouse itself. A
    stage of a run reads all of them there.

    Raises:
        UsageError: the URL names no engine of ours, or there is no warehouse there and ``create`` is off.
    """
    warehouse = locate(url, read_only=read_only)
    if create:
        warehouse.ensure()
    elif warehouse.is_embedded:
        # A look at a file costs nothing; a server is asked with the first statement.
        warehouse.require()
    return warehouse


def locate(url: str | None = None, *, patience: float | None = None, read_only: bool = False) -> Warehouse:
    """Return the warehouse at ``url``, or the one the settings name, whether there is anything yet or not.

    ``patience`` is how many seconds at most to wait for another process, where one at a time may write; never longer
    than the settings say. ``read_only`` is as for `connect`.

    Raises:
        UsageError: the URL names no engine of ours, or isn't of the engine's form.
    """
    settings = get_settings()
    url = url or settings.warehouse
    if dialect_of(url) == "redshift":
        return _redshift(url, settings)
    from workbench.warehouse.duckdb import DuckDBReader, DuckDBWarehouse

    longest = settings.lock_timeout
    timeout = longest if patience is None else min(longest, patience)
    if not read_only:
        return DuckDBWarehouse(url, timeout, replicates=settings.replica)
    # A stage sees what those before it wrote, which nobody else does yet.
    is_stage = "WORKBENCH_RUN_ID" in os.environ
    return DuckDBReader(url, timeout, replicates=settings.replica and not is_stage)


def dialect_of(url: str) -> Dialect:
    """Return the engine that a URL names, without a look at it.

    Raises:
        UsageError: it names none of ours.
    """
    if url.startswith("duckdb://"):
        return "duckdb"
    if url.startswith(_REDSHIFT):
        return "redshift"
    scheme = url.split(":", 1)[0]
    raise UsageError(f"no warehouse engine for {scheme!r}; an URL begins with duckdb:/// or redshift://")


def unused_modules(url: str) -> tuple[str, ...]:
    """Return the modules of ours that nobody imports who works with a warehouse at ``url``."""
    return () if url.startswith(_REDSHIFT) else ("workbench.warehouse.redshift",)


def _redshift(url: str, settings: Settings) -> Warehouse:
    try:
        from workbench.warehouse.redshift import Address, RedshiftWarehouse, Staging
    except ImportError as error:
        from workbench.libraries.extras import advice

        raise UsageError(f"Redshift needs {error.name}; {advice('redshift')}") from None
    address = Address.parse(url, settings.redshift_password.get_secret_value())
    staging = Staging(settings.redshift_s3, settings.redshift_iam_role) if settings.redshift_s3 else None
    return RedshiftWarehouse(address, staging)


__all__ = ["Session", "StagedRows", "Warehouse", "connect", "dialect_of", "locate", "unused_modules"]
