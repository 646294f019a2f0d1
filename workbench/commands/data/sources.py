"""Look at the sources that ``sources.yaml`` declares, check them, and pull from one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.sources.pulls.reading import Declared, Sources

sources = typer.Typer(
    help="Sources that sources.yaml declares: APIs, databases and files; their cursors, last and next pulls.",
    invoke_without_command=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_NONE = "No source is declared; how to: docs/user-guides/pull-from-apis-and-databases.md"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(sources, name="sources")


@sources.callback()
def listing(context: typer.Context, as_json: Json = False) -> None:
    """List the declared sources with their cursor, their last pull and the next.

    `workbench load NAME` pulls from one, and the stage `pull` of retail_etl from all that are due.
    """
    if context.invoked_subcommand:
        return
    from workbench.commands.tables import show

    declared = _declared()
    rows = _rows(declared)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo(_NONE)
        return
    names = ("source", "kind", "dataset", "cursor", "last pull, UTC", "status", "next, UTC")
    show(names, [[row[name.partition(",")[0]] or "" for name in names] for row in rows])
    for row in rows:
        if row["message"]:
            typer.echo(f"{row['source']}: {row['message']}", err=True)


@sources.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Only this one; all without a name.")] = None,
    as_json: Json = False,
) -> None:
    """Hold sources.yaml to what it may say, and try each source: a few rows are read, and nothing lands."""
    from workbench.errors import WorkbenchError, WorkFailed
    from workbench.etl.pull import fits
    from workbench.sources.pulls.trying import try_source

    declared = _declared()
    results: list[dict[str, Any]] = []
    for each in [name] if name else declared.names:
        try:
            result = {
                "source": each,
                "ok": True,
                "message": try_source(declared[each], _settings(), fits),
            }
        except WorkbenchError as error:
            result = {"source": each, "ok": False, "message": str(error).removeprefix(f"source {each}: ")}
        results.append(result)
        if not as_json:
            typer.echo(f"{'ok' if result['ok'] else 'wrong'}: {each}: {result['message']}")
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    elif not results:
        typer.echo(_NONE)
    if wrong := [each["source"] for each in results if not each["ok"]]:
        raise WorkFailed(f"{len(wrong)} of {len(results)} sources can't be pulled: {', '.join(wrong)}")


def is_declared(name: str) -> bool:
    """Whether a name is a source's; a file of that name is meant where it is written with its folder, as ./NAME."""
    from workbench.sources.pulls.declared import NAME

    return bool(NAME.fullmatch(name)) and name in _declared().names


def load_declared(name: str, *, full: bool, since: str | None, as_json: bool) -> None:
    """Pull from a declared source, and say what landed."""
    from dataclasses import asdict

    from workbench.etl.pull import places
    from workbench.sources.pulls.pulling import pull
    from workbench.warehouse import connect

    declared = _declared()[name]
    with _progress(name) as progress:
        outcome = pull(declared, places(connect(create=True)), full=full, since=since, progress=progress)
    if as_json:
        typer.echo(json.dumps(asdict(outcome), indent=2))
        return
    for uri in outcome.files:
        typer.echo(f"landed: {declared.dataset or ''}  {uri}")
    typer.echo(outcome.sentence)
    if outcome.files:
        typer.echo("next: workbench run retail_etl", err=True)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many rows were read."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"{name}: asking", total=None)

        def show(read: int, landed: int) -> None:
            bar.update(task, description=f"{name}: {read:,} rows read, {landed:,} of them new")

        yield show


def _declared() -> Sources:
    from workbench.sources.pulls.reading import read_sources

    return read_sources(_settings())


def _settings() -> Any:
    from workbench.settings import get_settings

    return get_settings()


def _rows(declared: Sources) -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    from workbench.sources.pulls.due import Last, lasts
    from workbench.sources.pulls.positions import Position
    from workbench.warehouse import locate

    warehouse, now = locate(read_only=True), datetime.now(UTC)
    known = lasts(warehouse) if "ops.pulls" in _tables(warehouse) else {}
    rows = []
    for name in declared.names:
        last = known.get(name, Last())
        found = declared.found.get(name)
        cursor = Position.kept(last.cursor)
        wrong = declared.problems.get(name)
        rows.append(
            {
                "source": name,
                "kind": found.source.kind if found else None,
                "dataset": found.dataset if found else None,
                "cursor": cursor.shown if cursor else None,
                "last pull": f"{last.ended_at:%Y-%m-%d %H:%M:%S}" if last.ended_at else None,
                "status": "wrong" if wrong else last.status or "never pulled",
                "next": _next(found, last, now) if found else None,
                "message": str(wrong) if wrong else last.message,
            }
        )
    return rows


def _tables(warehouse: Any) -> Any:
    from workbench.errors import UsageError

    try:
        warehouse.require()
    except UsageError:
        # There is none yet, so nothing was pulled.
        return {}
    return warehouse.catalogue()


def _next(declared: Declared, last: Any, now: Any) -> str:
    from workbench.sources.pulls.due import next_pull

    due = next_pull(declared, last, now)
    if due is None:
        return "with each run"
    return "due" if due <= now else f"{due:%Y-%m-%d %H:%M}"
