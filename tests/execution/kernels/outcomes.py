"""What became of a notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat

from workbench.execution.notebook.notebook import Outcome


def kept(tmp_path: Path) -> nbformat.NotebookNode:
    """The notebook as it was kept, which must be a valid one."""
    node = nbformat.read(tmp_path / "out" / "a.ipynb", as_version=4)
    nbformat.validate(node)
    return node


def text_of(outcome: Outcome) -> str:
    return "".join(
        output.get("text", "") or "\n".join(output.get("traceback", []))
        for cell in outcome.node.cells
        for output in cell.get("outputs", [])
    )
