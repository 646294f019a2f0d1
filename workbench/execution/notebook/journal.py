"""The journal of a notebook's execution: one JSON line an event, written as it happens.

The first line holds the notebook as it was before its first cell; the notebook of a run that died is built
from it and the lines that follow. Text is redacted before it is written.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.private import private_folder
from workbench.secrets.redact import Redactor, StreamRedactor

if TYPE_CHECKING:
    from workbench.execution.notebook.outputs import Outputs

VERSION = 1
MOST_STREAM_BYTES = 4 << 20


class Journal:
    """Appends events to a file; a line is there, whole, before the next event is taken.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(self, path: Path, redactor: Redactor, **facts: Any) -> None:
        self._redactor = redactor
        self._started = time.monotonic()
        self._streamed = 0
        self._streams: dict[str, StreamRedactor] = {}
        private_folder(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o644)
        self.write({"event": "begin", "version": VERSION, "at": time.time(), **facts})

    def begin_cell(self, index: int) -> None:
        """Note that a cell starts, by its place in the notebook."""
        self._streamed = 0
        self.write({"event": "cell", "index": index})

    def write(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Append an event; return it as it was written, without the secrets, or None if it isn't yet.

        What a cell prints beyond some megabytes is left out. Of printed text, what may be the beginning of a
        secret waits for what follows.
        """
        if event["event"] != "stream":
            self._finish_streams()
            return self._append(self._redactor.tree(event))
        self._streamed += len(event["text"])
        if self._streamed > MOST_STREAM_BYTES:
            return None
        stream = self._streams.get(event["name"]) or self._redactor.stream()
        self._streams[event["name"]] = stream
        text = stream.feed(event["text"])
        return self._append({**event, "text": text}) if text else None

    def _finish_streams(self) -> None:
        streams, self._streams = self._streams, {}
        for name, stream in streams.items():
            if text := stream.finish():
                self._append({"event": "stream", "name": name, "text": text})

    def _append(self, event: dict[str, Any]) -> dict[str, Any]:
        line = {"t": round(time.monotonic() - self._started, 4), **event}
        data = json.dumps(line, separators=(",", ":"), ensure_ascii=False, default=str) + "\n"
        view = memoryview(data.encode("utf-8", "replace"))
        while view:
            view = view[os.write(self._file, view) :]
        return event

    def end(self, state: str, error: str | None) -> None:
        """Note how it ended, and close the file."""
        with contextlib.suppress(OSError):
            self.write({"event": "end", "state": state, "error": error})
        os.close(self._file)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a journal; a line that isn't whole, as after a loss of power, is left out."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            with contextlib.suppress(ValueError, RecursionError):
                event = json.loads(line.decode())
                if isinstance(event, dict) and isinstance(event.get("event"), str):
                    yield event


@dataclass(frozen=True)
class Replay:
    """What a journal tells: the notebook as far as it got, the cell it was in, and when the last line was written.

    ``index`` is the place of a cell that began and didn't end; ``at`` is in seconds since 1970.
    """

    node: Any
    index: int | None
    at: float


def replay(path: Path) -> Replay | None:
    """Return what a journal tells, or None if it tells nothing. What it tells wrongly is left out.

    Raises:
        OSError: it can't be read.
    """
    replayed = _Replayed()
    for event in read_journal(path):
        with contextlib.suppress(KeyError, IndexError, TypeError, ValueError, AttributeError):
            replayed.take(event)
    if replayed.outputs is None:
        return None
    replayed.outputs.end()
    return Replay(replayed.outputs.node, replayed.index, replayed.began + replayed.passed)


class _Replayed:
    """What the events up to one tell."""

    def __init__(self) -> None:
        self.outputs: Outputs | None = None
        self.index: int | None = None
        self.any_cell = False
        self.began = self.passed = 0.0

    def take(self, event: dict[str, Any]) -> None:
        """Apply an event; an error of its form leaves things as they were."""
        from nbformat import from_dict

        from workbench.execution.notebook.events import clean
        from workbench.execution.notebook.outputs import Outputs

        self.passed = max(self.passed, float(event["t"]))
        if event["event"] == "begin" and self.outputs is None:
            node, began = from_dict(event["notebook"]), float(event["at"])
            node.cells, node.metadata  # noqa: B018  what it has to have
            self.outputs, self.began = Outputs(node), began
        elif self.outputs is None:
            return
        elif event["event"] == "cell":
            cell = self.outputs.node.cells[event["index"]]
            self.outputs.end()
            self.index = event["index"]
            self.outputs.begin(cell)
            self.any_cell = True
        elif event["event"] == "done":
            self.outputs.node.cells[event["index"]]["execution_count"] = event["count"]
            self.index = None
        elif self.any_cell:
            self.outputs.apply(clean(event))
