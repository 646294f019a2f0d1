"""PostgreSQL's own process: where its programs are, whom it runs as, and how it starts and stops."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from redshift_local.errors import LocalError
from redshift_local.settings import SETTINGS

ADMINISTRATOR = "rdsdb"
SOCKET_PORT = 5432
_PATIENCE = 120
"""Seconds that a program of PostgreSQL's may take."""
HOW_TO_INSTALL = "install Debian's packages: apt-get install postgresql postgresql-client"
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    # Nothing here outlives the machine, so nothing waits for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # What is kept here is small: to compile a query takes longer than to run it.
    "jit": "off",
    # Reads that a serializable transaction is known by, before they are lumped together by table.
    "max_pred_locks_per_transaction": "256",
    "password_encryption": "md5",
    "timezone": "UTC",
    # Redshift's string literals know backslash escapes, as PostgreSQL's of old did.
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    **{f"redshift_local.{name}": value for name, value in SETTINGS.items()},
}


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs (`initdb`, `postgres`, `psql`); raise LocalError if there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    for folder in [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else [])]:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    raise LocalError(f"PostgreSQL isn't there: {HOW_TO_INSTALL}")


class Postgres:
    """One PostgreSQL over a data directory, reached by a Unix socket alone; it dies with the process that started it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.programs = find_programs()
        self._owner = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    @property
    def socket(self) -> Path:
        """The Unix socket to connect to."""
        if self._sockets is None:
            raise LocalError("PostgreSQL isn't running")
        return self._sockets / f".s.PGSQL.{SOCKET_PORT}"

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster, if it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, timeout: float = 120) -> bool:
        """Start and wait until it answers; return whether the data directory is new. Raises LocalError."""
        new = self._make_cluster()
        self._clear_away(timeout)
        # The path of a Unix socket may have no more than 107 bytes: it can't lie in the data directory.
        self._sockets = Path(tempfile.mkdtemp(prefix="redshift-local-"))
        self._give(self._sockets)
        arguments: list[str | Path] = [
            self.programs / "postgres",
            "-D",
            self.data,
            "-k",
            self._sockets,
            "-p",
            str(SOCKET_PORT),
        ]
        arguments += [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        # Statements that went wrong are in it, with their data.
        log_file = os.open(self.data.parent / "postgres.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(log_file, "ab") as log:
            self._process = subprocess.Popen(
                [*self._as_owner(), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Ctrl-C in the terminal is for its owner, which then stops it in good order.
                start_new_session=True, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(f"PostgreSQL didn't start: {self._last_words()}")
            time.sleep(0.05)
        return new

    def stop(self, timeout: float = 30) -> None:
        """Stop it in good order, by force when it takes too long."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                try:
                    self._process.wait(timeout)
                except subprocess.TimeoutExpired:
                    self._process.send_signal(signal.SIGQUIT)
                    self._process.wait(timeout)
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def run(self, sql: str, inside: str = "postgres", **variables: str) -> str:
        """Run a script as the administrator with psql, `:'name'` standing for a variable; return what it prints."""
        command: list[str | Path] = [
            self.programs / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.socket.parent,
            "-p", str(SOCKET_PORT), "-U", ADMINISTRATOR, "-d", inside, "-f", "-",
        ]  # fmt: skip
        # The variables are set on standard input: a password must not be seen among the arguments.
        given = "".join(f"\\set {name} {_psql_literal(value)}\n" for name, value in variables.items())
        done = subprocess.run(command, input=given + sql, capture_output=True, text=True, timeout=_PATIENCE)
        if done.returncode:
            raise LocalError(f"PostgreSQL refused a script: {done.stderr.strip().splitlines()[0]}")
        return done.stdout.strip()

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        command: list[str | Path] = [
            self.programs / "psql",
            "-X",
            "-q",
            "-h",
            self.socket.parent,
            "-p",
            str(SOCKET_PORT),
        ]
        command += ["-U", ADMINISTRATOR, "-d", "postgres", "-c", "select 1"]
        return subprocess.run(command, capture_output=True, timeout=_PATIENCE).returncode == 0

    def _make_cluster(self) -> bool:
        if (self.data / "PG_VERSION").exists():
            (version,) = (self.data / "PG_VERSION").read_text().split()
            if version != self.programs.parent.name and self.programs.parent.name.isdigit():
                raise LocalError(
                    f"{self.data} was made by PostgreSQL {version}, not {self.programs.parent.name}: delete it or install that"
                )
            self._give(self.data)
            return False
        if self.data.exists() and any(self.data.iterdir()):
            raise LocalError(f"{self.data} isn't empty and no data directory of PostgreSQL's")
        self.data.mkdir(parents=True, exist_ok=True)
        self._give(self.data)
        self._check_reach()
        command: list[str | Path] = [
            self.programs / "initdb",
            "-D",
            self.data,
            "-U",
            ADMINISTRATOR,
            "--auth=trust",
            "--no-sync",
        ]
        command += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        done = subprocess.run(
            [*self._as_owner(), *command], capture_output=True, text=True, cwd="/", timeout=_PATIENCE
        )
        if done.returncode:
            shutil.rmtree(self.data)
            raise LocalError(
                f"initdb failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
            )
        (self.data / "pg_hba.conf").write_text(f"local all {ADMINISTRATOR} trust\nlocal all all md5\n")
        return True

    def _clear_away(self, timeout: float) -> None:
        """Wait for processes of a PostgreSQL whose owner was killed, and remove the lock file that they leave.

        PostgreSQL would remove it too, but not while a zombie has the number that it names. Nobody else can be
        starting one here: the owner of this object holds the data directory's lock.
        """
        deadline = time.monotonic() + timeout
        while any(_works_in(process, self.data) for process in Path("/proc").glob("[0-9]*")):
            if time.monotonic() > deadline:
                raise LocalError(f"another PostgreSQL still runs over {self.data}")
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _check_reach(self) -> None:
        done = subprocess.run([*self._as_owner(), "test", "-w", self.data], cwd="/", timeout=_PATIENCE)
        if done.returncode:
            self.data.rmdir()
            raise LocalError(
                f"{self.data} can't be reached by the user {self._owner.pw_name if self._owner else os.getuid()}: "
                "choose a folder all of whose parents others may enter (chmod o+x)"
            )

    def _as_owner(self) -> list[str]:
        # setpriv sets the signal last, after the change of user, which would undo it.
        prefix = ["setpriv", "--pdeathsig", "INT"]
        if self._owner:
            prefix += [f"--reuid={self._owner.pw_uid}", f"--regid={self._owner.pw_gid}", "--clear-groups"]
        return prefix

    def _give(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self._owner and folder.stat().st_uid != self._owner.pw_uid:
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)

    def _last_words(self) -> str:
        lines = (self.data.parent / "postgres.log").read_text(errors="replace").strip().splitlines()
        fatal = [line for line in lines[-20:] if "FATAL" in line or "ERROR" in line]
        return (fatal or lines or ["it said nothing"])[-1]


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:
        return False


def make_password() -> str:
    """Return a password that fits a URL as it is and has what Redshift asks for: an upper and a lower letter, a digit."""
    return f"Aa1{secrets.token_urlsafe(18)}"


def _psql_literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unprivileged() -> pwd.struct_passwd | None:
    """Return the user to run as: PostgreSQL refuses to run as root. None: the user that we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LocalError("PostgreSQL doesn't run as root, and there is neither a user postgres nor nobody")
