"""Notebooks that papermill executes, by the engine of ours and by its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill

PAPERMILL = Path(sys.executable).with_name("papermill")


PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write(
    path: Path, *cells: str, tags: dict[int, str] | None = None, kernelspec: dict[str, str] = PYTHON
) -> Path:
    """Write a notebook; a source that starts with ``#md`` is text."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": dict(kernelspec)})
    for index, source in enumerate(cells):
        kind = nbformat.v4.new_markdown_cell if source.startswith("#md") else nbformat.v4.new_code_cell
        cell = kind(source)
        if tags and index in tags:
            cell.metadata["tags"] = [tags[index]]
        node.cells.append(cell)
    nbformat.write(node, path)
    return path


def execute(engine: str | None, source: Path, **options: Any) -> tuple[dict[str, Any], str | None]:
    """Execute a notebook; return what is saved and the name of the error that was raised."""
    output = source.with_name(f"{engine}-out.ipynb")
    error = None
    try:
        papermill.execute_notebook(source, output, engine_name=engine, progress_bar=False, **options)
    except Exception as problem:
        error = type(problem).__name__
    return json.loads(output.read_text()), error


def plain(node: dict[str, Any]) -> list[Any]:
    """What must be equal of a saved notebook, whoever executed it."""
    return [
        {
            "type": cell["cell_type"],
            "source": "".join(cell["source"]).replace("Parameters of this run", "Parameters").strip(),
            "count": cell.get("execution_count"),
            "outputs": [output(each) for each in cell.get("outputs", [])],
            "tags": cell["metadata"].get("tags"),
            "hidden": cell["metadata"].get("jupyter"),
            "status": cell["metadata"].get("papermill", {}).get("status"),
            "exception": cell["metadata"].get("papermill", {}).get("exception"),
            "keys": sorted(cell["metadata"].get("papermill", {})),
        }
        for cell in node["cells"]
    ]


def output(given: dict[str, Any]) -> dict[str, Any]:
    """An output without what differs from one process to the next."""
    # A terminal that IPython gives a shell ends lines in its own way.
    text = json.dumps(given).replace("\\r\\n", "\\n")
    text = re.sub(r"ipykernel_\d+/\d+", "ipykernel_N/N", text)
    return json.loads(re.sub(r"0x[0-9a-f]{6,}", "0xN", text))


def call(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PAPERMILL), "--engine", "workbench", *map(str, arguments)],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=600,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
