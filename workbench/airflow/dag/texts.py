"""What Airflow shows of a pipeline and of its stages, from the map and the notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.execution.pipeline.pipeline import Pipeline


def stage_text(notebook: Mapping[str, Any]) -> str:
    """Return the first cell of a stage's notebook: what it does, reads and writes, and when it fails."""
    cells = notebook["cells"]
    if not cells or cells[0]["cell_type"] != "markdown":
        return ""
    source = cells[0]["source"]
    return source if isinstance(source, str) else "".join(source)


def pipeline_text(pipeline: Pipeline, days: str | None = None) -> str:
    """Return what a pipeline is for, with its stages; ``days`` names the DAG that goes over past days with it."""
    lines = [pipeline.description, ""]
    if days:
        lines += [
            f"Goes over past days of `{pipeline.name}`, one run a day; no other DAG follows from it, and it never runs by "
            "itself. Ask for days with:",
            "",
            f"    airflow backfill create --dag-id {days} --from-date 2026-01-01 --to-date 2026-01-31",
            "",
        ]
    lines += ["| stage | reads | writes |", "|---|---|---|"]
    for name in pipeline.order:
        stage = pipeline.stages[name]
        lines.append(f"| {name} | {_listed(stage.reads)} | {_listed(stage.writes)} |")
    lines += [
        "",
        f"Declared in `{pipeline.folder.name}/pipeline.yaml`; here: `workbench run {pipeline.name}`.",
    ]
    return "\n".join(lines)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
