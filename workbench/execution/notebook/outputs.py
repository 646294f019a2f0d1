"""A notebook's outputs, built from the events of the process that runs it."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from workbench.execution.notebook.output_list import OutputList, make_output
from workbench.execution.notebook.widgets import Widgets


class Outputs:
    """Applies events to the cells of one notebook; other cells' outputs follow by their display ids."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self._displayed: dict[str, list[Any]] = {}
        self._widgets = Widgets()
        self._widgets_changed = False
        self._cell: OutputList | None = None

    def begin(self, cell: Any) -> None:
        """Take the events that come as those of a cell."""
        cell["outputs"] = []
        self._cell = OutputList(cell["outputs"])
        self._widgets.begin()

    def end(self) -> None:
        """Finish the cell's outputs."""
        if self._cell is not None:
            self.flush()
            self._cell.end()

    def flush(self) -> None:
        """Write what has come, the text of streams and the state of widgets, into the notebook."""
        if self._cell is not None:
            self._cell.flush()
        if self._widgets_changed and (state := self._widgets.metadata()):
            self.node["metadata"]["widgets"] = state
            self._widgets_changed = False

    def captured(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what widgets have captured since this was asked: their ids, and what their state is now."""
        return [(comm_id, {"outputs": outputs}) for comm_id, outputs in self._widgets.captured()]

    def apply(self, event: dict[str, Any]) -> None:
        """Apply one event; those that are no output are ignored."""
        kind = event["event"]
        if kind in ("comm_open", "comm_msg"):
            self._widgets.apply(event)
            self._widgets_changed = True
        elif kind == "update_display_data":
            display_id = (event.get("transient") or {}).get("display_id") or ""
            _update(event, self._displayed.get(display_id, []))
        elif self._cell is not None:
            capturing = self._widgets.target()
            self._widgets_changed |= capturing is not None
            _apply(event, capturing or self._cell, self._displayed)

    def add_error(self, cell: Any, event: dict[str, Any]) -> None:
        """Add an error that the process itself couldn't tell of, whatever the cell holds already."""
        cell["outputs"].append(_error(event))


def _update(event: dict[str, Any], outputs: list[Any]) -> None:
    for output in outputs:
        output["data"] = NotebookNode(event["data"])
        output["metadata"] = NotebookNode(event["metadata"])


def _apply(event: dict[str, Any], target: OutputList, displayed: dict[str, list[Any]]) -> None:
    kind = event["event"]
    if kind == "clear_output":
        target.clear(bool(event.get("wait")))
    elif kind == "stream":
        target.stream(event["name"], event["text"])
    elif kind in ("display_data", "execute_result"):
        count = {"execution_count": event.get("execution_count")} if kind == "execute_result" else {}
        output = make_output(kind, data=event["data"], metadata=event["metadata"], **count)
        display_id = (event.get("transient") or {}).get("display_id")
        if display_id:
            # What is shown again changes wherever it is shown.
            _update(event, displayed.get(display_id, []))
        if target.add(output) and display_id:
            displayed.setdefault(display_id, []).append(output)
    elif kind == "error":
        target.add(_error(event))


def _error(event: dict[str, Any]) -> Any:
    return make_output("error", **{name: event[name] for name in ("ename", "evalue", "traceback")})
