"""Act on the schedules of pipelines, and show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.terminal import tell

if TYPE_CHECKING:
    from workbench.execution import Run
    from workbench.execution.pipeline.pipeline import Pipeline

schedule = typer.Typer(
    help="List the schedules of pipelines: last run, next time, times missed; act on them.",
    invoke_without_command=True,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(schedule, name="schedule")


@schedule.callback()
def listing(context: typer.Context, as_json: AsJson = False) -> None:
    """List the schedules of all pipelines: last run, next time, times missed."""
    if context.invoked_subcommand:
        return
    from workbench.commands.tables import show
    from workbench.execution.pipeline.pipeline import require_pipelines
    from workbench.execution.scheduling.scheduler import working
    from workbench.settings import get_settings

    settings = get_settings()
    require_pipelines(settings)
    rows = _rows()
    runs = working(settings)
    if as_json:
        print(json.dumps({"scheduler": runs, "pipelines": rows}, indent=2))
        return
    names = ("pipeline", "schedule", "last run", "next", "missed")
    missed = ["" if row["missed"] is None else str(row["missed"]) for row in rows]
    show(
        names,
        [
            (row["pipeline"], row["schedule"], row["last"] or "never", row["next"], count)
            for row, count in zip(rows, missed, strict=True)
        ],
        right=("missed",),
    )
    print(
        "a scheduler is at work"
        if runs
        else "no scheduler is at work; start one with: workbench schedule run"
    )


def _rows() -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    from workbench.execution.pipeline.schedule import next_time
    from workbench.execution.records.store import list_runs
    from workbench.execution.scheduling.timetable import Timetable, shown
    from workbench.settings import get_settings

    settings, now = get_settings(), datetime.now(UTC)
    timetable = Timetable(settings, _log)
    last: dict[str, str] = {}
    for run in list_runs(settings, 500):
        if run.started_at and run.kind == "pipeline":
            last.setdefault(run.pipeline, f"{run.started_at:%Y-%m-%d %H:%M} UTC, {run.state}")
    rows = []
    for pipeline in timetable.pipelines():
        if (of := pipeline.schedule) is None:
            continue
        timestamp = next_time(of, now)
        after = f"after {', '.join(of.on)}" if of.on else ""
        words = [f"{of.cron} {of.timezone}" if of.cron else "", after]
        rows.append(
            {
                "pipeline": pipeline.name,
                "schedule": "; ".join(filter(None, words)),
                "last": last.get(pipeline.name),
                "next": shown(timestamp, of) if timestamp else after,
                "missed": timetable.missed(pipeline, now),
            }
        )
    return rows


@schedule.command("run")
def run(
    once: Annotated[
        bool, typer.Option("--once", help="Run what is due now, then end; for cron and for trials.")
    ] = False,
) -> None:
    """Run pipelines when their schedules say so, until stopped.

    Ctrl-C or SIGTERM ends it; a run under way is stopped, and is due again at the next start. Of times that were
    missed one run is made up for, unless the map says `missed: all` or `missed: skip`. With --once it exits 1 if a
    run failed.
    """
    from workbench.execution import Stopped
    from workbench.execution.pipeline.pipeline import require_pipelines
    from workbench.execution.run.signals import raise_on_signals
    from workbench.execution.scheduling.scheduler import Dispatcher
    from workbench.settings import get_settings

    require_pipelines()
    dispatcher = Dispatcher(get_settings(), _start, _log)
    try:
        with raise_on_signals():
            dispatcher.work(once=once)
    except Stopped as stop:
        _log(f"scheduler stopped by {stop}")
        raise typer.Exit(130 if hasattr(stop, "run") else 0) from None
    if once and not dispatcher.runs:
        print("nothing is due")
    if once and dispatcher.failed:
        raise typer.Exit(1)


def _start(pipeline: Pipeline, request: str) -> Run:
    from workbench.commands.runs.remote import destinations
    from workbench.execution import RunOptions, run_pipeline
    from workbench.settings import get_settings

    settings = get_settings()
    progress, remotes, _, extra = destinations(pipeline, None, settings, lines=True)
    options = RunOptions(
        request=request, executors=remotes, extra=extra, settings=settings, progress=progress
    )
    return run_pipeline(pipeline, options=options)


def _log(text: str) -> None:
    tell(text)
