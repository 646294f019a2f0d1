"""Hold stage notebooks to their contract, and bring them into the form in which they are committed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.runs.parameters import complete_pipelines
from workbench.errors import UsageError, WorkbenchError
from workbench.numbers import many

if TYPE_CHECKING:
    from workbench.execution.pipeline.pipeline import Pipeline


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(check)


def check(
    pipeline: Annotated[
        str | None,
        typer.Argument(
            help="A pipeline, its folder, or a folder that holds several; all if left out.",
            show_default=False,
            autocompletion=complete_pipelines,
        ),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="First take out what JupyterLab adds (outputs, execution counts, their metadata), and lay files out as it does.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Hold stage notebooks to the notebook contract and to their pipeline's map. Exits 1 if one breaks it.

    With --fix the tours in notebooks/ are brought into form too; what a cell says is never changed.
    """
    from workbench.execution.pipeline.contract import check_pipeline
    from workbench.execution.pipeline.pipeline import MAP, find_pipelines, load_pipeline, require_pipelines

    places: list[str | Path]
    if pipeline is None:
        require_pipelines()
        places = list(find_pipelines().values())
    else:
        folder = Path(pipeline).expanduser()
        several = pipeline not in find_pipelines() and folder.is_dir() and not (folder / MAP).is_file()
        places = [path.parent for path in sorted(folder.glob(f"*/{MAP}"))] if several else [pipeline]
        if not places:
            raise UsageError(f"no {MAP} in {folder} or in a folder of it")
    pipelines = [load_pipeline(place) for place in places]
    if fix:
        _fix(pipelines, tours=pipeline is None)
    findings = [finding for each in pipelines for finding in check_pipeline(each)]
    if as_json:
        rows = [{"notebook": str(f.notebook), "cell": f.cell, "message": f.message} for f in findings]
        print(json.dumps(rows, indent=2))
    else:
        for finding in findings:
            print(finding)
        count = sum(len(each.stages) for each in pipelines)
        checked = f"{many(count, 'notebook')} of {many(len(pipelines), 'pipeline')} checked"
        print(f"{checked}, {many(len(findings), 'finding')}")
        if not fix and any(finding.mendable for finding in findings):
            print("outputs and execution counts are taken out, and files laid out, by: workbench check --fix")
    if findings:
        raise typer.Exit(1)


def _fix(pipelines: list[Pipeline], *, tours: bool) -> None:
    """Bring notebooks into form, and say what was done; one that can't be read is left to the findings."""
    from workbench.execution.notebook.tidy import tidy
    from workbench.settings import get_settings

    paths = [pipeline.notebook(name) for pipeline in pipelines for name in pipeline.stages]
    if tours:
        paths += sorted((get_settings().root / "notebooks").glob("*.ipynb"))
    for path in dict.fromkeys(paths):
        try:
            done = tidy(path)
        except WorkbenchError as problem:
            print(f"left as it is: {problem}", file=sys.stderr)
            continue
        if done:
            print(f"mended {path}: {', '.join(done)}", file=sys.stderr)
