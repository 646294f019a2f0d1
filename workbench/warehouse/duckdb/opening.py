"""Opening DuckDB's file, which one process at a time may have for writing: those who wait get it one by one.

To open the file takes as long as many a statement, and statements come in rows. So it stays open for a moment after
the last connection, unless somebody else may have waited for long enough.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from workbench.errors import UsageError, WorkFailed, first_line, is_interrupt
from workbench.terminal import is_text
from workbench.warehouse.duckdb import ending

_HOLDER = re.compile(r"PID (\d+)")
_POLL = 0.02
_LINGER = 0.05
"""Seconds for which the file stays open after the last connection."""
_HINDRANCES = [
    os.strerror(code)
    for code in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE)
]
_LONGEST = 0.5
"""Seconds after which it is closed with the last connection: others want to read."""


class Unopened(UsageError):
    """The file is no DuckDB database, or can't be read."""


class _Hindered(Unopened):
    """The machine doesn't let us have the file: nothing is wrong with the call."""

    exit_status = WorkFailed.exit_status


@dataclass
class _Open:
    """A file that this process has open: how many connections use it, or the one that keeps it open when none does."""

    read_only: bool
    identity: tuple[int, int]
    since: float
    users: int = 1
    keeper: duckdb.DuckDBPyConnection | None = None
    idle_since: float = 0.0
    watched: bool = False


_files: dict[Path, _Open] = {}
_timers: set[threading.Timer] = set()
_lock = threading.RLock()


@contextmanager
def opened(
    path: Path, *, read_only: bool, timeout: float, linger: bool = True, in_turn: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection and close it afterwards, waiting for other processes that have the file.

    With ``read_only`` it can't write, also where this process has the file open for writing.

    Args:
        path: the file.
        read_only: whether other readers may have it too.
        timeout: seconds to wait for other processes.
        linger: whether the next connection may find the file open. If not, it isn't shared with an earlier one either,
            as long as none is in use.
        in_turn: whether processes may have to wait for one another: not where nobody ever writes the file.

    Raises:
        WorkFailed: the file stayed locked; the message names the holder.
        Unopened: the file is no DuckDB database, or can't be read.
    """
    if not is_text(str(path)):
        raise Unopened(
            f"can't open the warehouse {path}: DuckDB takes a path in UTF-8 alone, and this one isn't as Python reads it; "
            "PYTHONUTF8=1 lets it read UTF-8 in any locale"
        )
    deadline = time.monotonic() + timeout
    with ending.in_engine() as tell:
        # Who has the file open already is let in at once, before those who wait for this very process.
        connection = _share(path, read_only, linger)
        if connection is None:
            with _turn(path, deadline) if in_turn else nullcontext():
                connection = _open(path, read_only, deadline, timeout)
            with _lock:
                if path in _files:
                    _files[path].users += 1
                else:
                    _files[path] = _Open(read_only, _identity(path), time.monotonic())
        tell(connection)
        try:
            if read_only:
                # Nobody has the file for reading alone whom this process lets share what it has for writing.
                connection.execute("BEGIN TRANSACTION READ ONLY")
            yield connection
        except RuntimeError as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            raise
        finally:
            _leave(path, connection, linger and not ending.is_ending())


def _share(path: Path, read_only: bool, linger: bool) -> duckdb.DuckDBPyConnection | None:
    """Return a further connection to a file that is open, or None if it isn't, or not so that it serves."""
    with _lock:
        file = _files.get(path)
        if file is None:
            return None
        unfit = file.read_only and not read_only
        if not file.users and (unfit or not linger or file.identity != _identity(path)):
            _close(path)
            return None
        if unfit:
            return None
        try:
            connection = duckdb.connect(path, read_only=file.read_only)
        except duckdb.ConnectionException:
            return None
        file.users += 1
        return connection


def _leave(path: Path, connection: duckdb.DuckDBPyConnection, linger: bool) -> None:
    with _lock:
        file = _files.get(path)
        if file is None:
            # A child inherited it, and has no use for it.
            connection.close()
            return
        file.users -= 1
        now = time.monotonic()
        if not file.users and file.keeper is None and linger and now - file.since < _LONGEST:
            with suppress(duckdb.Error):
                # A transaction that is left open would be kept with its connection.
                file.keeper = duckdb.connect(path, read_only=file.read_only)
        connection.close()
        if file.users:
            return
        if file.keeper is None or not linger or now - file.since >= _LONGEST:
            _close(path)
            return
        file.idle_since = now
        if not file.watched:
            file.watched = True
            _later(path, _LINGER)


def _identity(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError:
        return (0, 0)
    return about.st_dev, about.st_ino


def _later(path: Path, seconds: float) -> None:
    timer = threading.Timer(seconds, _expire, (path,))
    timer.daemon = True
    timer.start()
    _timers.difference_update([each for each in _timers if not each.is_alive()])
    _timers.add(timer)


def _expire(path: Path) -> None:
    """Close a file that has been idle for long enough; look again later at one that hasn't."""
    with _lock:
        file = _files.get(path)
        if file is None or not file.watched:
            return
        idle = time.monotonic() - file.idle_since
        if file.users:
            file.watched = False
        elif idle < _LINGER:
            _later(path, _LINGER - idle)
        else:
            _close(path)


def _close(path: Path) -> None:
    keeper = _files.pop(path).keeper
    if keeper is not None:
        keeper.close()


def _close_idle() -> None:
    with _lock:
        for path in [path for path, file in _files.items() if not file.users]:
            _close(path)


def _at_exit() -> None:
    """Close what is open, and leave no thread in the engine."""
    ending.end()
    with _lock:
        _close_idle()
        timers = list(_timers)
    for timer in timers:
        timer.cancel()
        timer.join()


def _before_fork() -> None:
    """Close what nobody uses: the engine doesn't survive a fork."""
    _lock.acquire()
    _close_idle()


def _in_child() -> None:
    _files.clear()
    _timers.clear()
    _lock.release()


atexit.register(_at_exit)
os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_in_child)


@contextmanager
def _turn(path: Path, deadline: float) -> Iterator[None]:
    """Be the only one who tries to open the file.

    A process that closes it and opens it again, file after file, would else be quicker than all who poll.
    """
    try:
        handle = os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        # A folder that can't be written to: there is nobody who writes, then.
        yield
        return
    try:
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_POLL / 2)
        yield
    finally:
        os.close(handle)


def _open(path: Path, read_only: bool, deadline: float, timeout: float) -> duckdb.DuckDBPyConnection:
    while True:
        try:
            return duckdb.connect(path, read_only=read_only)
        except duckdb.ConnectionException:
            # This process already has the file open: for writing, which DuckDB lets both share, or for reading.
            if not read_only:
                if time.monotonic() > deadline:
                    raise WorkFailed(
                        f"this process reads the warehouse {path}, and so can't write it"
                    ) from None
                time.sleep(_POLL)
            read_only = False
        except duckdb.IOException as error:
            message = str(error)
            if "lock" not in message:
                kind = _Hindered if any(text in message for text in _HINDRANCES) else Unopened
                raise kind(f"can't open the warehouse {path}: {first_line(message)}") from None
            if time.monotonic() > deadline:
                raise WorkFailed(
                    f"the warehouse {path} is in use by {_holder(message)}; "
                    f"waited {timeout:g} s (WORKBENCH_LOCK_TIMEOUT)"
                ) from None
            time.sleep(_POLL)
        except duckdb.Error as error:
            raise Unopened(f"can't open the warehouse {path}: {first_line(str(error))}") from None


def _holder(message: str) -> str:
    found = _HOLDER.search(message)
    if not found:
        return "another process"
    pid = int(found.group(1))
    try:
        command = " ".join(" ".join(psutil.Process(pid).cmdline()).split())[:80]
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid} ({command})"
