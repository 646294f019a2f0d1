"""How dbt gets at a warehouse: its target in ``profiles.yml``, and the variables that the target reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.warehouse import Warehouse

if TYPE_CHECKING:
    from workbench.warehouse.duckdb import DuckDBWarehouse
    from workbench.warehouse.redshift import RedshiftWarehouse


@dataclass(frozen=True)
class Target:
    """The name of an output in ``profiles.yml``, and the folder beside others' that keeps what dbt has parsed."""

    name: str
    folder: str


@contextmanager
def reached(warehouse: Warehouse, **variables: str) -> Iterator[Target]:
    """Let dbt, called in this process, reach a warehouse as long as the context is open.

    ``variables`` are put into the environment, too.

    Raises:
        WorkFailed: another process holds the file of an embedded warehouse.
    """
    reach: Any = {"duckdb": _duckdb, "redshift": _redshift}[warehouse.dialect]
    with _environment(variables), reach(warehouse) as target:
        yield target


@contextmanager
def _duckdb(warehouse: DuckDBWarehouse) -> Iterator[Target]:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    derived = DuckDBCredentials.path_derived_database_name
    # It takes the path for a URL, and what follows a # in it for a fragment.
    name = staticmethod(lambda path: derived(Path(path).name if path else path))
    # dbt opens the file a second time in this process and so shares this connection's lock: the waiting and the
    # message about who holds the file are the warehouse's, and nobody can slip in between.
    with warehouse.connection(), _environment({"WORKBENCH_DUCKDB_PATH": str(warehouse.path)}):
        DuckDBCredentials.path_derived_database_name = name  # type: ignore[method-assign]
        try:
            yield Target("duckdb", "target")
        finally:
            DuckDBCredentials.path_derived_database_name = staticmethod(derived)  # type: ignore[method-assign]
            # dbt-duckdb keeps the database open in the class, beyond the invocation.
            environment, DuckDBConnectionManager._ENV = DuckDBConnectionManager._ENV, None
            if environment is not None:
                environment.close()


@contextmanager
def _redshift(warehouse: RedshiftWarehouse) -> Iterator[Target]:
    address = warehouse.address
    driver_arguments = address.arguments()
    variables = {
        "WORKBENCH_REDSHIFT_METHOD": "iam" if address.iam else "database",
        "WORKBENCH_REDSHIFT_HOST": driver_arguments.get("host", ""),
        "WORKBENCH_REDSHIFT_PORT": str(address.port),
        "WORKBENCH_REDSHIFT_USER": driver_arguments.get("user") or driver_arguments.get("db_user") or "",
        "WORKBENCH_REDSHIFT_PASSWORD": driver_arguments.get("password", ""),
        "WORKBENCH_REDSHIFT_DATABASE": address.database,
        "WORKBENCH_REDSHIFT_CLUSTER": driver_arguments.get("cluster_identifier", ""),
        "WORKBENCH_REDSHIFT_WORKGROUP": driver_arguments.get("serverless_work_group", ""),
        "WORKBENCH_REDSHIFT_SERVERLESS": str(address.serverless),
        "WORKBENCH_REDSHIFT_REGION": address.region,
        "WORKBENCH_REDSHIFT_SSLMODE": "verify-ca" if address.tls else "disable",
    }
    if address.ca:
        variables["SSL_CERT_FILE"] = str(address.ca)
    with _environment(variables):
        yield Target("redshift", "target-redshift")


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
