"""Commands over the warehouse: make it, ask it, open JupyterLab."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.data.answers import Answer, Format
from workbench.errors import UsageError
from workbench.terminal import ReaderGone, printable

if TYPE_CHECKING:
    from workbench.warehouse import Warehouse

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("init")(init)
    app.command("maintain")(maintain)
    app.command("query")(query)
    app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)


def init(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the statements that would run, change nothing.")
    ] = False,
) -> None:
    """Make the warehouse's schemas and tables where they are missing; upgrade those of an earlier version."""
    from workbench.schema import TABLES
    from workbench.warehouse import locate

    warehouse = locate()
    if dry_run:
        statements = warehouse.plan()
        typer.echo(
            ";\n".join([*statements, ""]).rstrip() or "-- nothing to do; the tables: workbench schema --ddl"
        )
        return
    made = warehouse.initialize()
    tables = sum(not table.view for table in TABLES.values())
    typer.echo(f"{'made' if len(made) == tables else 'ready'}: {warehouse.url} with {tables} tables")


def maintain() -> None:
    """Bring storage and statistics up to date, and delete old runs; run it now and then beside the schedule.

    Of runs the newest 1,000 are kept, or as many as WORKBENCH_KEEP_RUNS says, and of these those that are younger than
    WORKBENCH_KEEP_DAYS if that is set; and what later runs still need. Their rows in ops.runs stay.
    """
    from workbench.execution.housekeeping.retention import prune
    from workbench.settings import get_settings
    from workbench.warehouse import connect

    warehouse = connect()
    for statement in warehouse.maintain():
        typer.echo(f"done: {statement}")
    warehouse.publish()
    settings = get_settings()
    deleted = prune(settings)
    days = f" of the last {settings.keep_days:g} days" if settings.keep_days else ""
    typer.echo(f"done: {len(deleted)} old runs deleted; kept: {settings.keep_runs or 'all'} newest{days}")


def query(
    sql: Annotated[str, typer.Argument(help='One statement, e.g. "SELECT * FROM retail_sales LIMIT 10".')],
    output: Annotated[Format, typer.Option("--format", help="How to print rows.")] = "table",
    write: Annotated[
        bool, typer.Option("--write", help="Allow a statement that changes the warehouse.")
    ] = False,
) -> None:
    """Ask the warehouse in SQL; tables of marts and core need no schema name.

    Where a copy of marts and core is kept for readers, they are as of the end of the last run, and nobody waits for a run
    that goes on; other tables are asked in the warehouse itself.

    In CSV an empty field is NULL, and "" an empty text. In JSON, decimals, dates and what JSON has no type for are
    texts; of columns of one name, the second is called NAME_2.

    Rows are printed as they come, all of them. Columns of a table are as wide as its first 10,000 rows need, and grow wider
    below if later ones need more. Where the statement fails after some rows they stay printed, and the exit status tells.
    """
    import duckdb

    from workbench.settings import get_settings
    from workbench.warehouse import connect
    from workbench.warehouse.texts import Texts

    warehouse = connect(get_settings().warehouse, read_only=not write)
    try:
        if write:
            warehouse.execute(sql)
            typer.echo("done")
            warehouse.publish()
            return
        with Texts() as texts:
            answer = Answer(output, texts)
            warehouse.read(sql, answer.take)
            if damage := getattr(warehouse, "damage", None):
                typer.echo(printable(f"warning: {damage}"), err=True)
            answer.end(_as_of(warehouse))
    except ReaderGone:
        return
    except duckdb.OutOfMemoryException:
        # The statement is right.
        raise
    except duckdb.Error as error:
        raise UsageError(" ".join(str(error).split("\n\n")[0].split())) from None


def lab(context: typer.Context) -> None:
    """Open JupyterLab on the tours and the stage notebooks; the kernel knows the package and the warehouse.

    Where it is missing it offers to install it. Further options go to JupyterLab: workbench lab --no-browser --port 8899
    """
    import os

    from workbench.commands.processes.services import asker
    from workbench.libraries.extras import provide
    from workbench.services import jupyter
    from workbench.settings import get_settings

    settings = get_settings()
    provide("JupyterLab", ["jupyterlab"], ["lab"], settings, asker())
    environment = {**os.environ, **jupyter.environment(settings)}
    inherited = os.environ.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment["PYTHONPATH"], inherited]))
    program, *arguments = jupyter.command(settings, context.args)
    os.execve(program, [program, *arguments], environment)  # noqa: S606


def _as_of(warehouse: Warehouse) -> str:
    """Return what is to be said of how old an answer is; nothing where it is of this moment."""
    from workbench.warehouse.duckdb import DuckDBReader

    if not isinstance(warehouse, DuckDBReader) or warehouse.as_of is None:
        return ""
    since = "; the warehouse was written since" if warehouse.is_behind else ""
    return f", as of {warehouse.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC{since}"
