"""Run pipelines and notebooks, look at runs, and hold notebooks to their contract."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import how_many
from workbench.commands.runs import parameters
from workbench.commands.runs.compare import compare
from workbench.commands.runs.remote import bring_home, destinations
from workbench.errors import UsageError, unknown
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.execution import Run, Stopped

runs = typer.Typer(help="List runs; show one; compare two; open a report.", invoke_without_command=True)

Cold = Annotated[
    bool, typer.Option("--cold", help="Start a kernel afresh for each notebook, rather than fork one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A run, the beginning of its id, or `latest`.",
        show_default=False,
        autocompletion=parameters.complete_runs,
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command(cls=parameters.PipelineCommand)(run)
    app.command(cls=parameters.NotebookCommand)(notebook)
    runs.command()(compare)
    app.add_typer(runs, name="runs")


def run(
    pipeline: parameters.PipelineName,
    parameter: parameters.Texts = None,
    parameters_file: parameters.File = None,
    parameters_json: parameters.Json = None,
    start: Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Begin with a stage.")] = None,
    only: Annotated[str | None, typer.Option(metavar="STAGE", help="Run one stage.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run also what hasn't changed.")] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Run everything, and build tables whole rather than take in what is new."
        ),
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Go on with a run that didn't succeed, `latest` or its id: same values."
        ),
    ] = None,
    cold: Cold = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail, not warn, where a stage touches other tables than its map says."
        ),
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="local or ecs, for all stages; their maps say it otherwise."),
    ] = None,
    if_changed: Annotated[
        bool,
        typer.Option("--if-changed", help="Skip also the stage of --only or --from if it hasn't changed."),
    ] = False,
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Identity of the run; a new one by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline's notebooks, but skip what hasn't changed. Exits 1 if one fails, 130 if stopped."""
    overrides = parameters.collect(parameter, parameters_file, parameters_json)
    from workbench.execution import load_pipeline
    from workbench.settings import get_settings

    settings = get_settings()
    found = load_pipeline(pipeline, settings)
    found.select(start=start, only=only)
    progress, remotes, part_of, extra = destinations(found, executor, settings)
    from workbench.execution import RunOptions, Stopped, run_pipeline

    options = RunOptions(
        start=start,
        only=only,
        force=force,
        full=full,
        resume=resume,
        cold=cold,
        strict=strict,
        executor=executor,
        if_changed=if_changed,
        run_id=run_id,
        executors=remotes,
        part_of=part_of,
        extra=extra,
        settings=settings,
        progress=progress,
    )
    try:
        done = run_pipeline(found, overrides, options)
    except Stopped as stop:
        done = _begun(stop)
    _finish(done, as_json)


def notebook(
    path: Annotated[Path, typer.Argument(help="A Jupyter notebook.", show_default=False)],
    parameter: parameters.Texts = None,
    parameters_file: parameters.File = None,
    parameters_json: parameters.Json = None,
    kernel: Annotated[
        str | None,
        typer.Option("--kernel", "-k", metavar="NAME", help="Run in another kernel than it names."),
    ] = None,
    cold: Cold = False,
    as_json: AsJson = False,
) -> None:
    """Run one notebook, recorded and rendered as a stage is. Exits 1 if it fails, 130 if stopped."""
    overrides = parameters.collect(parameter, parameters_file, parameters_json)
    if not path.expanduser().is_file():
        raise UsageError(f"no notebook {path}")
    from workbench.execution import Stopped, run_notebook
    from workbench.execution.run.progress import choose_progress

    try:
        done = run_notebook(path, overrides, kernel=kernel, cold=cold, progress=choose_progress())
    except Stopped as stop:
        done = _begun(stop)
    _finish(done, as_json)


def _begun(stop: Stopped) -> Run:
    """Return the run that was stopped; of one that hadn't begun, as where it waits for the warehouse, nothing is to be told."""
    if stop.run.started_at is None:
        raise stop
    return stop.run


def _finish(done: Run, as_json: bool) -> None:
    if as_json:
        print(done.model_dump_json(indent=2))
    else:
        seconds = f" in {done.seconds:.1f} s" if done.seconds is not None else ""
        print(printable(f"{done.pipeline} {done.state}{seconds}{f': {done.error}' if done.error else ''}"))
        for warning in done.warnings:
            print(printable(f"warning: {warning}"), file=sys.stderr)
        _print_pages(done)
    status = {"succeeded": 0, "stopped": 130}.get(done.state, 1)
    if status:
        raise typer.Exit(status)


def _print_pages(run: Run) -> None:
    """Print where the page of a run is, and that of the stage which is there to be read, if it has one."""
    for stage in run.stages:
        if stage.name == "report" and stage.report and stage.state in ("succeeded", "skipped"):
            print(f"report: {stage.report}")
    if run.report:
        print(f"run: {run.report}")


@runs.callback()
def listing(
    context: typer.Context,
    limit: Annotated[int, how_many("Runs to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    if context.invoked_subcommand:
        return
    from workbench.execution.housekeeping.recovery import recover
    from workbench.execution.records.store import UNREADABLE, list_runs
    from workbench.settings import get_settings

    bring_home(get_settings())
    recover(get_settings(), patient=False)
    found = list_runs(get_settings(), limit)
    if as_json:
        print(json.dumps([_brief(each) for each in found], indent=2))
    elif not found:
        print("Nothing has run yet; run a pipeline with: workbench run PIPELINE")
    else:
        for each in found:
            if each.pipeline == UNREADABLE:
                print(printable(each.error or ""), file=sys.stderr)
        _print_table(
            ("run", "pipeline", "state", "started, UTC", "seconds", "rows"),
            [(each.run_id, each.pipeline, *_common(each)) for each in found],
        )


def _brief(each: Run) -> dict[str, Any]:
    return each.model_dump(mode="json", exclude={"stages", "pid", "pid_created"}) | {"rows": each.rows}


def _common(each: Any) -> tuple[str, str, str, str]:
    started = f"{each.started_at:%Y-%m-%d %H:%M:%S}" if each.started_at else ""
    seconds = "" if each.seconds is None else f"{each.seconds:.1f}"
    return each.state, started, seconds, "" if each.rows is None else f"{each.rows:,}"


def _print_table(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from workbench.commands.tables import show
    from workbench.execution.run.progress import COLORS

    show(names, rows, right=("seconds", "rows"), colors=COLORS)


@runs.command()
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run: its stages, why each ran or didn't, what they handed back, and why one failed."""
    from workbench.execution.housekeeping.recovery import recover
    from workbench.execution.records.store import read_run
    from workbench.settings import get_settings

    bring_home(get_settings(), run_id)
    recover(get_settings(), patient=False)
    found = read_run(run_id, get_settings())
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    state, started, seconds, rows = _common(found)
    print(
        f"{found.run_id}: {found.pipeline} {state}, started {started}, {seconds or '?'} s, "
        f"{rows or 'no'} row{'' if rows == '1' else 's'}"
    )
    for name, value in found.parameters.items():
        print(printable(f"  {name} = {value}"))
    if found.error:
        print(printable(f"error: {found.error}"))
    _print_table(
        ("stage", "state", "started, UTC", "seconds", "rows"),
        [(stage.name, *_common(stage)) for stage in found.stages],
    )
    for stage in found.stages:
        if stage.why:
            verb = "skipped" if stage.state == "skipped" else "not run" if stage.state == "not_run" else "ran"
            print(printable(f"{stage.name} {verb}: {stage.why}"))
    for stage in found.stages:
        values = {name: value for name, value in stage.results.items() if name != "warnings"}
        figures = stage.counts | stage.metrics | values
        if figures:
            # Of a measure that isn't finite nothing is recorded.
            told = ", ".join(
                f"{name} {'none' if value is None else value}" for name, value in figures.items()
            )
            print(printable(f"{stage.name}: {told}"))
    for warning in found.warnings:
        print(printable(f"warning: {warning}"))
    _print_pages(found)


@runs.command("open")
def open_report(
    run_id: RunId,
    stage: Annotated[str | None, typer.Option(help="The page of a stage.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print where a run's report is; on a desktop, open it in the browser too."""
    import webbrowser

    from workbench.execution.housekeeping.recovery import recover
    from workbench.execution.records.store import read_run
    from workbench.settings import get_settings

    bring_home(get_settings(), run_id)
    recover(get_settings(), patient=False)
    found = read_run(run_id, get_settings())
    page = found.report
    if stage:
        pages = {each.name: each.report for each in found.stages}
        if stage not in pages:
            raise unknown(f"stage of {found.run_id}", stage, pages)
        page = pages[stage]
    if page is None or not page.is_file():
        raise UsageError(f"run {found.run_id} ({found.state}) has no report{f' of {stage}' if stage else ''}")
    print(json.dumps({"run_id": found.run_id, "report": str(page)}) if as_json else page)
    if sys.stdout.isatty() and not as_json:
        webbrowser.open(page.as_uri())
