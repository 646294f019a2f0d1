"""Work a range of days out anew."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.runs import parameters
from workbench.commands.runs.remote import destinations
from workbench.numbers import many
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.execution.backfill.backfill import Backfill
    from workbench.execution.backfill.outcomes import BackfillResult

_COLORS = {
    "succeeded": "green", "failed": "red", "stopped": "yellow", "done before": "blue", "to do": "cyan",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command(cls=parameters.PipelineCommand)(backfill)


def backfill(
    pipeline: parameters.PipelineName,
    start: Annotated[
        str, typer.Option("--start", metavar="DAY", help="First day, as 2024-01-31.", show_default=False)
    ],
    end: Annotated[
        str, typer.Option("--end", metavar="DAY", help="Last day, it included.", show_default=False)
    ],
    chunk: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="Days of one run: month, all, or a number of days or weeks, 1d, 2w."
        ),
    ] = "month",
    jobs: Annotated[
        int, typer.Option(min=1, max=1000, help="Chunks at once, where stages and warehouse allow it.")
    ] = 1,
    rerun: Annotated[bool, typer.Option("--rerun", help="Do chunks again that are done.")] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no other chunk once one has failed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the chunks, and run nothing.")] = False,
    parameter: parameters.Texts = None,
    parameters_file: parameters.File = None,
    parameters_json: parameters.Json = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Work a range of days out anew, chunk by chunk, by the stages whose map says that they take days.

    Called again it goes on with what is left. Exits 1 if a chunk fails, 130 if stopped.
    """
    overrides = parameters.collect(parameter, parameters_file, parameters_json)
    from workbench.execution import RunOptions, load_pipeline
    from workbench.execution.backfill.backfill import Backfill, BackfillOptions
    from workbench.execution.backfill.chunks import read_day, split
    from workbench.execution.backfill.progress import choose_watcher
    from workbench.settings import get_settings

    settings = get_settings()
    found = load_pipeline(pipeline, settings)
    chunks = split(read_day(start, "--start"), read_day(end, "--end"), chunk)

    def run_options() -> RunOptions:
        progress, remotes, _, extra = destinations(found, None, settings, silent=True)
        return RunOptions(executors=remotes, extra=extra, progress=progress)

    watcher = choose_watcher()
    options = BackfillOptions(
        jobs=jobs, rerun=rerun, fail_fast=fail_fast, run=run_options, settings=settings, watcher=watcher
    )
    work = Backfill(found, chunks, overrides, options)
    if jobs > work.at_once:
        watcher.say(f"{work.at_once} at once, not {jobs}: the stages or the warehouse allow no more")
    if not as_json:
        _tell_roles(work, dry_run)
    result = work.plan() if dry_run else work.go()
    _show(work, result, dry_run, as_json)
    status = 130 if result.stopped else 0 if dry_run or result.is_complete else 1
    if status:
        raise typer.Exit(status)


def _tell_roles(work: Backfill, dry_run: bool) -> None:
    """Say what becomes of which stage."""
    roles = work.roles
    lines = [f"over the days: {', '.join(roles.over_days)}"]
    first = work.first() if dry_run else ()
    if taken := [name for name in roles.before if name not in first]:
        lines.append(f"taken as they last ran, and run only if they never did: {', '.join(taken)}")
    if first:
        lines.append(f"once, before them, as they never ran: {', '.join(first)}")
    if roles.after:
        lines.append(f"once, after them: {', '.join(roles.after)}")
    if roles.apart:
        lines.append(f"not run: {', '.join(roles.apart)}")
    print("\n".join(lines), file=sys.stderr)


def _show(work: Backfill, result: BackfillResult, dry_run: bool, as_json: bool) -> None:
    if as_json:
        about: dict[str, Any] = {
            "pipeline": work.pipeline.name, "stages": list(work.roles.over_days), "error": result.error or None,
            "stopped": result.stopped or None, "changed": list(result.changed),
        }  # fmt: skip
        print(json.dumps(about | {"chunks": [each.to_dict() for each in result.chunks]}, indent=2))
        return
    from workbench.commands.tables import show

    rows = [
        (
            str(each.chunk), each.state, "" if each.rows is None else f"{each.rows:,}",
            "" if each.seconds is None else f"{each.seconds:.1f}", each.run_id or "", each.why,
        )
        for each in result.chunks
    ]  # fmt: skip
    show(
        ("chunk", "status", "rows", "seconds", "run", "why"), rows, right=("rows", "seconds"), colors=_COLORS
    )
    counts = [f"{count} {state}" for state, count in Counter(each.state for each in result.chunks).items()]
    print(f"{work.pipeline.name}: {many(len(result.chunks), 'chunk')}, {', '.join(counts)}")
    if result.changed and not work.options.rerun:
        print(f"changed since chunks were done: {', '.join(result.changed)}; --rerun does them again")
    if result.error:
        print(printable(f"error: {result.error}"), file=sys.stderr)
    if not (dry_run or result.is_complete):
        print("the same command goes on with what is left")
