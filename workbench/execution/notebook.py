"""One notebook: made ready and checked, then executed in a kernel, and its outcome read."""

from __future__ import annotations

import ast
import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import UsageError
from workbench.execution.literals import assignments, plain
from workbench.execution.parameters import (
    TAG,
    Parameter,
    convert_all,
    has_tag,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.recording import MIME
from workbench.execution.redact import Redactor

if TYPE_CHECKING:
    from workbench.execution.kernels import Kernel

Reason = Literal["done", "error", "timeout", "memory", "died", "stopped"]
INJECTED = "injected-parameters"
_MARKER = "papermill-error-cell-tag"


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
    for cell in cells:
        if isinstance(cell.get("source"), list):
            cell["source"] = "".join(cell["source"])
    return content


@dataclass(frozen=True)
class Prepared:
    """A notebook that is ready to run: read, its parameters bound to values of the right types."""

    name: str
    path: Path
    content: dict[str, Any] = field(repr=False)
    declared: dict[str, Parameter]
    values: dict[str, Any]
    retries: int = 0
    timeout: float | None = None

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
        return Prepared(self.name, self.path, self.content, self.declared, values, self.retries, self.timeout)

    @property
    def redactor(self) -> Redactor:
        """What blots out the secrets it is called with."""
        return Redactor(secret.reveal() for secret in secrets_of(self.declared, self.values))


def prepare(
    path: Path,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    retries: int = 0,
    timeout: float | None = None,
) -> Prepared:
    """Read a notebook and its parameters, and check those of its map; relative paths are the notebook's.

    Raises:
        UsageError: the notebook or a parameter is wrong.
    """
    content = read_notebook(path)
    where = f"stage {name}"
    declared = read_parameters(content, where)
    values = convert_all(declared, parameters or {}, where, path.parent)
    return Prepared(name, path, content, declared, values, retries, timeout)


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: without ``error``, or with one line that says why.

    ``node`` is the executed notebook, or as much of it as ran; ``record`` what it handed back. ``reason`` says
    what ended it, ``usage`` what it took (``peak_memory`` in bytes, ``cpu_seconds``) and ``cells`` the wall
    seconds of each code cell that ran, in order. ``executor`` is ``fork`` or ``kernel``, ``why`` the reason if
    it wasn't forked.
    """

    node: Any
    error: str | None
    record: dict[str, dict[str, Any]]
    reason: Reason = "done"
    usage: dict[str, float] = field(default_factory=dict)
    cells: tuple[float, ...] = ()
    executor: str = "kernel"
    why: str | None = None


def imported(content: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the modules that a notebook's first code cell imports, those beside the notebook left out."""
    source = next((cell["source"] for cell in content["cells"] if cell["cell_type"] == "code"), "")
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    names: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names.append(statement.module)
    return [name for name in names if not list(folder.glob(f"{name.partition('.')[0]}*"))]


def inject(prepared: Prepared) -> Any:
    """Return the notebook node to execute: the values in a cell of their own after the declared ones."""
    import nbformat

    node = nbformat.from_dict(copy.deepcopy(prepared.content))
    nbformat.v4.upgrade(node)
    node.cells = [cell for cell in node.cells if not has_tag(cell, INJECTED) and not has_tag(cell, _MARKER)]
    for cell in node.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = {}
    node.metadata["papermill"] = {
        "parameters": {name: plain(value) for name, value in prepared.values.items()},
        "environment_variables": {},
        "default_parameters": {},
    }
    if prepared.values:
        place = max(index for index, cell in enumerate(node.cells) if has_tag(cell, TAG)) + 1
        cell = nbformat.v4.new_code_cell(assignments(prepared.values))
        cell.metadata |= {"tags": [INJECTED], "papermill": {}}
        node.cells.insert(place, cell)
    return node


def execute(
    prepared: Prepared, kernel: Kernel, output: Path, on_cell: Callable[[int, int], None] | None = None
) -> Outcome:
    """Execute a notebook in a kernel and keep it, as far as it got, at ``output``.

    Raises:
        KeyboardInterrupt: somebody stopped it; the notebook is kept too.
    """
    from nbformat import NotebookNode
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import raise_for_execution_errors

    from workbench.execution.engine import ENGINE
    from workbench.execution.kernels import NAME

    node = inject(prepared)
    node.metadata.papermill |= {"input_path": str(prepared.path), "output_path": str(output)}
    redactor = prepared.redactor
    error: str | None = None
    try:
        papermill_engines.execute_notebook_with_engine(
            ENGINE,
            node,
            NAME,
            kernel=kernel,
            path=output,
            redactor=redactor,
            on_cell=on_cell,
            deadline=None if prepared.timeout is None else time.monotonic() + prepared.timeout,
        )
        # It adds cells that mark the error; a page says so in its own way.
        raise_for_execution_errors(NotebookNode(node, cells=list(node.cells)), None)
    except PapermillExecutionError as failure:
        error = _one_line(f"{failure.ename}: {failure.evalue}")
    except Exception as failure:
        error = _one_line(f"the kernel didn't answer: {failure}")
    clean = redactor.notebook(node)
    return Outcome(clean, redactor.text(error) if error else None, find_record(clean))


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else "failed"
    return line if len(line) <= 500 else line[:499] + "…"


def find_record(node: Any) -> dict[str, dict[str, Any]]:
    """Return what a notebook handed over by ``record``, in the last call if several."""
    found: dict[str, dict[str, Any]] = {}
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(MIME)
            if isinstance(content, dict):
                found = {
                    part: dict(content.get(part) or {}) for part in ("counts", "tables", "metrics", "timings")
                }
    return found
