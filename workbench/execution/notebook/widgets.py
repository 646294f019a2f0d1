"""Widgets as their messages tell of them: their state, and the outputs that some of them capture."""

from __future__ import annotations

from typing import Any

from workbench.execution.notebook.output_list import OutputList

STATE = "application/vnd.jupyter.widget-state+json"


class Widgets:
    """Follows the widgets of one notebook.

    A widget of outputs (``Output``, what ``interact`` shows) says from when to when outputs are its own.
    """

    def __init__(self) -> None:
        self._states: dict[str, dict[str, Any]] = {}
        self._buffers: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self._lists: dict[str, OutputList] = {}
        self._capturing: list[str] = []
        self._changed: dict[str, None] = {}

    def begin(self) -> None:
        """Start a cell: none captures what it hasn't asked for."""
        self._capturing.clear()

    def target(self) -> OutputList | None:
        """Return the list that outputs belong to now, or None if no widget captures them."""
        if not self._capturing:
            return None
        comm_id = self._capturing[-1]
        self._changed[comm_id] = None
        return self._lists[comm_id]

    def apply(self, event: dict[str, Any]) -> None:
        """Take a widget's message."""
        data, comm_id = event.get("data") or {}, event["comm_id"]
        state = data.get("state")
        if not isinstance(state, dict):
            return
        self._states.setdefault(comm_id, {}).update(state)
        paths = [tuple(path) for path in data.get("buffer_paths") or ()]
        for path, content in zip(paths, event.get("buffers") or (), strict=False):
            buffer = {"data": content, "encoding": "base64", "path": list(path)}
            self._buffers.setdefault(comm_id, {})[path] = buffer
        if state.get("_model_name") == "OutputModel":
            self._lists.setdefault(comm_id, OutputList([]))
        if comm_id in self._lists and data.get("method") != "echo_update":
            self._follow(comm_id, state)

    def _follow(self, comm_id: str, state: dict[str, Any]) -> None:
        if "outputs" in state:
            self._lists[comm_id].replace(list(state["outputs"]))
        if state.get("msg_id"):
            self._capturing.append(comm_id)
        elif "msg_id" in state and comm_id in self._capturing:
            self._capturing.reverse()
            self._capturing.remove(comm_id)
            self._capturing.reverse()

    def captured(self) -> list[tuple[str, list[Any]]]:
        """Return the widgets whose captured outputs have changed since this was asked, with these."""
        changed, self._changed = list(self._changed), {}
        for comm_id in changed:
            self._lists[comm_id].flush()
        return [(comm_id, self._lists[comm_id].outputs) for comm_id in changed]

    def metadata(self) -> dict[str, Any] | None:
        """Return what a notebook's metadata hold of its widgets, or None if there are none."""
        for comm_id, captured in self._lists.items():
            captured.flush()
            self._states[comm_id]["outputs"] = captured.outputs
        models = {
            comm_id: {
                "model_name": state["_model_name"],
                "model_module": state.get("_model_module"),
                "model_module_version": state.get("_model_module_version"),
                "state": state,
                **({"buffers": list(buffers.values())} if (buffers := self._buffers.get(comm_id)) else {}),
            }
            for comm_id, state in self._states.items()
            if "_model_name" in state
        }
        return {STATE: {"state": models, "version_major": 2, "version_minor": 0}} if models else None
