"""The local Redshift as a whole: PostgreSQL, its look-alike catalog, and the front that clients talk to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from redshift_local.context import ServerContext
from redshift_local.errors import LocalError
from redshift_local.front.listener import Listener
from redshift_local.front.tls import tls_context
from redshift_local.postgres.databases import Isolation, set_up
from redshift_local.postgres.process import Postgres, make_password

# postgres/sql/catalog.sql reads it.
_LOAD_ERRORS = "redshift_local_load_errors.jsonl"


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
        self._listener: Listener | None = None
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
        if self._listener is not None:
            self._listener.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._listener = self._postgres = None
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
        password = self._keep_password()
        set_up(self._postgres, self._database, self._user, password, self._isolation)
        tls = tls_context(self._folder / "tls") if self._tls else None
        context = ServerContext(self._postgres.socket, self._postgres.data / _LOAD_ERRORS, self._s3)
        self._listener = Listener(context, self._host, self._port, tls, require_tls=self._require_tls)
        port = self._listener.start()
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

    def _keep_password(self) -> str:
        """Return the password given, or the one of before, or a new one; it is kept for the next start."""
        kept = self._folder / "password"
        password = self._password or (kept.read_text().strip() if kept.exists() else make_password())
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)
        return password


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
