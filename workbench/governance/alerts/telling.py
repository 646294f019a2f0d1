"""Tell of a failed run, wherever it ran, and whether or not the warehouse can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError, cause_of, one_line
from workbench.governance.alerts.alert import Sent
from workbench.governance.alerts.recorded import now
from workbench.governance.alerts.run_failures import OUTBOX, Failure

if TYPE_CHECKING:
    from workbench.settings import Settings
    from workbench.warehouse import Session

_PATIENCE = 2.0
"""Seconds to wait for a busy warehouse."""


def tell_failure(
    settings: Settings,
    pipeline: str,
    stage: str,
    error: str,
    run_id: str | None = None,
    link: str | None = None,
    owner: str | None = None,
) -> list[str]:
    """Raise the alert ``run_failed`` and send what waits; without the warehouse, past it.

    It never raises. The same error of the same stage is told once until the stage succeeds, and a run that told of its
    failure itself isn't told of again.

    Args:
        settings: where the warehouse, the home and the channels are.
        pipeline: its name.
        stage: name of the stage that failed; empty if it was none.
        error: why; secrets of the settings are blotted out, and it is cut to one line.
        run_id: the run, if there was one: the alert leads to its page.
        link: a page that says more than that, a log for example.
        owner: who sees to the pipeline.

    Returns:
        What went wrong on the way, one sentence each.
    """
    from workbench.secrets.redact import Redactor

    clean = Redactor(settings.secrets).text
    failure = Failure(
        pipeline,
        stage,
        one_line(clean(str(error)), 2000) or "no reason given",
        now(),
        run_id,
        link and clean(link),
        owner,
    )
    try:
        _record(settings, failure)
    except Exception as problem:
        warnings = [f"alerts: sent past the warehouse: {clean(_reason(problem))}"]
    else:
        return list(send_waiting(settings).warnings)
    try:
        return warnings + _past_warehouse(settings, failure)
    except Exception as problem:
        return [
            *warnings,
            f"alerts: the failure of {failure.subject} can't be told: {clean(_reason(problem))}",
        ]


def send_waiting(settings: Settings, *, upgrade: bool = False) -> Sent:
    """Send what waits; without the warehouse, the failures that couldn't be put there. It never raises.

    Args:
        settings: where the warehouse, the home and the channels are.
        upgrade: bring a warehouse of an earlier version up to what alerts need, as each run does when it begins.
    """
    is_kept = (settings.runs / OUTBOX).is_file()
    if not settings.alert_channels and not is_kept:
        return Sent()
    try:
        from workbench.governance.alerts.outbox import Outbox
        from workbench.governance.alerts.sending import deliver, send
        from workbench.warehouse import connect

        try:
            warehouse = connect(settings.warehouse)
            if upgrade:
                warehouse.ensure()
            return send(warehouse, settings)
        except Exception as problem:
            past = deliver(Outbox(settings), settings) if is_kept else Sent()
            return Sent(past.notifications, (_waiting(settings, problem), *past.warnings))
    except Exception as problem:
        return Sent(0, (_waiting(settings, problem),))


def _waiting(settings: Settings, problem: Exception) -> str:
    from workbench.secrets.redact import Redactor

    return f"alerts: they wait to be sent: {Redactor(settings.secrets).text(_reason(problem))}"


def _record(settings: Settings, failure: Failure) -> None:
    from workbench.governance.alerts.run_failures import is_told, record_failure
    from workbench.warehouse import locate
    from workbench.warehouse.access import infrastructure
    from workbench.warehouse.bookkeeping import bookkeeping

    warehouse = locate(settings.warehouse, patience=_PATIENCE)
    warehouse.require()

    def work(session: Session) -> None:
        if failure.run_id is None or not is_told(session, failure.run_id):
            record_failure(session, failure)

    with infrastructure(), bookkeeping():
        warehouse.ensure()
        warehouse.run(work, repeatable=True)


def _past_warehouse(settings: Settings, failure: Failure) -> list[str]:
    from workbench.governance.alerts.outbox import Outbox
    from workbench.governance.alerts.sending import deliver, send_alone

    outbox = Outbox(settings)
    try:
        outbox.add(failure)
    except OSError as problem:
        # Nothing is known of what was sent before; its id is the same each time.
        answers = send_alone(failure.raised(), settings)
        unsent = [f"alerts: {name}: {error}" for name, error in answers if error]
        return [f"alerts: the failure of {failure.subject} can't be kept: {_reason(problem)}", *unsent]
    return list(deliver(outbox, settings).warnings)


def _reason(problem: Exception) -> str:
    if isinstance(problem, WorkbenchError):
        return str(problem)
    return cause_of(problem) or f"{type(problem).__name__}: {one_line(str(problem))}"
