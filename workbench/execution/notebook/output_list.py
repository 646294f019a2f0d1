"""A list of outputs, of a cell or of a widget that captures them. Floods are bounded."""

from __future__ import annotations

from collections import deque
from typing import Any

from nbformat import from_dict

from workbench.numbers import many

HEAD_LINES = 2_000
TAIL_LINES = 200
LONGEST_LINE = 100_000
MOST_OUTPUTS = 1_000


class StreamText:
    """The text of a stream as a terminal would show it, the middle left out if it is too long.

    A carriage return goes back to the beginning of the line, so a progress bar is one line.
    """

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._left_out = 0
        self._line = ""
        self._returned = False

    def feed(self, text: str) -> None:
        """Take what was written next."""
        first, *others = text.split("\n")
        self._write(first)
        for part in others:
            self._end_line()
            self._write(part)

    def _write(self, text: str) -> None:
        for index, part in enumerate(text.split("\r")):
            if index:
                self._returned = True
            if not part:
                continue
            if self._returned:
                self._line = part + self._line[len(part) :]
                self._returned = False
            else:
                self._line += part
            if len(self._line) > LONGEST_LINE:
                # What follows of a line without end is counted as another.
                self._end_line("")

    def _end_line(self, end: str = "\n") -> None:
        if len(self._head) < HEAD_LINES:
            self._head.append(self._line + end)
        else:
            self._left_out += len(self._tail) == TAIL_LINES
            self._tail.append(self._line + end)
        self._line, self._returned = "", False

    @property
    def full(self) -> bool:
        """True if lines are being left out."""
        return self._left_out > 0

    def __str__(self) -> str:
        note = [f"… {many(self._left_out, 'line')} left out …\n"] if self._left_out else []
        if note and not self._head[-1].endswith("\n"):
            note.insert(0, "\n")
        return "".join([*self._head, *note, *self._tail, self._line])


class OutputList:
    """Adds to a list of outputs as events come; ``outputs`` is that list."""

    def __init__(self, outputs: list[Any]) -> None:
        self.outputs = outputs
        self._streams: dict[int, StreamText] = {}
        self._clear = False
        self._dropped = 0

    def add(self, output: Any) -> bool:
        """Add an output; return False if it is left out, as there are too many."""
        if self._clear:
            self._clear_now()
        if len(self.outputs) >= MOST_OUTPUTS and output["output_type"] != "error":
            self._dropped += 1
            return False
        self.outputs.append(output)
        return True

    def stream(self, name: str, text: str) -> None:
        """Add what was printed; where it can't stand by itself any more, it goes to the last of its name."""
        if self._clear:
            self._clear_now()
        full = len(self.outputs) >= MOST_OUTPUTS
        for output in reversed(self.outputs if full else self.outputs[-1:]):
            if output["output_type"] == "stream" and output["name"] == name:
                break
        else:
            output = make_output("stream", name=name, text="")
            if not self.add(output):
                return
        if id(output) not in self._streams:
            self._streams[id(output)] = StreamText()
            self._streams[id(output)].feed(output["text"])
        self._streams[id(output)].feed(text)

    def clear(self, wait: bool) -> None:
        """Take all outputs away, at once or when the next one comes."""
        self._clear = True
        if not wait:
            self._clear_now()

    def replace(self, outputs: list[Any]) -> None:
        """Have these outputs and no others."""
        self._clear_now()
        self.outputs.extend(map(from_dict, outputs))

    def flush(self) -> None:
        """Write the text of streams, as far as it has come, into the outputs."""
        for output in self.outputs:
            if stream := self._streams.get(id(output)):
                output["text"] = str(stream)

    def end(self) -> None:
        """Finish the list: say what was left out."""
        self.flush()
        if self._dropped:
            text = f"… {self._dropped:,} further outputs left out …\n"
            self.outputs.append(make_output("stream", name="stderr", text=text))
            self._dropped = 0

    def _clear_now(self) -> None:
        self._clear = False
        self.outputs.clear()
        self._streams.clear()
        self._dropped = 0


def make_output(kind: str, **fields: Any) -> Any:
    """Return an output."""
    # nbformat's own maker validates each output by itself, which takes longer than many a cell.
    return from_dict({"output_type": kind, **fields})
