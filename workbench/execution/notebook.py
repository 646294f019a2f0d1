"""One notebook: read and checked before it runs, and what came of it when it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbench.execution.parameters import (
    Parameter,
    convert_all,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.reading import read_notebook
from workbench.execution.recording import MIME
from workbench.execution.redact import Redactor

INJECTED = "injected-parameters"
Reason = Literal["done", "error", "timeout", "memory", "died", "stopped"]


@dataclass(frozen=True)
class Prepared:
    """A notebook that is ready to run: read, its parameters bound to values of the right types.

    ``timeout`` is in seconds over all cells, ``cell_timeout`` for each; ``memory`` is in bytes.
    """

    name: str
    path: Path
    content: dict[str, Any] = field(repr=False)
    declared: dict[str, Parameter]
    values: dict[str, Any]
    timeout: float | None = None
    cell_timeout: float | None = None
    memory: int | None = None

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"stage {self.name}"

    def bind(self, given: Mapping[str, Any]) -> Prepared:
        """Return it with values from a caller, over those of the map.

        Raises:
            UsageError: a wrong name or type, a value missing, a secret that isn't set.
        """
        values = self.values | convert_all(self.declared, given, self.where)
        require_all(self.declared, values, self.where)
        return replace(self, values=values)

    @property
    def redactor(self) -> Redactor:
        """What blots out the secrets it is called with."""
        return Redactor(secret.reveal() for secret in secrets_of(self.declared, self.values))


def prepare(
    path: Path,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = None,
    cell_timeout: float | None = None,
    memory: int | None = None,
) -> Prepared:
    """Read a notebook and its parameters, and check those of its map; relative paths are the notebook's.

    Raises:
        UsageError: the notebook or a parameter is wrong.
    """
    content = read_notebook(path)
    where = f"stage {name}"
    declared = read_parameters(content, where)
    values = convert_all(declared, parameters or {}, where, path.parent)
    return Prepared(name, path, content, declared, values, timeout, cell_timeout, memory)


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: without ``error``, or with one line that says why.

    ``node`` is the executed notebook, or as much of it as ran; ``record`` what it handed back. ``reason`` says
    what ended it, ``usage`` what it took (``peak_memory`` in bytes, ``cpu_seconds``) and ``cells`` the wall
    seconds of each code cell that ran, in order. ``executor`` is ``fork`` or ``kernel``, ``why`` the reason if
    it wasn't forked; ``cost`` is in US dollars, over all attempts.
    """

    node: Any
    error: str | None
    record: dict[str, Any]
    reason: Reason = "done"
    usage: dict[str, float] = field(default_factory=dict)
    cells: tuple[float, ...] = ()
    executor: str = "kernel"
    why: str | None = None
    cost: float | None = None


def told(name: str, text: str) -> str:
    """Return an error as one tells of it: its name, and its text if it has one."""
    return f"{name}: {text}" if text.strip() else name


def one_line(text: str) -> str:
    """Return the first line of a text that says something, cut if it is long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else "failed"
    return line if len(line) <= 500 else line[:499] + "…"


_PARTS: dict[str, tuple[type, ...]] = {
    "counts": (int, type(None)),
    "tables": (int,),
    "metrics": (int, float, type(None)),
    "timings": (int, float),
    "values": (object,),
}


def find_record(node: Any) -> dict[str, Any]:
    """Return what a notebook handed over by ``record``, in the last call if several.

    Figures of another type than ``record`` gives them, by a notebook that writes its output itself, are left out.
    """
    found: dict[str, Any] = {}
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME)
            if isinstance(content, dict):
                found = {part: _of_type(content.get(part), kinds) for part, kinds in _PARTS.items()}
                runs = content.get("mlflow_run_ids")
                found["mlflow_run_ids"] = [str(each) for each in runs] if isinstance(runs, list) else []
    return found


def _of_type(values: Any, kinds: tuple[type, ...]) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if isinstance(value, kinds)}
