"""Tell where a row is: from the file that it came in to the figures and alerts that it led to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import how_many
from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.governance.where import Found, Member

_LONGEST = 300
"""Characters of a quarantined record that are shown."""


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("where")(where)


def where(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...", help="Columns of landed rows, as transaction_id=T123 line_number=1."
        ),
    ],
    limit: Annotated[int, how_many("Keys of a dataset to show, the newest.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where a row is: file and row that it came from, versions it joined, fact, figures of the marts, alerts.

    Any column of a landed dataset can be asked for, and `batch_id` and `row_number`. Each line that landed of a key is
    shown, those that were superseded, repeated or withdrawn, too, and rows in quarantine that hold the values.
    """
    from workbench.governance.ledger import require_current
    from workbench.governance.where import find
    from workbench.terminal import printable
    from workbench.warehouse import connect

    pairs, warehouse = _asked(asked), connect()
    require_current(warehouse)
    found = find(warehouse, pairs, limit)
    if as_json:
        print(json.dumps(asdict(found), default=str, indent=2))
        return
    for line in _lines(found):
        print(printable(line))


def _asked(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name or not value:
            raise UsageError(f"{pair!r} isn't KEY=VALUE, as in: workbench where transaction_id=T123")
        if found.setdefault(name, value) != value:
            raise UsageError(f"{name} is given twice; a row has one")
    return found


def _lines(found: Found) -> Iterator[str]:
    for member in found.members:
        key = ", ".join(f"{name} {value}" for name, value in member.key.items())
        yield f"{member.dataset}: {key}"
        for line in member.lines:
            yield f"  {line['state']:<11} {_place(found, line['_batch_id'], line['_row_number'])}"
            if before := line["came_from"]:
                yield from _before(found, before)
        yield from _made(member)
    for row in found.quarantined:
        yield f"{row['dataset']}: in quarantine, for {', '.join(row['reasons'])}"
        yield f"  {'refused':<11} {_place(found, row['batch_id'], row['row_number'])}"
        if row["status"] != "open":
            into = (
                f" into {_place(found, row['into_batch_id'], row['into_row_number'])}"
                if row["into_batch_id"]
                else ""
            )
            why = f": {row['why']}" if row["why"] else ""
            yield f"  {row['status']:<11} {row['moved_at']:%Y-%m-%d %H:%M:%S} by {row['moved_by']}{into}{why}"
        record = row["record"]
        yield f"  {'record':<11} {record[:_LONGEST]}{'…' if len(record) > _LONGEST else ''}"
    for dataset, keys in found.more.items():
        yield f"{dataset}: {keys:,} more keys; more are shown with --limit"


def _before(found: Found, before: dict[str, Any]) -> Iterator[str]:
    """Yield where a row was refused that came back from quarantine, the last time and the first."""
    why = f": {before['why']}" if before["why"] else ""
    last, first = ((before[f"{name}batch_id"], before[f"{name}row_number"]) for name in ("", "first_"))
    yield f"  {'sent back':<11} by {before['moved_by']}{why}; refused as {_place(found, *last)}"
    if first != last:
        yield f"  {'at first':<11} {_place(found, *first)}"


def _place(found: Found, batch_id: str, row_number: int) -> str:
    batch = found.batches.get(batch_id)
    if batch is None:
        return f"row {row_number} of batch {batch_id[:12]}, which the ledger doesn't know"
    return f"row {row_number} of {batch['uri']}, batch {batch_id[:12]}, taken in {batch['ingested_at']:%Y-%m-%d %H:%M:%S}"


def _made(member: Member) -> Iterator[str]:
    """Yield what was made of the lines of a key."""
    from workbench.governance.accounts import FACTS

    if member.dataset in FACTS:
        current = next((line for line in member.lines if line["state"] == "current"), None)
        if member.fact:
            yield f"  {'fact':<11} {FACTS[member.dataset][0]}: {_values(member.fact)}"
        if current and (member.fact or {}).get("_batch_id") != current["_batch_id"]:
            yield f"  {'waits':<11} the current line is taken up by the next run: workbench run retail_etl"
        elif member.fact and not current:
            yield f"  {'waits':<11} the fact is forgotten by the next run: workbench run retail_etl"
    for version in member.versions:
        until = "now" if version["is_current"] else f"{version['valid_to']:%Y-%m-%d %H:%M:%S}"
        name = version["dimension"].removeprefix("core.dim_")
        since = f"{version['valid_from']:%Y-%m-%d %H:%M:%S} to {until}"
        inferred = "inferred, " if version["is_inferred"] else ""
        yield f"  {name:<11} {inferred}version of {since}: {_values(version)}"
    for row in member.periods:
        yield f"  {row['period']:<11} {_values(row)}"
    for alert in member.alerts:
        yield f"  {'alert':<11} {alert['severity']}, {alert['raised_at']:%Y-%m-%d}: {alert['message']}"


_LEFT_OUT = {
    "dimension", "period", "valid_from", "valid_to", "is_current", "is_inferred", "date_key", "time_key", "_batch_id",
}  # fmt: skip


def _values(row: dict[str, Any]) -> str:
    """Return the values of a row that are there, with their names."""
    return ", ".join(
        f"{name} {f'{value.normalize():f}' if hasattr(value, 'normalize') else value}"
        for name, value in row.items()
        if value is not None and name not in _LEFT_OUT and not name.endswith("_key")
    )
