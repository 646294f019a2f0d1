"""What is said of rows in quarantine, and of those that were sent back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.etl.sending_back.replay import Replay
    from workbench.governance.quarantine.rows import Refused

_LONGEST_CELL = 2000
LISTED = 5


def report(
    done: Sequence[Replay], told: Sequence[str] = (), *, dry_run: bool = False, as_json: bool = False
) -> None:
    """Print what became of rows that were sent back, and what is to be said of others.

    Raises:
        UsageError: some are a batch that was withdrawn, and so didn't go back.
    """
    _report(done, told, dry_run=dry_run, as_json=as_json)
    for each in done:
        if each.withdrawn:
            name = each.withdrawn[:12]
            raise UsageError(
                f"{count(each.rows, 'row')} went back as they are now as batch {name}, which was withdrawn since; put it back "
                f"with: workbench batches restore {name}; or send them back anew, with another --because"
            )


def _report(done: Sequence[Replay], told: Sequence[str], *, dry_run: bool, as_json: bool) -> None:
    from workbench.terminal import printable

    if as_json:
        batches = [
            {
                "rows": each.rows, "batch": asdict(each.batch) if each.batch else None, "reasons": each.reasons,
                "withdrawn": each.withdrawn,
            }
            for each in done
        ]  # fmt: skip
        typer.echo(json.dumps({"replayed": batches, "left": list(told)}, default=str, indent=2))
        return
    for each in done:
        if each.withdrawn:
            continue
        if each.batch is None:
            typer.echo(f"{count(each.rows, 'row')} had been sent back before; nothing was added")
            continue
        batch, reasons = each.batch, ", ".join(f"{reason} {n:,}" for reason, n in each.reasons.items())
        again = f", {batch.rows_quarantined:,} refused: {reasons}" if batch.rows_quarantined else ""
        would = "would go back" if dry_run else f"went back as batch {batch.batch_id[:12]}"
        typer.echo(
            f"{batch.dataset}: {count(each.rows, 'row')} {would}: {batch.rows_accepted:,} accepted{again}"
        )
    for sentence in told:
        typer.echo(printable(sentence))
    if not done:
        typer.echo("nothing to send back")
    elif not dry_run and any(each.batch and each.batch.rows_accepted for each in done):
        typer.echo("The tables made from them follow with the next run: workbench run retail_etl")


def told(row: Refused) -> str:
    """Say how a row stands."""
    where = f"row {row.row_number} of batch {row.batch_id[:12]}"
    if row.status == "open":
        return f"{where} is open"
    when = f"on {row.moved_at:%Y-%m-%d %H:%M} by {row.moved_by}" + (f": {row.why}" if row.why else "")
    into = f" as row {row.into_row_number} of batch {row.into_batch_id[:12]}" if row.into_batch_id else ""
    return f"{where} was {row.status}{into if row.status == 'replayed' else ''} {when}"


def places(keys: Sequence[tuple[str, int]]) -> str:
    """Return rows of batches in words."""
    shown = ", ".join(f"row {number} of batch {batch[:12]!r}" for batch, number in keys[:LISTED])
    return shown + (f", and {len(keys) - LISTED:,} more" if len(keys) > LISTED else "")


def count(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_rows(rows: list[dict[str, Any]], as_json: bool, *, empty: str) -> None:
    """Print rows as a table, or as JSON."""
    from workbench.commands.tables import show as show_table
    from workbench.terminal import printable

    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=2))
    elif not rows:
        typer.echo(empty)
    else:
        show_table(
            list(rows[0]),
            [[printable(str(value), longest=_LONGEST_CELL) for value in row.values()] for row in rows],
        )
        typer.echo(count(len(rows), "row"), err=True)
