"""Fixtures shared by all tests: each test has a home, and so a warehouse, of its own."""

from __future__ import annotations

import atexit
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.redshift import Cluster, running_cluster
from workbench.libraries.slim_imports import import_nbformat
from workbench.private import close_to_others, private_folder
from workbench.schema import TABLES, Table
from workbench.settings import Settings, get_settings
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.duckdb import DuckDBWarehouse

pytest_plugins = ["tests.aws_server", "tests.frauds", "tests.pipelines", "tests.postgres"]

# Where JupyterLab is, it takes two seconds in each process otherwise.
import_nbformat()

# How long an example takes says more of the machine than of the code; and examples of a test share its home.
hypothesis.settings.register_profile(
    "unhurried", deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)  # fmt: skip
hypothesis.settings.load_profile("unhurried")

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The files that take longest, longest first: begun last, one of them would keep one worker busy while the others idle.
LONGEST = (
    "dags/test_airflow.py", "etl/sending_back/test_withdrawal.py", "aws/local/test_end_to_end.py",
    "worker/test_worker_process.py", "worker/test_worker.py",
    "anomaly/fraud/test_lifecycle.py", "end_to_end/test_demo.py", "worker/test_retries.py", "anomaly/sales/test_backfill.py",
    "execution/kernels/test_faults.py", "execution/backfill/test_backfill.py",
    "transform/test_incremental_property.py", "browser/test_pages.py", "transform/test_compiled.py",
    "governance/test_accounts.py",
    "end_to_end/test_quick_start.py", "execution/papermill/test_papermill.py", "transform/test_redshift.py",
    "notebooks/test_tours.py", "anomaly/tables/test_quality.py", "etl/ingestion/test_ingest.py", "etl/ingestion/test_ingest_together.py",
    "execution/housekeeping/test_recovery.py", "execution/run/test_skip.py", "etl/test_products.py",
    "services/test_services.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(autouse=True)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clean WORKBENCH_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    # Tests write whole files; one of its own looks for those that grow.
    monkeypatch.setenv("WORKBENCH_LANDING_LOOK", "0")
    for name in (
        "WORKBENCH_WAREHOUSE_URL", "WORKBENCH_LANDING_URI", "WORKBENCH_REPORTING_CURRENCY", "WORKBENCH_REDSHIFT_S3",
        "WORKBENCH_REDSHIFT_PASSWORD", "WORKBENCH_REDSHIFT_IAM_ROLE", "WORKBENCH_ALERT_CHANNELS",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    _forget_session()
    _copy_stores()
    if request.path.parent.name != "warehouse":
        monkeypatch.setattr(DuckDBWarehouse, "ensure", _copied)
    yield folder
    # What is made for the next module is made before its tests have a home.
    _forget_session()


_ensure = DuckDBWarehouse.ensure


def _copied(warehouse: DuckDBWarehouse, *, to_read: bool = False) -> None:
    """Make the declared tables; a new file begins as a copy of the process's first, for its comments alone take half a second."""
    if not warehouse.path.exists():
        try:
            private_folder(warehouse.path.parent)
            shutil.copyfile(_empty(*TABLES.values()), warehouse.path)
            close_to_others(warehouse.path)
        except OSError:
            # It says what is wrong.
            with suppress(OSError):
                warehouse.path.unlink()
    _ensure(warehouse, to_read=to_read)


@cache
def _empty(*tables: Table) -> Path:
    """The file of an empty warehouse, as long as these are its tables."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warehouse = DuckDBWarehouse(f"duckdb:///{folder / 'warehouse.duckdb'}")
    warehouse.initialize()
    warehouse.execute("CHECKPOINT")
    return warehouse.path


def _forget_session() -> None:
    """Let go of boto3's session, which keeps the credentials that its first client found: servers have keys of their own."""
    if (boto3 := sys.modules.get("boto3")) is not None:
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]
        sys.modules["botocore.session"].create_loader = _loader


def _copy_stores() -> None:
    """Let MLflow's stores begin as copies of the process's first: its migrations take three seconds each time."""
    utils = sys.modules.get("mlflow.store.db.utils")
    if utils is None or hasattr(utils, "first_store"):
        return
    make, utils.first_store = utils._initialize_tables, sqlite3.connect(":memory:", check_same_thread=False)

    def initialize(engine: Any) -> None:
        if engine.url.get_backend_name() != "sqlite":
            make(engine)
            return
        with closing(sqlite3.connect(engine.url.database)) as store:
            if utils.first_store.execute("SELECT 1 FROM sqlite_master").fetchone():
                utils.first_store.backup(store)
            else:
                make(engine)
                store.backup(utils.first_store)

    utils._initialize_tables = initialize  # type: ignore[attr-defined]


@cache
def _loader(folders: str | None) -> Any:
    """What reads the descriptions of AWS's services, which are the same for every test: EC2's alone take a second."""
    from botocore.loaders import create_loader

    return create_loader(folders)


@pytest.fixture
def settings(home: Path) -> Settings:
    """The settings of this test."""
    return get_settings()


@pytest.fixture(scope="session")
def declared_tables() -> Path:
    """The file of an empty warehouse."""
    return _empty(*TABLES.values())


@pytest.fixture
def warehouse(home: Path, declared_tables: Path) -> Warehouse:
    """An empty warehouse with every declared table."""
    private_folder(home)
    shutil.copy(declared_tables, home / "warehouse.duckdb")
    return connect()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A local Redshift beside a local S3; skipped where PostgreSQL is missing."""
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def declared_database(cluster: Cluster) -> Iterator[str]:
    """The database that those of the modules are copied from: it has every declared table."""
    with cluster.database() as name:
        with pytest.MonkeyPatch.context() as patch:
            for key, value in cluster.settings(name).items():
                patch.setenv(key, value)
            connect(create=True)
        yield name


@pytest.fixture(scope="module")
def redshift_database(cluster: Cluster, declared_database: str) -> Iterator[str]:
    """A database for the tests of a module, with every declared table."""
    with cluster.database(declared_database) as name:
        yield name


@pytest.fixture
def redshift_warehouse(
    home: Path, cluster: Cluster, redshift_database: str, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    """The warehouse of the settings, on a Redshift with every declared table, all of them empty."""
    for key, value in cluster.settings(redshift_database).items():
        monkeypatch.setenv(key, value)
    warehouse = connect()
    filled = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})"
        for name, table in TABLES.items()
        if not table.view
    )

    def empty(session: Any) -> None:
        for (name,) in session.execute(filled).fetchall():
            session.execute(f"DELETE FROM {name}")

    warehouse.run(empty)
    return warehouse


# The second takes three times as long, and its own tests are many: those of both engines are a soak's on it.
@pytest.fixture(params=["duckdb", pytest.param("redshift", marks=pytest.mark.soak)])
def either(request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse, on the one engine and on the other."""
    name = "warehouse" if request.param == "duckdb" else "redshift_warehouse"
    warehouse: Warehouse = request.getfixturevalue(name)
    return warehouse
