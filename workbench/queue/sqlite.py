"""The embedded queue: a SQLite file that several processes of one machine share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkFailed
from workbench.files import spelled_in_url
from workbench.private import private_file, private_folder
from workbench.queue.base import MAX_RECEIVES, UNFINISHED, Counts, DeadMessage, Message, ReceiptLost

_TABLES = """
    CREATE TABLE IF NOT EXISTS messages (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        sent_at REAL NOT NULL,
        visible_at REAL NOT NULL,
        receipt TEXT,
        receive_count INTEGER NOT NULL DEFAULT 0,
        changed_at REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_time ON messages (visible_at, position);
    CREATE INDEX IF NOT EXISTS messages_by_body ON messages (body);
    CREATE TABLE IF NOT EXISTS dead (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        sent_at REAL NOT NULL,
        receive_count INTEGER NOT NULL,
        reason TEXT NOT NULL,
        died_at REAL NOT NULL
    ) STRICT;
"""
_POLL = 0.1
# A queue of an earlier version lacks the column.
_UPGRADE = "ALTER TABLE messages ADD COLUMN changed_at REAL NOT NULL DEFAULT 0"
# When a message is due by the clock as it is now: what was said of it while the clock was ahead counts from now.
_DUE = "visible_at - max(0, changed_at - ?1) <= ?1"
# Whoever gives a message back takes its receipt along; what still has one was left by its receiver without a word. Once
# that may be anything, such as a machine that was switched off in the middle of a thousand messages.
_GIVEN_BACK = ""
_ABANDONED = "coalesce(receipt, '') <> '' AND receive_count > 1"


class SQLiteQueue:
    """A queue in a file, with SQS's terms: visibility, receive counts, dead letters.

    A message is in the file before :meth:`send` returns, and stays until it is finished: a killed process
    loses none. Writers wait for each other.
    """

    def __init__(self, path: Path, max_receives: int = MAX_RECEIVES) -> None:
        self.path = path.expanduser().absolute()
        self.url = f"sqlite:///{spelled_in_url(self.path)}"
        self.max_receives = max_receives
        # Is told the id of each message that a look at the queue finds delivered for the last time, and the reason.
        self.on_given_up: Callable[[str, str], None] = lambda message_id, reason: None
        self._local = threading.local()

    def send(self, *bodies: str, delay: int = 0) -> list[str]:
        """Append messages; return their ids."""
        timestamp = time.time()
        rows = [(uuid.uuid4().hex, body, timestamp, timestamp + delay) for body in bodies]
        with self._write() as file:
            file.executemany(
                "INSERT INTO messages (message_id, body, sent_at, visible_at, changed_at) "
                "VALUES (?1, ?2, ?3, ?4, ?3)",
                rows,
            )
        return [row[0] for row in rows]

    def send_once(self, body: str, *, anew: bool = False) -> str | None:
        """Append a message unless one of the same text is there; return its id.

        With ``anew`` only one that still waits for its first delivery is in the way; else also one that is
        worked on, put off or given up.
        """
        timestamp, message_id = time.time(), uuid.uuid4().hex
        there = "SELECT 1 FROM messages WHERE body = ?1 AND (receipt IS NULL OR NOT ?4)"
        with self._write() as file:
            done = file.execute(
                "INSERT INTO messages (message_id, body, sent_at, visible_at, changed_at) SELECT ?2, ?1, ?3, ?3, ?3 "
                f"WHERE NOT EXISTS ({there}) AND (?4 OR NOT EXISTS (SELECT 1 FROM dead WHERE body = ?1))",
                (body, message_id, timestamp, anew),
            )
        return message_id if done.rowcount else None

    def receive(self, maximum: int = 10, *, wait: float = 0, visibility: int = 60) -> list[Message]:
        """Return up to ``maximum`` messages; wait up to ``wait`` seconds for the first."""
        deadline = time.monotonic() + wait
        while not (found := self._take(maximum, visibility)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(_POLL, left))
        return found

    def _take(self, maximum: int, visibility: int) -> list[Message]:
        timestamp = time.time()
        # A look first: waiting should not keep others from writing.
        if not self._file().execute(f"SELECT 1 FROM messages WHERE {_DUE} LIMIT 1", (timestamp,)).fetchone():
            return []
        with self._write() as file:
            file.execute(
                "UPDATE messages SET visible_at = visible_at - (changed_at - ?1), changed_at = ?1 "
                "WHERE changed_at > ?1",
                (timestamp,),
            )
            dead = file.execute(
                "INSERT INTO dead (message_id, body, sent_at, receive_count, reason, died_at) "
                "SELECT message_id, body, sent_at, receive_count, replace(?, '{count}', receive_count), ? "
                "FROM messages WHERE visible_at <= ? AND receive_count >= ? ORDER BY position "
                "RETURNING message_id, reason",
                (UNFINISHED, timestamp, timestamp, self.max_receives),
            ).fetchall()
            file.execute(
                "DELETE FROM messages WHERE visible_at <= ? AND receive_count >= ?",
                (timestamp, self.max_receives),
            )
            # One that may end its receiver is delivered alone, and takes no other along.
            (abandoned,) = file.execute(
                f"SELECT {_ABANDONED} FROM messages WHERE visible_at <= ? ORDER BY visible_at, position LIMIT 1",
                (timestamp,),
            ).fetchone() or (False,)
            rows = file.execute(
                "UPDATE messages SET receipt = lower(hex(randomblob(16))), visible_at = ?2, changed_at = ?1, "
                "receive_count = receive_count + 1 WHERE position IN (SELECT position FROM messages "
                f"WHERE visible_at <= ?1 AND ({_ABANDONED}) = ?4 ORDER BY visible_at, position LIMIT ?3) "
                "RETURNING position, message_id, body, receipt, receive_count, sent_at",
                (timestamp, timestamp + visibility, 1 if abandoned else maximum, abandoned),
            ).fetchall()
        for message_id, reason in dead:
            self.on_given_up(message_id, reason)
        return [
            Message(message_id, body, receipt, count, _time(sent_at), abandoned=bool(abandoned))
            for _, message_id, body, receipt, count, sent_at in sorted(rows)
        ]

    def extend(self, message: Message, seconds: int) -> None:
        """Keep a message for so many seconds from now."""
        if not self._show(message, seconds, message.receipt):
            raise ReceiptLost(f"message {message.message_id} is no longer ours")

    def release(self, message: Message, after: int = 0) -> None:
        """Give a message back, to be delivered again after so many seconds."""
        self._show(message, after, _GIVEN_BACK)

    def _show(self, message: Message, after: int, receipt: str) -> bool:
        timestamp = time.time()
        with self._write() as file:
            done = file.execute(
                "UPDATE messages SET visible_at = ?1, changed_at = ?4, receipt = ?5 "
                "WHERE message_id = ?2 AND receipt = ?3 AND visible_at > ?4",
                (timestamp + after, message.message_id, message.receipt, timestamp, receipt),
            )
        return done.rowcount > 0

    def delete(self, message: Message) -> None:
        """Finish a message."""
        with self._write() as file:
            file.execute(
                "DELETE FROM messages WHERE message_id = ? AND receipt = ?",
                (message.message_id, message.receipt),
            )

    def dead_letter(self, message: Message, reason: str) -> None:
        """Give a message up, now."""
        # A reason may name a file whose name is no text.
        reason = reason.encode("utf-8", "backslashreplace").decode()
        with self._write() as file:
            file.execute(
                "INSERT INTO dead (message_id, body, sent_at, receive_count, reason, died_at) "
                "SELECT message_id, body, sent_at, receive_count, ?, ? FROM messages "
                "WHERE message_id = ? AND receipt = ?",
                (reason, time.time(), message.message_id, message.receipt),
            )
            file.execute(
                "DELETE FROM messages WHERE message_id = ? AND receipt = ?",
                (message.message_id, message.receipt),
            )

    def dead(self, limit: int = 100) -> list[DeadMessage]:
        """Return messages that were given up, the oldest first."""
        rows = self._file().execute(
            "SELECT message_id, body, reason, receive_count, sent_at, died_at FROM dead ORDER BY position LIMIT ?",
            (limit,),
        )
        return [
            DeadMessage(message_id, body, reason, count, _time(sent_at), _time(died_at))
            for message_id, body, reason, count, sent_at, died_at in rows.fetchall()
        ]

    def replay(self, ids: Iterable[str] | None = None) -> list[str]:
        """Put given-up messages back into the queue as new."""
        timestamp, chosen = time.time(), None if ids is None else set(ids)
        with self._write() as file:
            rows = [
                row
                for row in file.execute("SELECT message_id, body, sent_at FROM dead ORDER BY position")
                if chosen is None or row[0] in chosen
            ]
            file.executemany(
                "INSERT INTO messages (message_id, body, sent_at, visible_at, changed_at) "
                "VALUES (?1, ?2, ?3, ?4, ?4)",
                [(message_id, body, sent_at, timestamp) for message_id, body, sent_at in rows],
            )
            file.executemany("DELETE FROM dead WHERE message_id = ?", [(row[0],) for row in rows])
        return [row[0] for row in rows]

    def counts(self) -> Counts:
        """Count the messages."""
        row = (
            self._file()
            .execute(
                f"SELECT count(*) FILTER (WHERE {_DUE}), count(*) FILTER (WHERE NOT {_DUE}), "
                "(SELECT count(*) FROM dead) FROM messages",
                (time.time(),),
            )
            .fetchone()
        )
        return Counts(*row)

    def _file(self) -> sqlite3.Connection:
        """Return this thread's connection; one made before a fork belongs to the parent."""
        kept: tuple[int, sqlite3.Connection] | None = getattr(self._local, "kept", None)
        if kept is not None and kept[0] == os.getpid():
            return kept[1]
        try:
            private_folder(self.path.parent)
            # Its log and its index take their mode from it.
            file = sqlite3.connect(private_file(self.path), timeout=30, isolation_level=None)
            file.execute("PRAGMA journal_mode = WAL")
            # In WAL mode only FULL keeps what was committed through a loss of power.
            file.execute("PRAGMA synchronous = FULL")
            file.executescript(_TABLES)
            if not file.execute(
                "SELECT 1 FROM pragma_table_info('messages') WHERE name = 'changed_at'"
            ).fetchone():
                with contextlib.suppress(sqlite3.OperationalError):  # another process was quicker
                    file.execute(_UPGRADE)
        except (OSError, sqlite3.Error) as error:
            raise WorkFailed(
                f"can't open the queue {self.path}: {getattr(error, 'strerror', None) or error}"
            ) from error
        self._local.kept = (os.getpid(), file)
        return file

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Hold the file's write lock for one transaction."""
        file = self._file()
        try:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")
        except sqlite3.Error as error:
            raise WorkFailed(f"the queue {self.path}: {error}") from error


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
