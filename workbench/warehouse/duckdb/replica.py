"""A copy of what people read, in a file beside the warehouse's: whoever reads it waits for nobody.

It holds core and marts as they were at the end of a run, and is replaced whole, by renaming. Who has the old one open keeps
it. A token beside it changes with everything that is written to the warehouse, so that where nothing was, nothing is done.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import UsageError
from workbench.files import copy, write_text
from workbench.private import close_to_others
from workbench.warehouse.bookkeeping import is_bookkeeping

_DAMAGED = "damaged"
"""What is noted in place of the token of one that can't be read."""


class Replica:
    """The copy of the warehouse in a file, and what is known of how old it is.

    Args:
        warehouse: the warehouse's file.
    """

    def __init__(self, warehouse: Path) -> None:
        self.path = warehouse.with_name(f"{warehouse.stem}_replica.duckdb")
        self.part = self._hidden("part")
        self._written, self._published = self._hidden("written"), self._hidden("published")

    def _hidden(self, what: str) -> Path:
        return self.path.with_name(f".{self.path.stem}.{what}")

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.is_file()

    def as_of(self) -> datetime | None:
        """Return when it was last the same as the warehouse, UTC; None if there is none."""
        try:
            about = self.path.stat()
        except OSError:
            return None
        # Where Docker was to mount a file that wasn't there, it has made a folder.
        return datetime.fromtimestamp(about.st_mtime, UTC) if stat.S_ISREG(about.st_mode) else None

    @contextmanager
    def outdated(self) -> Iterator[None]:
        """Say that something is written to the warehouse."""
        # Before, for a process that is killed may have written; after, for a copy may have been made meanwhile.
        self.mark()
        try:
            yield
        finally:
            self.mark()

    def mark(self) -> None:
        """Say that something was written to the warehouse, or may be soon; unless it is bookkeeping."""
        if is_bookkeeping():
            return
        # A folder that can't be written to has no warehouse that is.
        with suppress(OSError):
            handle = os.open(self._written, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, secrets.token_hex(8).encode())
            finally:
                os.close(handle)

    def token(self) -> str:
        """Return what changes with each :meth:`mark`."""
        return _text(self._written)

    def is_due(self) -> bool:
        """Whether the warehouse was written since it was last the same, or there is no copy at all."""
        return not self.exists() or self.is_damaged() or self.token() != self._noted()[0]

    def _noted(self) -> tuple[str, str, str]:
        """Return the token of the warehouse that it is as, and which file that was, last written when; empty if unknown."""
        token, file, written, *_ = (*_text(self._published).split(), "", "", "")
        return token, file, written

    @property
    def written_by_others(self) -> bool:
        """Whether there is a log beside it, as whoever writes to it makes one."""
        return self._log_of(self.path).exists()

    def is_damaged(self) -> bool:
        """Whether somebody noted that it can't be read, or wrote to it."""
        token, file, written = self._noted()
        file_now, written_now = self._state()
        # Another file is one of ours that nobody came to note.
        in_place = file_now != "" and file == file_now and written != written_now
        return token == _DAMAGED or self.written_by_others or in_place

    def damaged(self) -> None:
        """Have the next run make it anew, all of it, for it can't be read."""
        # Who may not write there has said so to nobody; a run that changes something finds it as well.
        with suppress(OSError):
            write_text(self._published, _DAMAGED, mode=0o600)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from making another one meanwhile, and leave nothing half made."""
        handle = os.open(self._written, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.clear()
            yield
        finally:
            self.clear()
            os.close(handle)

    def clear(self) -> None:
        """Delete what is half made."""
        for path in (self.part, self._log):
            path.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self._log_of(self.part)

    @staticmethod
    def _log_of(path: Path) -> Path:
        return Path(f"{path}.wal")

    def _state(self) -> tuple[str, str]:
        """Return which file it is, and when that was last written; empty if there is none."""
        try:
            about = self.path.stat()
        except OSError:
            return "", ""
        return str(about.st_ino), str(about.st_mtime_ns)

    def begin(self) -> None:
        """Make a copy of the present one, to be brought up to date."""
        self.clear()
        copy(self.path, self.part)

    def put_in_place(self, moment: datetime) -> None:
        """Let readers have the new one, which is as the warehouse was at a moment."""
        if self._log.exists():
            raise UsageError(f"{self.part} was left open by somebody else, and so isn't whole")
        close_to_others(self.part)
        os.utime(self.part, (moment.timestamp(),) * 2)
        # What somebody wrote to the old one is no part of the new one, which couldn't be opened with it.
        self._log_of(self.path).unlink(missing_ok=True)
        self.part.replace(self.path)

    def is_as(self, token: str, moment: datetime) -> None:
        """Note that it is as the warehouse was at a moment, when that had this token."""
        os.utime(self.path, (moment.timestamp(),) * 2)
        write_text(self._published, " ".join((token, *self._state())), mode=0o600)

    def remove(self) -> None:
        """Leave none behind: nobody is to read an old one for a new one."""
        for path in (self.path, self._published, self._log_of(self.path)):
            path.unlink(missing_ok=True)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
