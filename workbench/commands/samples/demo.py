"""``workbench demo``: the main job, on real data, from landing to an open report."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.errors import WorkFailed
from workbench.numbers import many


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("demo")(demo)


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Land real data, run both pipelines, and say where the report is.

    The data is the Complete Journey (simulated from real shopping, for education) with synthetic customer
    contacts. A second run loads nothing twice.
    """
    from workbench.demo.journey import feed
    from workbench.execution import RunOptions, Stopped, load_pipeline, run_pipeline
    from workbench.execution.pipeline.pipeline import require_pipelines
    from workbench.execution.reports.pages import index_page
    from workbench.execution.run.progress import choose_progress
    from workbench.settings import get_settings
    from workbench.sources.files import land
    from workbench.warehouse import connect

    settings = get_settings()
    require_pipelines(settings)
    started = time.monotonic()
    say("writing the demo's feed: a year of sales of 2,469 households in 457 stores")
    folder = settings.home / "demo"
    feed.write(folder)
    warehouse = connect(create=True)
    landed = [file for name in feed.DATASETS for file in land(str(folder / name), name)]
    say(f"{many(sum(file.is_new for file in landed), 'file')} landed, {len(landed)} in all")
    prepared = time.monotonic() - started
    figures: dict[str, Any] = {"prepare_seconds": round(prepared, 1), "runs": []}
    reports: dict[str, Path] = {}
    work = 0.0
    # The last run adds to the retail report what the detection has found.
    for name, only in (("retail_etl", None), ("anomaly_detection", None), ("retail_etl", "report")):
        try:
            run = run_pipeline(load_pipeline(name), options=RunOptions(only=only, progress=choose_progress()))
        except Stopped:
            say("stopped; what is done is kept, and the same command goes on from there")
            raise
        figures["runs"].append(
            {
                "pipeline": name,
                "run_id": run.run_id,
                "state": run.state,
                "seconds": round(run.seconds or 0.0, 1),
                "stages": {stage.name: round(stage.seconds or 0.0, 1) for stage in run.stages},
                "timings": {kind: round(value, 1) for kind, value in run.timings.items()},
            }
        )
        reports[name] = settings.site / run.run_id / "report.html"
        work += sum(run.timings.values())
        if run.state != "succeeded":
            raise WorkFailed(f"{name} {run.state}: {run.error}; report: {run.report}")
    figures |= {"seconds": round(time.monotonic() - started, 1), "work_seconds": round(work, 1)}
    figures["ratio"] = round(figures["seconds"] / work, 2) if work else None
    figures["rows"] = warehouse.counts("raw.transactions", "core.fact_transactions", "marts.sales_anomalies")
    figures["reports"] = {name: str(path) for name, path in reports.items()}
    figures["index"] = str(index_page(settings))
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    typer.echo(
        f"Done in {figures['seconds']} s; {figures['work_seconds']} s of them SQL, dbt and model fitting."
    )
    typer.echo(f"Retail report:   {reports['retail_etl']}")
    typer.echo(f"Anomaly report:  {reports['anomaly_detection']}")
    typer.echo(f"All runs:        {figures['index']}")


def say(text: str) -> None:
    """Tell a person what is going on, apart from the results."""
    typer.echo(text, err=True)
