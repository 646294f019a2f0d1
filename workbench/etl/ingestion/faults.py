"""What goes wrong while a file is read or checked: whether it is the file's fault, and what to say."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import duckdb

from workbench.errors import WorkbenchError
from workbench.etl.ingestion.reading import UnreadableFile
from workbench.sources.landing import FetchedFile

_MEMORY = (duckdb.OutOfMemoryException, MemoryError)
# Nothing is wrong with a file because the disk or the connection gave out: another run may well take it in.
_OURS = (
    duckdb.InterruptException, duckdb.ConnectionException, duckdb.TransactionException, WorkbenchError,
)  # fmt: skip
_FULL = "no space left"
_DEAD = (duckdb.FatalException, duckdb.InternalException)


@dataclass(frozen=True)
class Fault:
    """Why a file is refused whole: the code of the reason, and in words."""

    reason: str
    message: str


class Left(Exception):
    """A file can't be taken in now and is left for another run; its text says why."""


class MapFails(Exception):
    """The expressions of a map fail on the rows of a file."""

    @classmethod
    def of(cls, error: duckdb.Error) -> Exception:
        """Return it for what DuckDB said, or that itself where the map is not to blame."""
        return error if isinstance(error, (*_MEMORY, *_OURS, *_DEAD)) else cls(_in_a_line(error))


class MovesOthers(Exception):
    """Rows from quarantine would give others of their file, which were accepted, another key."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            f"with these rows the map would give {rows:,} other row{'' if rows == 1 else 's'} of the file another key than "
            "they were accepted with: withdraw the batch, and load the mended file whole"
        )


def wrong_map(file: FetchedFile) -> Fault | None:
    """Return the fault of a file whose map can't be read; None if there is none."""
    return Fault("map:invalid", file.refusal) if file.refusal else None


def fault_of(error: Exception, file: FetchedFile) -> Fault:
    """Return what is wrong with a file, by the error that came of it.

    Raises:
        Left: there wasn't enough memory for it, or it may be half-written.
        Exception: the error itself, if the file isn't to blame.
    """
    if isinstance(error, _MEMORY):
        raise Left(
            f"{file.uri} takes more memory than there is, and is left for another run; "
            "WORKBENCH_INGEST_MEMORY sets how many megabytes there are"
        ) from error
    if (
        isinstance(error, _OURS)
        or _FULL in str(error).lower()
        or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EMFILE, errno.EIO))
    ):
        raise error
    if isinstance(error, UnreadableFile) and error.cut_short and file.may_grow():
        raise Left(
            f"{file.uri} changed a moment ago and breaks off, as a half-written file does; a later run takes it in "
            f"({_in_a_line(error)})"
        ) from error
    if isinstance(error, MovesOthers):
        return Fault("map:moves_others", str(error))
    if isinstance(error, MapFails):
        return Fault("map:failed", f"the map can't be worked out for this file: {error}")
    return Fault("file:unreadable", f"the file can't be read: {_in_a_line(error)}")


def leaves_nothing(error: Exception) -> bool:
    """Return whether DuckDB takes no further statement on the connection after an error."""
    return isinstance(error, _DEAD)


def _in_a_line(error: Exception) -> str:
    message = " ".join(str(error).split("\n\n")[0].split())[:1000]
    plain = isinstance(error, duckdb.Error | OSError | UnreadableFile) and bool(message)
    return message if plain else f"{type(error).__name__}: {message}"
