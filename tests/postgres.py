"""A PostgreSQL, one for the session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "p@ss/w0rd%"  # noqa: S105  of a server that lives as long as the tests


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL with a user ``reader``; skipped where there is none."""
    from redshift_local import LocalError
    from redshift_local.postgres import Postgres, find_programs

    pytest.importorskip("psycopg")
    try:
        find_programs()
    except LocalError as problem:
        pytest.skip(str(problem))
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
    folder.chmod(0o711)
    server = Postgres(folder / "data")
    server.start()
    try:
        server.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO reader;")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
