"""A notebook's outputs, built from the events of the process that runs it. Floods are bounded."""

from __future__ import annotations

from collections import deque
from typing import Any

from nbformat import NotebookNode, from_dict

HEAD_LINES = 2_000
TAIL_LINES = 200
LONGEST_LINE = 100_000
MOST_OUTPUTS = 1_000
_WIDGETS = "application/vnd.jupyter.widget-state+json"


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
                # The rest of a line without end goes on in the next.
                self._end_line()

    def _end_line(self) -> None:
        if len(self._head) < HEAD_LINES:
            self._head.append(self._line)
        else:
            self._left_out += len(self._tail) == TAIL_LINES
            self._tail.append(self._line)
        self._line, self._returned = "", False

    @property
    def full(self) -> bool:
        """True if lines are being left out."""
        return self._left_out > 0

    def __str__(self) -> str:
        note = [f"… {self._left_out:,} lines left out …"] if self._left_out else []
        return "\n".join([*self._head, *note, *self._tail, self._line])


class Outputs:
    """Applies events to the cells of one notebook; other cells' outputs follow by their display ids."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self._displayed: dict[str, list[Any]] = {}
        self._widgets: dict[str, dict[str, Any]] = {}
        self._streams: dict[int, StreamText] = {}
        self._cell: Any = None
        self._clear = False
        self._dropped = 0

    def begin(self, cell: Any) -> None:
        """Take the events that come as those of a cell."""
        self._cell, self._clear, self._dropped = cell, False, 0
        cell["outputs"] = []
        self._streams.clear()

    def end(self) -> None:
        """Finish the cell's outputs."""
        if self._cell is None:
            return
        self.settle()
        if self._dropped:
            text = f"… {self._dropped:,} further outputs left out …\n"
            self._cell["outputs"].append(_output("stream", name="stderr", text=text))
            self._dropped = 0

    def settle(self) -> None:
        """Write the text of streams, as far as it has come, into the cell."""
        for output in self._cell["outputs"] if self._cell is not None else []:
            if stream := self._streams.get(id(output)):
                output["text"] = str(stream)

    def apply(self, event: dict[str, Any]) -> None:
        """Apply one event; those that are no output are ignored."""
        kind = event["event"]
        if kind == "clear_output":
            self._clear = True
            if not event.get("wait"):
                self._clear_now()
        elif kind == "stream":
            self._stream(event["name"], event["text"])
        elif kind == "display_data":
            self._add(
                _output(kind, data=event["data"], metadata=event["metadata"]),
                (event.get("transient") or {}).get("display_id"),
            )
        elif kind == "update_display_data":
            self._update(event)
        elif kind == "execute_result":
            self._add(
                _output(
                    kind,
                    data=event["data"],
                    metadata=event["metadata"],
                    execution_count=event.get("execution_count"),
                ),
                (event.get("transient") or {}).get("display_id"),
            )
        elif kind == "error":
            self._add(
                _output(kind, ename=event["ename"], evalue=event["evalue"], traceback=event["traceback"])
            )
        elif kind in ("comm_open", "comm_msg"):
            self._widget(event)

    def add_error(self, cell: Any, event: dict[str, Any]) -> None:
        """Add an error that the process itself couldn't tell of, whatever the cell holds already."""
        fields = {name: event[name] for name in ("ename", "evalue", "traceback")}
        cell["outputs"].append(_output("error", **fields))

    def _clear_now(self) -> None:
        self._clear = False
        self._cell["outputs"].clear()
        self._streams.clear()
        self._dropped = 0

    def _stream(self, name: str, text: str) -> None:
        if self._clear:
            self._clear_now()
        outputs = self._cell["outputs"]
        if outputs and outputs[-1]["output_type"] == "stream" and outputs[-1]["name"] == name:
            output = outputs[-1]
        else:
            output = _output("stream", name=name, text="")
            if not self._add(output):
                return
            self._streams[id(output)] = StreamText()
        self._streams[id(output)].feed(text)

    def _add(self, output: Any, display_id: str | None = None) -> bool:
        if self._clear:
            self._clear_now()
        outputs = self._cell["outputs"]
        if len(outputs) >= MOST_OUTPUTS and output["output_type"] != "error":
            self._dropped += 1
            return False
        outputs.append(output)
        if display_id:
            self._displayed.setdefault(display_id, []).append(output)
        return True

    def _update(self, event: dict[str, Any]) -> None:
        for output in self._displayed.get((event.get("transient") or {}).get("display_id") or "", []):
            output["data"] = NotebookNode(event["data"])
            output["metadata"] = NotebookNode(event["metadata"])

    def _widget(self, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        if "state" not in data:
            return
        self._widgets.setdefault(event["comm_id"], {}).update(data["state"])
        state = {
            name: {
                "model_name": values.get("_model_name"),
                "model_module": values.get("_model_module"),
                "model_module_version": values.get("_model_module_version"),
                "state": values,
            }
            for name, values in self._widgets.items()
            if "_model_name" in values
        }
        self.node["metadata"]["widgets"] = {
            _WIDGETS: {"state": state, "version_major": 2, "version_minor": 0}
        }


def _output(kind: str, **fields: Any) -> Any:
    # nbformat's own maker validates each output by itself, which takes longer than many a cell.
    return from_dict({"output_type": kind, **fields})
