"""Look at the ledger of landed files, and take one out of the warehouse that should never have been loaded."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import how_many

if TYPE_CHECKING:
    from workbench.governance.ledger import Batch
    from workbench.governance.withdrawal import Withdrawal
    from workbench.warehouse import Warehouse

batches = typer.Typer(
    help="Files that were taken in; withdraw one that should never have been loaded.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The batch id, or how it begins.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; you, if not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_NOTHING = "Nothing was taken in yet; load a file with: workbench load FILE --dataset DATASET"
_NUMBERS = ("landed", "accepted", "quarantined", "repeats")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(batches, name="batches")


@batches.command("list")
def listing(
    limit: Annotated[int, how_many("Batches to list.")] = 20,
    dataset: Annotated[str, typer.Option(help="Only those of a dataset.")] = "",
    as_json: Json = False,
) -> None:
    """List the files that were taken in last, the newest first, with the rows of each."""
    from workbench.commands.tables import show as show_table
    from workbench.governance.ids import SHORT
    from workbench.governance.ledger import recent
    from workbench.schema import dataset as declared

    if dataset:
        declared(dataset)
    found = recent(_warehouse(), limit, dataset=dataset)
    if as_json:
        _print_json([asdict(batch) for batch in found])
    elif not found:
        typer.echo(_NOTHING)
    else:
        show_table(
            ("batch", "dataset", "file", "taken in, UTC", *_NUMBERS, "status"),
            [
                (
                    batch.batch_id[:SHORT], batch.dataset, batch.file, f"{batch.ingested_at:%Y-%m-%d %H:%M:%S}",
                    *(f"{n:,}" for n in _numbers(batch)), "withdrawn" if batch.withdrawn_at else batch.status,
                )
                for batch in found
            ],
            right=_NUMBERS,
        )  # fmt: skip


@batches.command()
def show(batch_id: Id, as_json: Json = False) -> None:
    """Show one batch: where its file landed, what became of its rows, and whether it was withdrawn."""
    from workbench.governance.ledger import named
    from workbench.sources.pulls.due import origin

    warehouse = _warehouse()
    batch = named(warehouse, batch_id)
    about = {**asdict(batch), "pulled_from": origin(warehouse, batch.batch_id)}
    if as_json:
        _print_json(about)
        return
    for name, value in about.items():
        if value is not None:
            typer.echo(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {_printable(value)}")


@batches.command()
def withdraw(
    batch_id: Id,
    reason: Annotated[
        str,
        typer.Option(
            "--because", "--reason", metavar="TEXT", help="Why, for the ledger.", show_default=False
        ),
    ],
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take the rows of a batch out of raw; the next run makes everything as if its file had never been loaded.

    The rows are kept in the schema `withdrawn`, and `workbench batches restore` puts them back. The file isn't taken in
    again, wherever it lies.
    """
    from workbench.governance.audit import somebody
    from workbench.governance.ledger import named
    from workbench.governance.withdrawal import withdraw as take_out

    warehouse = _warehouse(writing=True)
    done = take_out(warehouse, named(warehouse, batch_id).batch_id, reason, by or somebody())
    name = done.batch.dataset
    _tell(done, as_json, f"out of raw.{name}; they are kept in withdrawn.{name}")


@batches.command()
def restore(
    batch_id: Id,
    reason: Annotated[
        str, typer.Option("--because", "--reason", metavar="TEXT", help="Why, for the audit log.")
    ] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Put the rows of a withdrawn batch back into raw, as they were there.

    Where others have their place by now, rows that were mended and sent back meanwhile, it says which batch to withdraw first.
    """
    from workbench.governance.audit import somebody
    from workbench.governance.ledger import named
    from workbench.governance.withdrawal import restore as put_back

    warehouse = _warehouse(writing=True)
    done = put_back(warehouse, named(warehouse, batch_id).batch_id, reason, by or somebody())
    _tell(done, as_json, f"back in raw.{done.batch.dataset}")


@batches.command()
def accept(
    batch_id: Id,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="Why it is right after all.", show_default=False)
    ],
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take in a batch that was refused whole for its share of faults: the rows with which nothing is wrong.

    They land in a batch of their own; the faulty ones stay open in quarantine.
    """
    from workbench.commands.data.standing import report
    from workbench.etl.sending_back.replay import REFUSED_WHOLE
    from workbench.etl.sending_back.replay import accept as take_in
    from workbench.governance.audit import somebody
    from workbench.governance.ledger import named
    from workbench.governance.quarantine.rows import Filter, find

    warehouse = _warehouse(writing=True)
    batch = named(warehouse, batch_id)
    rows = find(warehouse, Filter(batch_id=batch.batch_id, reason=REFUSED_WHOLE))
    report(take_in(warehouse, batch, rows, by=by or somebody(), why=because), as_json=as_json)


@batches.command()
def drift(
    dataset: Annotated[str, typer.Option(help="Only files of a dataset.")] = "",
    as_json: Json = False,
) -> None:
    """List the columns of landed files that differ from what is declared: added, missing or changed, since which file."""
    from workbench.commands.tables import show as show_table
    from workbench.governance.drift import history
    from workbench.governance.ids import SHORT
    from workbench.schema import dataset as declared

    if dataset:
        declared(dataset)
    found = history(_warehouse(), dataset)
    if as_json:
        _print_json([asdict(each) for each in found])
    elif not found:
        typer.echo("No file had other columns than are declared.")
    else:
        show_table(
            ("dataset", "column", "change", "since, UTC", "batch", "what it means"),
            [
                (
                    each.dataset, each.column_name, each.change, f"{each.noted_at:%Y-%m-%d %H:%M:%S}",
                    each.batch_id[:SHORT], each.message,
                )
                for each in found
            ],
        )  # fmt: skip


@batches.command()
def ledger(as_json: Json = False) -> None:
    """Account for every line that landed, by dataset, down to the facts; exits 1 if one is lost.

    Lines landed are accepted or quarantined; accepted ones are in raw or withdrawn. Those in raw are facts, or superseded
    by a later line of the same key, or exact repeats, or too early for the facts, or they wait for the next run.
    """
    from workbench.commands.tables import show as show_table
    from workbench.governance.accounts import lines

    found = lines(_warehouse())
    if as_json:
        _print_json([asdict(each) | {"lost": each.lost} for each in found])
    elif not found:
        typer.echo(_NOTHING)
    else:
        names = tuple(name for name in asdict(found[0]) if name != "dataset")
        show_table(
            ("dataset", *(name.replace("_", " ") for name in names), "adds up"),
            [
                (
                    each.dataset, *("" if (n := asdict(each)[name]) is None else f"{n:,}" for name in names),
                    f"no, by {each.lost:,}" if each.lost else "yes",
                )
                for each in found
            ],
            right=[name.replace("_", " ") for name in names],
        )  # fmt: skip
    if any(each.lost for each in found):
        raise typer.Exit(1)


def _tell(done: Withdrawal, as_json: bool, where: str) -> None:
    if as_json:
        _print_json(
            {"batch": asdict(done.batch), "rows": done.rows, "told": done.told, "mended": done.mended}
        )
        return
    from workbench.governance.ids import SHORT

    file = _printable(done.batch.file)
    typer.echo(f"{file}: {done.rows:,} row{'' if done.rows == 1 else 's'} {where}")
    for name, rows in done.mended.items():
        typer.echo(
            f"{rows:,} row{'' if rows == 1 else 's'} of the file, refused and mended later, stay in raw; they are batch "
            f"{name[:SHORT]}: workbench batches withdraw {name[:SHORT]}"
        )
    typer.echo("The tables made from them follow with the next run: workbench run retail_etl")


def _numbers(batch: Batch) -> tuple[int, int, int, int]:
    return batch.rows_landed, batch.rows_accepted, batch.rows_quarantined, batch.rows_duplicate


def _warehouse(*, writing: bool = False) -> Warehouse:
    """Return the warehouse, as long as it knows of withdrawals; one that is written to is brought up to that."""
    from workbench.errors import UsageError
    from workbench.warehouse import connect

    warehouse = connect()
    if writing:
        warehouse.ensure()
    elif "withdrawn_at" not in warehouse.catalogue().get("ops.batches", ()):
        raise UsageError(
            f"{warehouse.url} is of an earlier version; bring it up to date with: workbench init"
        )
    return warehouse


def _printable(value: Any) -> str:
    from workbench.terminal import printable

    return printable(str(value))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str, indent=2))
