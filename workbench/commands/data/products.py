"""Decide of which category products are that no model can tell, and see what is wrong with their hierarchy."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import how_many

if TYPE_CHECKING:
    from workbench.etl.members.decisions import Decision
    from workbench.warehouse import Warehouse

products = typer.Typer(help="Products without a category: look at them, and decide.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="PRODUCT", help="The product's id.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="Why, for those who come after.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; you, if not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(products, name="products")


@products.command()
def review(
    limit: Annotated[int, how_many("Products to list.")] = 20,
    as_json: Json = False,
) -> None:
    """List products of which no category is sure enough, those that sell most first, with the likeliest guess."""
    from workbench.commands.tables import show
    from workbench.etl.members.decisions import review as to_review

    found = to_review(_warehouse(), limit)
    found = found.astype(object).where(found.notna(), None)
    if as_json:
        _print_json(found.to_dict("records"))
    elif found.empty:
        typer.echo("Every product has a category.")
    else:
        show(
            ("product", "description", "brand", "department", "lines", "likeliest category", "confidence"),
            [
                (
                    row["product_id"], row["description"] or "", row["brand"] or "", row["department"] or "",
                    f"{row['lines']:,}", row["suggested_category"] or "",
                    "" if row["suggested_confidence"] is None else f"{row['suggested_confidence']:.2f}",
                )
                for row in found.to_dict("records")
            ],
        )  # fmt: skip
        typer.echo("Decide with: workbench products decide PRODUCT --category CATEGORY")


@products.command()
def decide(
    product_id: Id,
    category: Annotated[str, typer.Option(help="One that other products have.", show_default=False)],
    department: Annotated[str, typer.Option(help="The category's usual one, if not given.")] = "",
    new: Annotated[
        bool, typer.Option("--new", help="The category may be one that no product has yet.")
    ] = False,
    note: Note = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Say of which category a product is; the next run follows it, and every run after, until it is undone."""
    from workbench.etl.members.decisions import decide as take

    taken = take(_warehouse(), product_id, category, department=department, note=note, actor=by, is_new=new)
    _tell(taken, as_json)


@products.command()
def undo(product_id: Id, note: Note = "", by: By = "", as_json: Json = False) -> None:
    """Take back what was decided about a product; it gets what the model says again."""
    from workbench.etl.members.decisions import undo as take_back

    _tell(take_back(_warehouse(), product_id, note=note, actor=by), as_json)


@products.command()
def decisions(as_json: Json = False) -> None:
    """List the decisions that stand, the newest first."""
    from workbench.commands.tables import show
    from workbench.etl.members.decisions import standing

    found = standing(_warehouse())
    if as_json:
        _print_json([asdict(each) for each in found])
    elif not found:
        typer.echo("Nothing was decided.")
    else:
        show(
            ("product", "category", "department", "by", "when, UTC", "note"),
            [
                (
                    each.product_id, each.category or "", each.department or "", each.decided_by,
                    f"{each.decided_at:%Y-%m-%d %H:%M:%S}", each.note,
                )
                for each in found
            ],
        )  # fmt: skip


@products.command()
def hierarchy(
    limit: Annotated[int, how_many("Faults to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List what is wrong with the departments, categories and subcategories that products name, the worst first."""
    from workbench.commands.tables import show
    from workbench.etl.members.hierarchy import FAULTS, faults

    found = faults(_warehouse())
    if as_json:
        _print_json(found.head(limit).to_dict("records"))
    elif found.empty:
        typer.echo("Every product has its place in the hierarchy.")
    else:
        show(
            ("fault", "level", "name", "products", "where"),
            [
                (row["fault"], row["level"], row["name"], f"{row['products']:,}", "; ".join(row["paths"][:3]))
                for row in found.head(limit).to_dict("records")
            ],
        )
        for fault, count in found["fault"].value_counts(sort=False).items():
            typer.echo(f"{count:,} {fault}: {FAULTS[str(fault)]}")
        typer.echo(
            "Mend the feed of products, or say it: workbench products decide PRODUCT --category CATEGORY"
        )


def _tell(taken: Decision, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(taken))
        return
    from workbench.terminal import printable

    what = f"is {taken.category}" if taken.verdict == "category" else "is what the model says"
    typer.echo(printable(f"{taken.product_id} {what} from the next run on: workbench run retail_etl"))


def _warehouse() -> Warehouse:
    from workbench.governance.ledger import require_current
    from workbench.warehouse import connect

    warehouse = connect()
    require_current(warehouse)
    return warehouse


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=str, indent=2))
