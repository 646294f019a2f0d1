"""A running server, and connections to it by Amazon's own driver."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redshift_connector
from moto.server import ThreadedMotoServer

from redshift_local import Address, LocalError, RedshiftLocal
from redshift_local.postgres import find_programs

Connect = Callable[..., redshift_connector.Connection]

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with dbt's, which take longest; skip all where PostgreSQL isn't installed, and say how to get it."""
    items.sort(key=lambda item: item.path.name != "test_dbt.py")
    try:
        find_programs()
    except LocalError as problem:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=str(problem)))


def connect_to(address: Address, **options: Any) -> redshift_connector.Connection:
    """Open a connection; the options replace or add to what the address says."""
    given = {
        "host": address.host, "port": address.port, "database": address.database, "user": address.user,
        "password": address.password, "timeout": 60,
    } | options  # fmt: skip
    before = os.environ.get("SSL_CERT_FILE")
    # The driver knows Amazon's authorities, and those that this variable names.
    os.environ["SSL_CERT_FILE"] = str(address.ca)
    try:
        return redshift_connector.connect(**given)
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before


def error_of(raised: pytest.ExceptionInfo[Exception]) -> tuple[str, str]:
    """Return the SQLSTATE and the message of an error of the driver's."""
    fields = raised.value.args[0]
    return fields["C"], fields["M"]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can enter, too: pytest's own are for their owner alone."""
    name = Path(tempfile.mkdtemp(prefix="redshift-local-test-"))
    name.chmod(0o711)
    yield name
    shutil.rmtree(name)


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Address]:
    """A server that runs for all tests."""
    with RedshiftLocal(folder / "shared") as address:
        yield address


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """The arguments that lead boto3 to a server of S3's that runs in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}", "region_name": "eu-central-1", "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }  # fmt: skip
    server.stop()


@pytest.fixture(scope="session")
def redshift(folder: Path, aws: dict[str, str]) -> Iterator[Address]:
    """A running server that finds its files there."""
    with RedshiftLocal(folder / "beside-s3", s3=aws) as address:
        yield address


@pytest.fixture
def connect(server: Address) -> Iterator[Connect]:
    """Open connections that are closed after the test."""
    opened: list[redshift_connector.Connection] = []

    def connect(**options: Any) -> redshift_connector.Connection:
        opened.append(connect_to(server, **options))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def cursor(connect: Connect) -> redshift_connector.Cursor:
    """A cursor of a new connection."""
    return connect().cursor()
