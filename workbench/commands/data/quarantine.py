"""Rows that were set aside: look at them, mend them, send them back, or say that nothing is lost with them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workbench.commands.data import standing
from workbench.commands.limits import how_many
from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.governance.quarantine.rows import Filter
    from workbench.warehouse import Warehouse

quarantine = typer.Typer(
    help="Rows that were set aside, and why; mend them and send them back.", invoke_without_command=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Dataset = Annotated[str | None, typer.Option(help="Only rows of a dataset.")]
Batch = Annotated[str | None, typer.Option(help="Only rows of a batch: its id, or how that begins.")]
Reason = Annotated[
    str | None,
    typer.Option(help="Only rows refused for this: quantity:zero, or one half of it, as quantity or zero."),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        help="Only rows refused since a day or time, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
    ),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; you, if not given.")]
Status = Literal["open", "replayed", "closed", "any"]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(quarantine, name="quarantine")


@quarantine.callback()
def summary(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Count those that were replayed or closed, too.")
    ] = False,
    dataset: Dataset = None,
    batch: Batch = None,
    reason: Reason = None,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """List the batches with rows that are open in quarantine, and their reasons."""
    chosen = {"dataset": dataset, "batch": batch, "reason": reason, "since": since}
    if context.invoked_subcommand:
        if given := [name for name, value in chosen.items() if value is not None]:
            raise UsageError(f"--{given[0]} stands behind {context.invoked_subcommand}")
        return
    from workbench.governance.quarantine.rows import summed

    warehouse = _warehouse()
    wanted = _filter(warehouse, dataset, batch, reason, since, "any" if everything else "open")
    rows = summed(warehouse, wanted)
    empty = "nothing is in quarantine"
    if any(value is not None for value in chosen.values()):
        empty = "no such row in quarantine"
    elif not rows and not everything and summed(warehouse, replace(wanted, status=None)):
        empty = "nothing in quarantine is open; what was replayed or closed: workbench quarantine --all"
    standing.print_rows(rows, as_json, empty=empty)


@quarantine.command()
def show(
    batch: Annotated[
        str | None,
        typer.Argument(help="The batch id, or how it begins; all if left out.", show_default=False),
    ] = None,
    dataset: Dataset = None,
    reason: Reason = None,
    since: Since = None,
    status: Annotated[Status, typer.Option(help="Which rows: how they stand.")] = "any",
    limit: Annotated[int, how_many("How many rows.", short=False)] = 50,
    as_json: Json = False,
) -> None:
    """Show rows in quarantine as they came, with their reasons, and how they stand."""
    from workbench.governance.quarantine.rows import find

    warehouse = _warehouse()
    wanted = _filter(warehouse, dataset, batch, reason, since, status)
    rows = [
        {
            **({} if batch else {"batch": row.batch_id[:12]}), "row": row.row_number,
            "reasons": ", ".join(row.reasons), "status": row.status,
            **({"told": standing.told(row)} if as_json else {}), "record": row.record,
        }
        for row in find(warehouse, wanted, limit)
    ]  # fmt: skip
    standing.print_rows(
        rows, as_json, empty="this batch has no quarantined row" if batch else "no such row in quarantine"
    )


@quarantine.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the CSV.", show_default=False)],
    dataset: Dataset = None,
    batch: Batch = None,
    reason: Reason = None,
    since: Since = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write open rows to a CSV, to be mended there and sent back.

    Their own columns come after those that tell which row it is (_quarantine_batch, _quarantine_row), what is wrong with
    it, and its text as it came.
    """
    from workbench.etl.sending_back.mending import write_csv
    from workbench.files import write_whole
    from workbench.governance.quarantine.rows import find

    warehouse = _warehouse()
    rows = find(warehouse, _filter(warehouse, dataset, batch, reason, since, "open"))
    if not rows:
        raise UsageError("no open row in quarantine is of that kind; workbench quarantine lists them")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already; --force writes over it")

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as out:
            write_csv(rows, out)

    try:
        write_whole(file, write)
    except OSError as error:
        raise UsageError(f"can't write {file}: {error.strerror or error}") from None
    typer.echo(
        f"{standing.count(len(rows), 'row')} in {file}; mended, send them back with: workbench quarantine replay {file}"
    )


@quarantine.command()
def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV of `workbench quarantine export`, mended; without it, open rows go back as they came.",
            show_default=False,
        ),
    ] = None,
    dataset: Dataset = None,
    batch: Batch = None,
    reason: Reason = None,
    since: Since = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Read them by this map, not by that they came with.")
    ] = None,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for the record.")] = "",
    by: By = "",
    force: Annotated[
        bool, typer.Option("--force", help="Those of batches that were refused whole, too; needs --because.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    as_json: Json = False,
) -> None:
    """Send rows in quarantine back: they are read anew, by today's rules, and land in a batch of their own.

    What is accepted is in raw, and the next run takes it on from there. What is refused once more is open in the new
    batch. A row goes back once: the same file sent back again adds nothing.
    """
    from workbench.etl.sending_back import replay as replaying
    from workbench.etl.sending_back.mending import Key, Mended, match, read_csv
    from workbench.governance.audit import somebody
    from workbench.governance.quarantine.rows import Filter, find
    from workbench.sources.maps import read_map

    if force and not because.strip():
        raise UsageError("say why they are right after all: --force --because 'the supplier says so'")
    warehouse = _warehouse(writing=True)
    mapping = read_map(map_file) if map_file else None
    given = read_csv(file) if file else None
    told: list[str] = []
    wanted = _filter(warehouse, dataset, batch, reason, since, "open" if given is None else "any")
    rows = find(warehouse, wanted)
    mended: dict[Key, Mended] = {}
    if given is not None:
        known = {(row.batch_id, row.row_number) for row in rows}
        unknown = [key for key in given if key not in known]
        if unknown and wanted == Filter(status=None):
            raise UsageError(
                f"{file}: nothing in quarantine is {standing.places(unknown)}; the columns _quarantine_batch and _quarantine_row "
                "say which row it is, and stay as they were exported"
            )
        rows, mended, done = match(rows, given)
        told += [standing.told(row) for row in done[: standing.LISTED]]
        if len(done) > standing.LISTED:
            told.append(f"and {standing.count(len(done) - standing.LISTED, 'row')} more that aren't open")
    are_mended = [key for key, made in mended.items() if made != Mended()]
    chosen, why_not = replaying.replayable(rows, are_mended, force=force)
    done_now = (
        replaying.replay(
            warehouse, chosen, mended, by=by or somebody(), why=because, mapping=mapping, dry_run=dry_run
        )
        if chosen
        else []
    )
    standing.report(done_now, [*told, *why_not], dry_run=dry_run, as_json=as_json)


@quarantine.command()
def close(
    because: Annotated[
        str,
        typer.Option("--because", metavar="TEXT", help="Why nothing is lost with them.", show_default=False),
    ],
    dataset: Dataset = None,
    batch: Batch = None,
    reason: Reason = None,
    since: Since = None,
    row: Annotated[
        list[int] | None,
        typer.Option("--row", min=1, help="Only this row of the batch; may be given several times."),
    ] = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Say of open rows that nothing is lost with them: they stay where they are, and count as closed."""
    from workbench.governance.audit import somebody
    from workbench.governance.quarantine import rows as rows_there

    if dataset is batch is reason is since is None:
        raise UsageError("say which rows: --batch, --dataset, --reason or --since")
    if row and batch is None:
        raise UsageError("say of which batch the rows are: --batch ID --row NUMBER")
    warehouse = _warehouse(writing=True)
    found = rows_there.find(warehouse, _filter(warehouse, dataset, batch, reason, since, "open"))
    if row:
        found = [each for each in found if each.row_number in row]
    closed = rows_there.close(warehouse, found, because, by or somebody())
    if as_json:
        typer.echo(json.dumps({"closed": closed}))
    else:
        typer.echo(
            f"{standing.count(closed, 'row')} closed"
            if closed
            else "no open row is of that kind; nothing was closed"
        )


def _filter(
    warehouse: Warehouse,
    dataset: str | None,
    batch: str | None,
    reason: str | None,
    since: datetime | None,
    status: Status,
) -> Filter:
    """Return which rows are meant.

    Raises:
        UsageError: a name is of nothing, or is empty; as it is where a script's variable is, which mustn't mean all rows.
    """
    from workbench.governance.ledger import named
    from workbench.governance.quarantine.rows import Filter
    from workbench.schema import dataset as declared

    if dataset is not None:
        declared(dataset)
    if reason is not None and not reason.strip():
        raise UsageError("the reason is empty; leave it out, or say which, as in: --reason quantity:zero")
    batch_id = named(warehouse, batch).batch_id if batch is not None else ""
    return Filter(dataset or "", batch_id, (reason or "").strip(), since, None if status == "any" else status)


def _warehouse(*, writing: bool = False) -> Warehouse:
    from workbench.governance.quarantine.rows import require_current
    from workbench.warehouse import connect

    warehouse = connect()
    if writing:
        warehouse.ensure()
    else:
        require_current(warehouse)
    return warehouse
