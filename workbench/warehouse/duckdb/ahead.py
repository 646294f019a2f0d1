"""An answer of DuckDB's piece by piece, the engine being let go of when it has given all, however slow its reader is.

Whoever reads the warehouse's file keeps others from writing it. So a thread reads on while a pager shows the first page, and
what nobody has taken yet waits in memory, and beyond some of it on disk.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

import duckdb

from workbench.errors import UsageError
from workbench.waiting import next_of
from workbench.warehouse.duckdb.interruptible import ask
from workbench.warehouse.pieces import BYTES, ROWS, Take

if TYPE_CHECKING:
    import pyarrow

_VECTOR = 2048
"""Rows that the engine works on at once."""
_MOST = 8 * BYTES
"""Bytes of pieces that wait in memory."""
_AGAIN = 0.05
"""Seconds after which the engine is interrupted again."""


class Pieces:
    """The pieces of a relation's rows; there is at least one, which tells the columns.

    Raises:
        UsageError: there is none, for the statement returns no rows.
    """

    def __init__(self, relation: duckdb.DuckDBPyRelation | None) -> None:
        if relation is None:
            raise UsageError("the statement returns no rows")
        self._reader = relation.to_arrow_reader(_VECTOR)
        self.first = self._read(most=1) or self._reader.schema.empty_table()

    def next(self) -> pyarrow.Table | None:
        """Return the next piece; None after the last."""
        return self._read(most=ROWS)

    def close(self) -> None:
        """Let go of the engine."""
        self._reader.close()

    def _read(self, most: int) -> pyarrow.Table | None:
        import pyarrow

        batches: list[pyarrow.RecordBatch] = []
        rows = size = 0
        while rows < most and size < BYTES:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                break
            except OSError as error:
                raise _engines(error) from None
            batches.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
        return pyarrow.Table.from_batches(batches) if batches else None


def _engines(error: OSError) -> duckdb.Error:
    """Return the engine's own error for what Arrow makes of one in the midst of the rows, which has but its text."""
    kind, _, text = str(error).partition(" Error: ")
    name = f"{kind.replace(' ', '')}Exception".lower()
    known = next((each for each in vars(duckdb) if each.lower() == name), None)
    if known is None:
        return duckdb.Error(text or str(error))
    made: duckdb.Error = getattr(duckdb, known)(str(error))
    return made


@dataclass(frozen=True)
class _OnDisk:
    """Where a piece is."""

    file: IO[bytes]
    start: int
    length: int


@dataclass(frozen=True)
class _End:
    """That there are no more pieces, and why if not for the end of the rows."""

    error: BaseException | None = None


_Waiting: TypeAlias = "pyarrow.Table | _OnDisk | _End"


class _Backlog:
    """Pieces that one thread puts here, and another takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._in_memory = self._on_disk = 0
        self._file: IO[bytes] | None = None

    def put(self, piece: pyarrow.Table) -> None:
        """Let a piece wait; OSError if there is no room on the disk for it."""
        with self._lock:
            has_room = self._in_memory + piece.nbytes <= _MOST
            self._in_memory += piece.nbytes if has_room else 0
        self._waiting.put(piece if has_room else self._written(piece))

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more come."""
        self._waiting.put(_End(error))

    def __iter__(self) -> Iterator[pyarrow.Table]:
        while not isinstance(found := next_of(self._waiting), _End):
            if isinstance(found, _OnDisk):
                yield self._read(found)
                continue
            with self._lock:
                self._in_memory -= found.nbytes
            yield found
        if found.error is not None:
            raise found.error

    def close(self) -> None:
        """Give the disk back."""
        if self._file is not None:
            self._file.close()

    def _written(self, piece: pyarrow.Table) -> _OnDisk:
        import pyarrow

        written = pyarrow.BufferOutputStream()
        options = pyarrow.ipc.IpcWriteOptions(compression="lz4")
        with pyarrow.ipc.new_stream(written, piece.schema, options=options) as stream:
            stream.write_table(piece)
        content = written.getvalue()
        with self._lock:
            if self._file is None:
                self._file = _nameless(self._folder)
            self._file.seek(self._on_disk)
            self._file.write(content)
            place = _OnDisk(self._file, self._on_disk, content.size)
            self._on_disk += content.size
        return place

    def _read(self, place: _OnDisk) -> pyarrow.Table:
        import pyarrow

        with self._lock:
            place.file.seek(place.start)
            content = place.file.read(place.length)
        return pyarrow.ipc.open_stream(content).read_all()


def _nameless(folder: Path) -> IO[bytes]:
    """Open a file that is gone when it is closed, where there is room for a warehouse if that may be written to."""
    with suppress(OSError):
        return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


@contextmanager
def _read_ahead(
    connection: duckdb.DuckDBPyConnection, pieces: Pieces, leave: Callable[[], None], folder: Path
) -> Iterator[Iterator[pyarrow.Table]]:
    """Read on in a thread; yield the pieces from the second on, which may be left before the last.

    Args:
        connection: on which they are read.
        pieces: what is read.
        leave: called once all are read; it closes the connection.
        folder: in which pieces may wait.
    """
    backlog = _Backlog(folder)
    leaves = threading.Lock()

    def read() -> None:
        try:
            while (piece := pieces.next()) is not None:
                backlog.put(piece)
            with leaves:
                leave()
        except BaseException as error:
            backlog.end(error)
        else:
            backlog.end()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield iter(backlog)
    finally:
        while thread.is_alive():
            # A connection that is closed meanwhile can't be interrupted, nor need be.
            with leaves, suppress(duckdb.Error):
                connection.interrupt()
            thread.join(_AGAIN)
        backlog.close()


def hand_on(
    connection: duckdb.DuckDBPyConnection,
    pieces: Pieces,
    take: Take,
    folder: Path,
    leave: Callable[[], None] | None = None,
) -> None:
    """Let somebody take piece after piece.

    Args:
        connection: on which they are read.
        pieces: what is read.
        take: takes them, in this thread.
        folder: in which pieces may wait.
        leave: closes the connection, as soon as all is read. Without it nobody waits for that, and no piece is read before
            the one before it is taken.
    """
    if leave is None:
        take(pieces.first)
        while (piece := ask(connection, pieces.next)) is not None:
            take(piece)
        return
    with _read_ahead(connection, pieces, leave, folder) as following:
        take(pieces.first)
        for piece in following:
            take(piece)
