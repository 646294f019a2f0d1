"""Look at customer ids that may be one person, and decide: ``workbench customers``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import how_many

if TYPE_CHECKING:
    from workbench.warehouse import Warehouse

customers = typer.Typer(
    help="Which customer ids are one person: pairs to look at, and what people decided.", no_args_is_help=True
)

One = Annotated[str, typer.Argument(metavar="ID", help="A customer id.")]
Other = Annotated[str, typer.Argument(metavar="OTHER_ID", help="Another customer id.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; you, if not given.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="Why, for those who come after.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, how_many("How many to list.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(customers, name="customers")


@customers.command()
def review(limit: Limit = 20, as_json: Json = False) -> None:
    """List pairs of customer ids that may be one person and were not linked, the likeliest first.

    Decide with same or different.
    """
    from workbench.commands.tables import show
    from workbench.etl.linkage.decisions import to_review
    from workbench.terminal import printable

    found = to_review(_warehouse(), limit)
    if as_json:
        _print_json(found)
    elif not found:
        typer.echo("Nothing is left to review.")
    else:
        details = ("first_name", "last_name", "email", "phone", "street", "city", "postal_code")
        show(
            ("id", "how likely", "details"),
            [
                (
                    str(row[f"customer_id_{side}"]), f"{row['match_probability']:.3f}" if side == "l" else "",
                    printable(", ".join(str(row[f"{name}_{side}"]) for name in details if row[f"{name}_{side}"])),
                )
                for row in found for side in ("l", "r")
            ],
            right=("how likely",),
        )  # fmt: skip


@customers.command()
def same(one: One, other: Other, note: Note = "", by: By = "") -> None:
    """Decide that two customer ids are one person; each run of the customers stage heeds it from now on."""
    _decide(one, other, "same", note, by)


@customers.command()
def different(one: One, other: Other, note: Note = "", by: By = "") -> None:
    """Decide that two customer ids are different people; they are never joined, nor is who is joined with either."""
    _decide(one, other, "different", note, by)


@customers.command()
def undo(one: One, other: Other, note: Note = "", by: By = "") -> None:
    """Take back what was decided of two customer ids."""
    _decide(one, other, "undone", note, by)


@customers.command()
def decisions(as_json: Json = False) -> None:
    """List what people decided and what counts, the newest first."""
    from dataclasses import asdict

    from workbench.commands.tables import show
    from workbench.etl.linkage.decisions import decisions as counting
    from workbench.terminal import printable

    found = counting(_warehouse())
    if as_json:
        _print_json([asdict(one) for one in found])
    elif not found:
        typer.echo("Nothing was decided yet; see: workbench customers review")
    else:
        show(
            ("id", "other id", "decided", "by", "at, UTC", "why"),
            [
                (one.left, one.right, one.verdict, one.decided_by, one.decided_at, printable(one.note))
                for one in found
            ],
        )


@customers.command()
def changes(limit: Limit = 20, as_json: Json = False) -> None:
    """List customer ids that became another person's by new data or decisions, the newest first."""
    from workbench.commands.tables import show

    found = _warehouse().rows(
        "SELECT changed_at, run_id, kind, customer_id, person_before, person_now FROM ops.identity_changes "
        f"ORDER BY changed_at DESC, customer_id LIMIT {limit}"
    )
    if as_json:
        _print_json(found)
    elif not found:
        typer.echo("No customer id became another person's yet.")
    else:
        names = ("changed_at", "kind", "customer_id", "person_before", "person_now")
        show(
            ("at, UTC", "what", "customer id", "was", "is now"),
            [tuple(str(row[name] or "")[:19] if name == "changed_at" else str(row[name] or "") for name in names) for row in found],
        )  # fmt: skip


def _decide(one: str, other: str, verdict: str, note: str, by: str) -> None:
    from workbench.etl.linkage.decisions import decide
    from workbench.terminal import printable

    decide(_warehouse(), one, other, verdict, note=note, actor=by)
    typer.echo(printable(f"{one} and {other}: {verdict}; the next run of retail_etl heeds it"))


def _warehouse() -> Warehouse:
    from workbench.warehouse import connect

    warehouse = connect()
    warehouse.ensure(to_read=True)
    return warehouse


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=str, indent=2))
