"""Look at alerts, judge or close one, send what waits, and try the channels."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from workbench.commands.anomalies import verdicts
from workbench.commands.anomalies.verdicts import Id, Json, current_warehouse, print_json
from workbench.commands.limits import how_many

alerts = typer.Typer(
    help="Look at alerts; judge or close one; send what waits; try the channels.", invoke_without_command=True
)
_NOTHING = "No alerts."


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    verdicts.register(alerts)
    app.add_typer(alerts, name="alerts")


@alerts.callback()
def overview(context: typer.Context, as_json: Json = False) -> None:
    """List the open alerts, the newest first."""
    if not context.invoked_subcommand:
        listing(only_open=True, as_json=as_json)


@alerts.command("list")
def listing(
    limit: Annotated[int, how_many("Alerts to list.")] = 20,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that nobody closed.")] = False,
    kind: Annotated[str, typer.Option(help="Only those of a kind, run_failed for example.")] = "",
    owner: Annotated[
        str, typer.Option(help="Only those that somebody sees to, data-science for example.")
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            help="Only those raised since a day or time, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List alerts, the newest first."""
    from workbench.commands.tables import show as show_table
    from workbench.governance.alerts.recorded import recent
    from workbench.governance.feedback import newest
    from workbench.governance.ids import SHORT

    warehouse = current_warehouse()
    found = recent(warehouse, limit, only_open=only_open, kind=kind, owner=owner, since=since)
    given = {each.alert_id: each.verdict for each in newest(warehouse)}
    if as_json:
        print_json([asdict(alert) | {"verdict": given.get(alert.alert_id)} for alert in found])
    elif not found:
        print(_NOTHING)
    else:
        show_table(
            ("alert", "raised, UTC", "severity", "kind", "subject", "message", "owner", "state", "verdict"),
            [
                (
                    alert.alert_id[:SHORT], f"{alert.raised_at:%Y-%m-%d %H:%M}", alert.severity, alert.kind,
                    alert.subject, alert.message, alert.owner or "", "open" if alert.is_open else "closed", given.get(alert.alert_id, ""),
                )
                for alert in found
            ],
        )  # fmt: skip


@alerts.command()
def show(alert_id: Id, as_json: Json = False) -> None:
    """Show one alert in full: what it says, where more is told, and the verdicts that people gave on it."""
    from workbench.governance.alerts.notifications import report_link, runbook_link
    from workbench.governance.alerts.recorded import named
    from workbench.governance.feedback import history
    from workbench.settings import get_settings
    from workbench.terminal import printable

    warehouse, settings = current_warehouse(), get_settings()
    alert = named(warehouse, alert_id)
    given = history(warehouse, alert.alert_id)
    links = {"report": report_link(alert, settings), "runbook": runbook_link(alert.kind, settings)}
    if as_json:
        verdicts_given = [asdict(each) for each in given]
        print_json(asdict(alert) | links | {"verdicts": verdicts_given})
        return
    for name, value in (asdict(alert) | links).items():
        if value is not None and name != "link":
            print(printable(f"{name}: {value}"))
    for each in given:
        why = f": {each.note}" if each.note else ""
        print(
            printable(f"verdict: {each.verdict}, by {each.given_by} on {each.given_at:%Y-%m-%d %H:%M}{why}")
        )


@alerts.command()
def close(
    alert_id: Id,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for the audit log.")] = "",
    as_json: Json = False,
) -> None:
    """Close an alert: it isn't sent any more, and the same finding isn't raised again."""
    from workbench.governance.alerts import recorded
    from workbench.governance.audit import somebody

    warehouse = current_warehouse()
    alert = recorded.named(warehouse, alert_id)
    is_closed = recorded.close(warehouse, alert, somebody(), because)
    if as_json:
        print_json(asdict(alert) | {"is_open": False})
        return
    from workbench.terminal import printable

    done = "closed" if is_closed else "was closed before"
    print(printable(f"{alert.kind} {alert.subject}: {done}"))


@alerts.command()
def send(as_json: Json = False) -> None:
    """Send what channels haven't got yet; exits 1 if a channel can't be reached. For cron, and for after an outage."""
    from workbench.governance.alerts.telling import send_waiting
    from workbench.settings import get_settings

    settings = get_settings()
    _require_channels(settings.alert_channels)
    done = send_waiting(settings, upgrade=True)
    if as_json:
        print_json(asdict(done))
    else:
        print(f"{done.notifications} notification{'' if done.notifications == 1 else 's'} sent")
        _warn(*done.warnings)
    if done.warnings:
        raise typer.Exit(1)


@alerts.command()
def check(as_json: Json = False) -> None:
    """Raise alerts for tables that are older than their pipelines' schedules promise, and send what waits.

    It is for cron, on a machine or in a container that doesn't run the pipelines itself. Exits 1 if a table is too old.
    """
    from datetime import UTC

    from workbench.execution.scheduling.stale import check_fresh
    from workbench.execution.scheduling.timetable import Timetable
    from workbench.governance.alerts.telling import send_waiting
    from workbench.settings import get_settings
    from workbench.terminal import printable

    settings = get_settings()
    pipelines = Timetable(settings, _warn).pipelines()
    stale = check_fresh(current_warehouse(), pipelines, datetime.now(UTC))
    if as_json:
        print_json([{"pipeline": alert.subject, "message": alert.message} for alert in stale])
    else:
        for alert in stale:
            print(printable(alert.message))
        if not stale:
            print("Every table is as fresh as it should be.")
    _warn(*send_waiting(settings).warnings)
    if stale:
        raise typer.Exit(1)


@alerts.command()
def test(as_json: Json = False) -> None:
    """Send a test notification to every channel and say how each answered; exits 1 if one didn't take it."""
    from workbench.governance.alerts.sending import send_test
    from workbench.settings import get_settings

    settings = get_settings()
    _require_channels(settings.alert_channels)
    answers = send_test(settings)
    if as_json:
        print_json([{"channel": name, "error": error} for name, error in answers])
    else:
        from workbench.terminal import printable

        for name, error in answers:
            print(printable(f"{name.rstrip(':')}: {error or 'took it'}"))
    if any(error for _, error in answers):
        raise typer.Exit(1)


def _require_channels(channels: str) -> None:
    if not channels.strip():
        from workbench.errors import UsageError

        raise UsageError(
            "no channel is named; WORKBENCH_ALERT_CHANNELS takes their addresses, log: for example"
        )


def _warn(*warnings: str) -> None:
    from workbench.terminal import printable

    for warning in warnings:
        print(printable(warning), file=sys.stderr)
