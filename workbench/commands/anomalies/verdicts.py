"""Say what an alert was worth, and what another threshold would have raised: commands of ``workbench alerts``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.limits import MOST, finite

if TYPE_CHECKING:
    from workbench.anomaly.what_if import Outlook
    from workbench.warehouse import Warehouse

Id = Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or how it begins.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(alerts: typer.Typer) -> None:
    """Add these commands to those of alerts."""
    alerts.command()(feedback)
    alerts.command("what-if")(what_if)


def feedback(
    alert_id: Id,
    verdict: Annotated[
        str,
        typer.Option(
            metavar="VERDICT",
            help="real: something was wrong. false: nothing was. expected: it was so, for a reason.",
            show_default=False,
        ),
    ],
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why, for those who come after.")] = "",
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; you, if not given.")] = "",
    as_json: Json = False,
) -> None:
    """Give a verdict on an alert about sales, fraud or a file; what detections learn from follows it.

    Of several on one alert the newest counts. An alert that is false or expected is closed.
    """
    from workbench.anomaly.feedback import give_verdict

    given = give_verdict(current_warehouse(), alert_id, verdict, note=note, actor=by)
    if as_json:
        print_json(asdict(given))
        return
    from workbench.terminal import printable

    print(printable(f"{given.kind} {given.subject}: {given.verdict}"))


def what_if(
    threshold: Annotated[
        float,
        typer.Option(
            callback=finite,
            help="Score from which a day of sales is critical (1.5 is usual), or a receipt is to look at (0 to 1).",
            show_default=False,
        ),
    ],
    kind: Annotated[str, typer.Option(help="sales_anomaly or fraud.")] = "sales_anomaly",
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How many of the newest days.")] = 28,
    budget: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST,
            help="Alerts at most, about 28 days of sales or on a day of receipts; 0: as detections have it.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Say what the last weeks would have looked like at another threshold, from stored scores; nothing is written."""
    from workbench.anomaly.what_if import what_if as look
    from workbench.commands.tables import show
    from workbench.governance.feedback import VERDICTS
    from workbench.settings import get_settings
    from workbench.terminal import printable

    found = look(current_warehouse(), threshold, kind=kind, days=days, budget=budget)
    if as_json:
        print_json(found.to_dict())
        return
    print(
        f"{found.kind} from {found.first_day} to {found.last_day}, at stake in {get_settings().reporting_currency}"
    )
    names = ("", "threshold", "incidents", "alerts", "alerts a day", "at stake", *VERDICTS)
    show(names, [_row("in force", found.in_force), _row("what if", found.asked)], right=names[1:])
    print(printable(found.summary()))


def _row(name: str, outlook: Outlook) -> tuple[str, ...]:
    from workbench.governance.feedback import VERDICTS
    from workbench.numbers import money

    return (
        name, f"{outlook.threshold:g}", f"{outlook.incidents:,}", f"{outlook.alerts:,}",
        f"{outlook.alerts_a_day:.2f}", money(outlook.money_at_stake),
        *(outlook.kept(verdict) for verdict in VERDICTS),
    )  # fmt: skip


def current_warehouse() -> Warehouse:
    """Return the warehouse, brought up to what alerts need."""
    from workbench.warehouse import connect

    warehouse = connect()
    warehouse.ensure(to_read=True)
    return warehouse


def print_json(value: Any) -> None:
    """Print a value as JSON; times and dates are texts."""
    print(json.dumps(value, default=str, indent=2))
