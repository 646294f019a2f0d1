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
from typing import Any

from workbench.execution.redact import Redactor, StreamRedactor

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
        path.parent.mkdir(parents=True, exist_ok=True)
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
    """Yield the events of a journal; the torn last line of a writer that died is left out."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


@dataclass(frozen=True)
class Replay:
    """What a journal tells: the notebook as far as it got, the cell it was in, and when the last line was written.

    ``index`` is the place of a cell that began and didn't end; ``at`` is in seconds since 1970.
    """

    node: Any
    index: int | None
    at: float


def replay(path: Path) -> Replay | None:
    """Return what a journal tells, or None if it tells nothing."""
    from nbformat import from_dict

    from workbench.execution.outputs import Outputs

    outputs: Outputs | None = None
    index: int | None = None
    began = passed = 0.0
    for event in read_journal(path):
        passed = event["t"]
        if event["event"] == "begin":
            outputs, began = Outputs(from_dict(event["notebook"])), event["at"]
        elif outputs is None:
            return None
        elif event["event"] == "cell":
            outputs.end()
            index = event["index"]
            outputs.begin(outputs.node.cells[index])
        elif event["event"] == "done":
            outputs.node.cells[event["index"]]["execution_count"] = event["count"]
            index = None
        else:
            outputs.apply(event)
    if outputs is None:
        return None
    outputs.end()
    return Replay(outputs.node, index, began + passed)
