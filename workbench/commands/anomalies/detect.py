"""Find anomalous days in any table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.limits import how_many
from workbench.terminal import printable

if TYPE_CHECKING:
    from workbench.anomaly.found import Findings


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(detect)


def detect(
    table: Annotated[str, typer.Option(help="schema.name, or a name in marts or core.", show_default=False)],
    date_column: Annotated[str, typer.Option(help="Date or timestamp column.", show_default=False)],
    measure: Annotated[
        str | None, typer.Option(help="Numeric column to sum; rows are counted without it.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column to tell series apart.")] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD",
            help="5min, 10min, 15min, 30min, hour, day or week; told from the times without it.",
        ),
    ] = None,
    statistic: Annotated[
        str, typer.Option(metavar="STATISTIC", help="What of a measure is taken: sum, mean, min or max.")
    ] = "sum",
    limit: Annotated[int, how_many("Anomalies to print.", short=False)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything found as JSON.")] = False,
) -> None:
    """Find days (hours, weeks, ...) in which a table's rows, or a measure, leave their expected range.

    A period without rows counts 0 rows; a measure of it is unknown and isn't judged. What was left out is said below.
    """
    from workbench.anomaly.any_table import STATISTICS
    from workbench.anomaly.any_table import detect as find
    from workbench.errors import unknown
    from workbench.warehouse import connect

    chosen = next((each for each in STATISTICS if each == statistic), None)
    if chosen is None:
        raise unknown("statistic", statistic, STATISTICS)
    found = find(
        connect(read_only=True), table, date_column, measure=measure, by=by, every=every, statistic=chosen
    )
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found, limit)


def _show(found: Findings, limit: int) -> None:
    from workbench.commands.tables import show
    from workbench.numbers import money as amount

    anomalies = found.anomalies
    if found.every != "day":
        _show_incidents(found, limit)
    elif len(anomalies):
        names = (
            "date",
            *([found.by] if found.by else []),
            "actual",
            "expected",
            "range",
            "score",
            "severity",
        )
        rows = [
            (
                f"{row['day']:%a %Y-%m-%d}", *([printable(str(row["series"]), longest=200)] if found.by else []), amount(row["actual"]),
                amount(row["expected"]), f"{amount(row['lower'])} to {amount(row['upper'])}",
                f"{row['score']:.1f}", row["severity"],
            )
            for row in anomalies.head(limit).to_dict("records")
        ]  # fmt: skip
        show(
            names, rows, right=("actual", "expected", "range", "score"),
            colors={severity: "red" if severity == "critical" else "yellow" for *_, severity in rows},
        )  # fmt: skip
        if len(anomalies) > limit:
            print(f"... and {len(anomalies) - limit} more (--limit).")
    print(printable(found.summary))
    for note in found.notes:
        print(printable(note))


def _show_incidents(found: Findings, limit: int) -> None:
    from workbench.commands.tables import show
    from workbench.numbers import money as amount

    if not len(found.incidents):
        return
    names = (
        "from, UTC",
        "to",
        "periods",
        *([found.by] if found.by else []),
        "worst",
        "expected",
        "range",
        "score",
        "severity",
    )
    rows = [
        (
            f"{row['start']:%Y-%m-%d %H:%M}", f"{row['end']:%Y-%m-%d %H:%M}", f"{row['periods']:,}",
            *([printable(str(row["series"]), longest=200)] if found.by else []), amount(row["actual"]),
            amount(row["expected"]), f"{amount(row['lower'])} to {amount(row['upper'])}", f"{row['score']:.1f}", row["severity"],
        )
        for row in found.incidents.head(limit).to_dict("records")
    ]  # fmt: skip
    show(
        names, rows, right=("periods", "worst", "expected", "range", "score"),
        colors={severity: "red" if severity == "critical" else "yellow" for *_, severity in rows},
    )  # fmt: skip
    if len(found.incidents) > limit:
        print(f"... and {len(found.incidents) - limit} more (--limit).")
