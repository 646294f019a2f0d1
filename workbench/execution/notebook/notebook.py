"""One notebook: read and checked before it runs, and what came of it when it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.execution.notebook.language import Kernel, assigned_names, find_kernel, named_kernel
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.notebook.recording import MIME
from workbench.execution.parameters.declarations import (
    TAG,
    Parameter,
    convert_all,
    has_tag,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.records.model import ExitReason
from workbench.libraries.slim_imports import import_papermill
from workbench.secrets.redact import Redactor

INJECTED = "injected-parameters"


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
    kernel: Kernel = field(default_factory=Kernel)

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"stage {self.name}"

    def bind(self, overrides: Mapping[str, Any]) -> Prepared:
        """Return it with values from a caller, over those of the map.

        Raises:
            UsageError: a wrong name or type, a value missing, a secret that isn't set.
        """
        values = self.values | convert_all(self.declared, overrides, self.where)
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
    kernel: str | None = None,
    here: bool = True,
) -> Prepared:
    """Read a notebook and its parameters, and check those of its map; relative paths are the notebook's.

    ``kernel`` is the one to run it in instead of the one that it names; it must be there if it is to run ``here``.

    Raises:
        UsageError: the notebook or a parameter is wrong, or there is no such kernel.
    """
    content = read_notebook(path)
    where = f"stage {name}"
    found = find_kernel(content, where, kernel) if here else named_kernel(content, kernel)
    declared = read_parameters(content, where) if found.python else _assigned(content, where, found)
    values = convert_all(declared, parameters or {}, where, path.parent)
    return Prepared(name, path, content, declared, values, timeout, cell_timeout, memory, found)


def _assigned(content: dict[str, Any], where: str, kernel: Kernel) -> dict[str, Parameter]:
    """Return the parameters of a notebook of another language: the names that its cell assigns, of any type.

    Raises:
        UsageError: papermill can't write values in that language.
    """
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code" and has_tag(cell, TAG)]
    if not cells:
        return {}
    import_papermill()
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    try:
        papermill_translators.find_translator(kernel.name, kernel.language)
    except PapermillException:
        raise UsageError(f"{where} has parameters, which can't be written in {kernel.language}") from None
    names = assigned_names("\n".join(cell["source"] for cell in cells))
    return {name: Parameter(name, Any, "any", None, computed=True, annotated=False) for name in names}


@dataclass(frozen=True)
class Access:
    """Full names of the tables that a notebook read and wrote, each with the cells that did.

    Cells are counted from 0, in the notebook as it was found. ``unknown`` are cells with a statement that can't be
    understood: what it touches nobody knows. ``unchanged`` are tables among ``writes`` that it found to be as they should.
    """

    reads: dict[str, list[int]]
    writes: dict[str, list[int]]
    unknown: list[int]
    unchanged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: without ``error``, or with one line that says why.

    ``node`` is the executed notebook, or as much of it as ran; ``record`` what it handed back. ``reason`` says
    what ended it, ``usage`` what it took (``peak_memory`` in bytes, ``cpu_seconds``) and ``cells`` the wall
    seconds of each code cell that ran, in order. ``process_kind`` is ``fork``, ``kernel`` or ``ecs``, ``why`` the reason if
    it wasn't forked; ``cost`` is in US dollars, over all attempts. ``access`` is what it touched in the warehouse;
    None if nobody looked.
    """

    node: Any
    error: str | None
    record: dict[str, Any]
    reason: ExitReason = "done"
    usage: dict[str, float] = field(default_factory=dict)
    cells: tuple[float, ...] = ()
    process_kind: str = "kernel"
    why: str | None = None
    cost: float | None = None
    access: Access | None = None


def told(name: str, text: str) -> str:
    """Return an error as one tells of it: its name, and its text if it has one."""
    return f"{name}: {text}" if text.strip() else name


_PARTS: dict[str, tuple[type, ...]] = {
    "counts": (int, type(None)),
    "tables": (int,),
    "metrics": (int, float, type(None)),
    "timings": (int, float),
    "values": (object,),
}


def find_record(node: Any) -> dict[str, Any]:
    """Return what a notebook handed over by ``record``; of several calls all, the last of what has the same name.

    Figures of another type than ``record`` gives them, by a notebook that writes its output itself, are left out.
    """
    found: dict[str, Any] = {}
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME)
            if isinstance(content, dict):
                for part, kinds in _PARTS.items():
                    name = "results" if part == "values" else part
                    found[name] = found.get(name, {}) | _of_type(content.get(part), kinds)
                runs = content.get("mlflow_run_ids")
                found.setdefault("mlflow_run_ids", [])
                if isinstance(runs, list):
                    found["mlflow_run_ids"] = list(map(str, runs))
    return found


def _of_type(values: Any, kinds: tuple[type, ...]) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if isinstance(value, kinds)}
