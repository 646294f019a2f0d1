"""The local Redshift as a whole: PostgreSQL, its look-alike catalog, and the front that clients talk to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from redshift_local.certificates import server_context
from redshift_local.errors import LocalError
from redshift_local.front import Front, Place
from redshift_local.postgres import Postgres, make_password

# sql/catalog.sql reads it.
_LOAD_ERRORS = "redshift_local_load_errors.jsonl"
Isolation = Literal["serializable", "snapshot"]
_SCRIPTS = (
    "functions.sql",
    "dates.sql",
    "patterns.sql",
    "catalog.sql",
    "bytes.sql",
    "late.sql",
    "tables.sql",
    "views.sql",
)


@dataclass(frozen=True)
class Address:
    """Where a client finds the server, and as whom; ``ca`` is the authority that vouches for its certificate."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    ca: Path | None

    @property
    def url(self) -> str:
        """The address without the password."""
        return f"redshift://{self.user}@{self.host}:{self.port}/{self.database}"


class RedshiftLocal:
    """A local Redshift over a data directory; use it as a context manager, or `start` and `stop` it.

    ``s3`` is what boto3's client is made with (`endpoint_url`, `region_name`, …); without it, what boto3 finds in
    the environment (`AWS_ENDPOINT_URL`) holds. ``isolation`` is the database's: under both a transaction sees what was
    committed when it began and fails with error 1023 when another has changed the same rows since; "serializable" also
    fails one of two that each read what the other writes. ``port=0`` takes a free one. The password is kept in the data
    directory: without one given, it is the one of before, or a new one.
    """

    def __init__(
        self,
        data: Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        database: str = "dev",
        user: str = "awsuser",
        password: str = "",
        tls: bool = True,
        require_tls: bool = False,
        isolation: Isolation = "serializable",
        s3: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = Path(data).absolute()
        self._host, self._port, self._database, self._user = host, port, database, user
        self._password = password
        self._tls, self._require_tls = tls, require_tls
        self._isolation = isolation
        self._s3 = dict(s3 or {})
        self._postgres: Postgres | None = None
        self._front: Front | None = None
        self._lock: IO[str] | None = None

    @property
    def state(self) -> Path:
        """The file that says how to reach the server, while it runs."""
        return self._folder / "state.json"

    def start(self) -> Address:
        """Start, and return the address once clients can connect. Raises LocalError; nothing is left running then."""
        if not self._folder.exists():
            # For its owner alone; as root, PostgreSQL's own user has to get through to its part.
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        self._take_lock()
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Hang up on the clients and stop PostgreSQL; nothing happens when nothing runs."""
        if self._front is not None:
            self._front.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._front = self._postgres = None
        if self._lock is not None:
            self.state.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def check(self) -> None:
        """Raise LocalError when PostgreSQL has ended by itself."""
        if self._postgres is None or self._postgres.pid is None:
            raise LocalError(f"PostgreSQL has ended: see {self._folder / 'postgres.log'}")

    def __enter__(self) -> Address:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> Address:
        self._postgres = Postgres(self._folder / "postgres")
        self._postgres.start()
        password = self._set_up(self._postgres)
        tls = server_context(self._folder / "tls") if self._tls else None
        place = Place(self._postgres.socket, self._postgres.data / _LOAD_ERRORS, self._s3)
        self._front = Front(place, self._host, self._port, tls, require_tls=self._require_tls)
        port = self._front.start()
        ca = self._folder / "tls" / "ca.crt" if tls else None
        address = Address(self._host, port, self._database, self._user, password, ca)
        shown = {"pid": os.getpid(), "url": address.url, "ca": str(ca) if ca else None}
        self.state.write_text(json.dumps(shown))
        return address

    def _take_lock(self) -> None:
        lock = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise LocalError(f"a local Redshift runs over {self._folder} already") from None
        self._lock = lock

    def _set_up(self, postgres: Postgres) -> str:
        """Make the user, the database and the catalog where they are missing; return the user's password."""
        kept = self._folder / "password"
        password = self._password or (kept.read_text().strip() if kept.exists() else make_password())
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)
        given = {"name": self._user, "password": password, "database": self._database}
        postgres.run(_USER, **given)
        # Every database is copied from the template, those that clients make too.
        _fill(postgres, "template1")
        if not postgres.run("SELECT 1 FROM pg_database WHERE datname = :'database';", **given):
            postgres.run('CREATE DATABASE :"database" OWNER :"name";', **given)
        levels = {"serializable": "serializable", "snapshot": "repeatable read"}
        postgres.run(_ISOLATION, **given, level=levels[self._isolation])
        _fill(postgres, self._database)
        return password


def _fill(postgres: Postgres, database: str) -> None:
    """Make what a database lacks of Redshift's functions and catalog."""
    scripts = resources.files("redshift_local").joinpath("sql")
    for script in _SCRIPTS:
        postgres.run(_BEFORE + scripts.joinpath(script).read_text(), database)


def is_locked(data: Path) -> bool:
    """Return whether a server runs over a data directory."""
    try:
        with (data / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


_BEFORE = "SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS redshift_local;\n"
_ISOLATION = "ALTER DATABASE :\"database\" SET default_transaction_isolation = :'level';"
_USER = r"""
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') AS missing \gset
\if :missing
CREATE ROLE :"name" LOGIN CREATEDB CREATEROLE;
\endif
ALTER ROLE :"name" PASSWORD :'password';
"""
