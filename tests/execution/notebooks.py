"""Small notebooks and pipelines that tests write and run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import yaml

if TYPE_CHECKING:
    from workbench.execution import Run

IMPORTS = "from workbench.execution import record"


def notebook(
    path: Path,
    *cells: str,
    parameters: str = "limit: int = 5  # rows to take",
    imports: str = IMPORTS,
    reads: Sequence[str] = ("landing",),
    writes: Sequence[str] = (),
    last: str = "record()",
) -> Path:
    """Write a notebook that keeps the contract; ``cells`` are sources of code."""
    names = [", ".join(f"`{name}`" for name in group) or "nothing" for group in (reads, writes)]
    header = (
        f"# Try {path.stem}\n\nIt is here to be run.\n\n"
        f"**Reads** {names[0]}\n\n**Writes** {names[1]}\n\n**Fails when** told to."
    )
    tagged = nbformat.v4.new_code_cell(parameters)
    tagged.metadata["tags"] = ["parameters"]
    body = [nbformat.v4.new_markdown_cell(header), nbformat.v4.new_code_cell(imports), tagged]
    for source in (*cells, last):
        body += [nbformat.v4.new_markdown_cell("A step."), nbformat.v4.new_code_cell(source)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=body), path)
    return path


def pipeline(folder: Path, stages: dict[str, dict[str, object]], **facts: object) -> Path:
    """Write the map of a pipeline; a stage's notebook is named after it unless it says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "name": folder.name,
        **facts,
        "stages": {name: {"notebook": f"{name}.ipynb", **stage} for name, stage in stages.items()},
    }
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def states(run: Run) -> dict[str, tuple[str, str]]:
    """Return the state of each stage of a run, and why it ran or didn't."""
    return {stage.name: (stage.state, stage.why) for stage in run.stages}
