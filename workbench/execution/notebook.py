"""One notebook: read and checked before it runs, and what came of it when it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbench.errors import UsageError
from workbench.execution.parameters import (
    Parameter,
    convert_all,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.recording import MIME
from workbench.execution.redact import Redactor

INJECTED = "injected-parameters"
Reason = Literal["done", "error", "timeout", "memory", "died", "stopped"]


def read_notebook(path: Path) -> dict[str, Any]:
    """Return a notebook's JSON.

    Raises:
        UsageError: there is no such file, or it is no notebook of format 4.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no notebook {path}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"can't read the notebook {path}: {error}") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or content.get("nbformat") != 4:
        raise UsageError(f"{path} is no Jupyter notebook of format 4")
    for number, cell in enumerate(cells):
        if not _is_cell(cell):
            raise UsageError(f"{path} is no Jupyter notebook of format 4: cell {number} is none")
        cell.setdefault("metadata", {})
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
    return content


def _is_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return False
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(line, str) for line in lines) and isinstance(cell.get("metadata", {}), dict)


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


def one_line(text: str) -> str:
    """Return the first line of a text that says something, cut if it is long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else "failed"
    return line if len(line) <= 500 else line[:499] + "…"


def find_record(node: Any) -> dict[str, Any]:
    """Return what a notebook handed over by ``record``, in the last call if several."""
    found: dict[str, Any] = {}
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME)
            if isinstance(content, dict):
                found = {
                    part: dict(content.get(part) or {})
                    for part in ("counts", "tables", "metrics", "timings", "values")
                }
                found["mlflow_run_ids"] = list(content.get("mlflow_run_ids") or [])
    return found
