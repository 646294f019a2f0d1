"""What waits is sent to each channel: grouped, once, no more than the limit, and again where it failed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.governance.alerts.conftest import Clock
from tests.governance.alerts.receivers import Webhook, free_port, webhook
from workbench.governance.alerts import Alert, put
from workbench.governance.alerts.alert import Sent
from workbench.governance.alerts.recorded import close, named
from workbench.governance.alerts.sending import send
from workbench.settings import Settings, get_settings
from workbench.warehouse import Warehouse


def alert(number: int, kind: str = "sales_anomaly", severity: Any = "critical") -> Alert:
    return Alert(kind, severity, f"department {number}", f"{number} is too many", (str(number),))


def raise_(warehouse: Warehouse, *found: Alert, run_id: str | None = "r1") -> None:
    warehouse.run(lambda session: put(session, found, run_id))


def settings(channels: str, **others: Any) -> Settings:
    return get_settings().model_copy(update={"alert_channels": channels, **others})


def states(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.rows("SELECT state, count(*) AS n FROM ops.alert_deliveries GROUP BY state")
    return {row["state"]: int(row["n"]) for row in rows}


def test_alerts_of_a_run_and_kind_are_one_message_and_are_sent_once(
    warehouse: Warehouse, hook: Webhook
) -> None:
    raise_(warehouse, *(alert(number, severity="warning") for number in range(39)), alert(39))
    raise_(warehouse, alert(1, "no_rate", "warning"))
    raise_(warehouse, alert(50), run_id="r2")
    at = settings(f"{hook.url}/in", reports_url="https://reports.example/", docs_url="https://docs.example")
    assert send(warehouse, at) == Sent(3)
    many = next(each for each in hook.got if each["count"] == 40)
    assert many["title"] == "[critical] 40 of sales_anomaly, the worst: department 39"
    assert [each["subject"] for each in many["alerts"]][:1] == ["department 39"] and len(many["alerts"]) == 10
    assert "and 30 more" in many["text"] and "39 is too many" in many["text"]
    assert many["report"] == "https://reports.example/r1/index.html"
    assert many["runbook"] == "https://docs.example/operations/alerts.md#sales_anomaly"
    # The worst messages go first.
    assert [each["severity"] for each in hook.got] == ["critical", "critical", "warning"]
    assert [each["Idempotency-Key"] for each in hook.headers] == [each["id"] for each in hook.got]
    assert states(warehouse) == {"sent": 42}
    assert send(warehouse, at) == Sent() and len(hook.got) == 3


def test_what_is_too_mild_closed_or_older_than_a_channel_is_not_sent(
    warehouse: Warehouse, hook: Webhook, clock: Clock
) -> None:
    raise_(warehouse, alert(1, severity="info"), alert(2), alert(3, severity="warning"))
    close(warehouse, named(warehouse, alert(2).alert_id), "somebody")
    assert send(warehouse, settings(hook.url), clock).notifications == 1
    assert [each["subject"] for each in hook.got[0]["alerts"]] == ["department 3"]
    assert send(warehouse, settings(hook.url, alert_least="critical"), clock).notifications == 0
    clock.forward(days=8)
    with webhook() as late:
        assert send(warehouse, settings(late.url, alert_least="info"), clock).notifications == 0


def test_a_channel_gets_no_more_in_an_hour_than_the_limit_and_the_rest_summed_up(
    warehouse: Warehouse, hook: Webhook, clock: Clock
) -> None:
    at = settings(hook.url, alert_limit=3)
    for number in range(10):
        raise_(warehouse, alert(number, severity="warning" if number else "critical"), run_id=f"r{number}")
    assert send(warehouse, at, clock).notifications == 3
    assert sorted(each["count"] for each in hook.got) == [1, 1, 8]
    assert hook.got[0]["severity"] == "critical"
    raise_(warehouse, alert(11), run_id="r11")
    assert send(warehouse, at, clock).notifications == 0
    clock.forward(minutes=61)
    assert send(warehouse, at, clock).notifications == 1
    assert states(warehouse) == {"sent": 11}


def test_a_limit_of_one_sums_up_kinds_too(warehouse: Warehouse, hook: Webhook) -> None:
    raise_(warehouse, alert(1), alert(2, "no_rate", "warning"))
    assert send(warehouse, settings(hook.url, alert_limit=1, docs_url="d")).notifications == 1
    (got,) = hook.got
    assert (got["kind"], got["count"]) == (None, 2) and got["runbook"] == "d/operations/alerts.md"
    assert got["title"] == "[critical] 2 alerts, the worst: department 1"


def test_a_channel_that_is_down_is_tried_again_and_others_are_not_kept_waiting(
    warehouse: Warehouse, hook: Webhook, clock: Clock
) -> None:
    port = free_port()
    at = settings(f"http://127.0.0.1:{port}/down,{hook.url}/up")
    raise_(warehouse, alert(1), alert(2, "no_rate"))
    first = send(warehouse, at, clock)
    assert first.notifications == 2 and len(first.warnings) == 1 and "refused" in first.warnings[0]
    assert states(warehouse) == {"failed": 2, "sent": 2}
    # Not before its pause is over.
    assert send(warehouse, at, clock) == Sent()
    with webhook(port) as back:
        clock.forward(minutes=1)
        assert send(warehouse, at, clock) == Sent(2)
        assert {each["id"] for each in back.got}.isdisjoint(each["id"] for each in hook.got)
    assert states(warehouse) == {"sent": 4} and len(hook.got) == 2


def test_pauses_grow_and_after_a_day_a_channel_is_given_up_which_the_others_are_told(
    warehouse: Warehouse, hook: Webhook, clock: Clock
) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    at = settings(f"{down},{hook.url}")
    raise_(warehouse, alert(1))
    send(warehouse, at, clock)
    for minutes, attempts in ((1, 2), (1, 2), (1, 3), (3, 3), (1, 4), (59, 5), (15, 5)):
        clock.forward(minutes=minutes)
        send(warehouse, at, clock)
        rows = warehouse.rows("SELECT attempts FROM ops.alert_deliveries WHERE state = 'failed'")
        assert [row["attempts"] for row in rows] == [attempts], minutes
    clock.forward(hours=24)
    done = send(warehouse, at, clock)
    assert "given up" in done.warnings[0]
    assert [each["kind"] for each in hook.got] == ["sales_anomaly", "channel_down"]
    assert hook.got[1]["alerts"][0]["subject"] == down
    clock.forward(hours=24)
    assert send(warehouse, at, clock) == Sent()


def test_a_message_that_is_refused_holds_up_no_other(
    warehouse: Warehouse, hook: Webhook, clock: Clock
) -> None:
    hook.status = 422
    raise_(warehouse, alert(1), alert(2, "no_rate"))
    done = send(warehouse, settings(hook.url), clock)
    assert len(hook.got) == 2 and done.notifications == 0 and "422" in done.warnings[0]
    hook.status = 503
    clock.forward(minutes=2)
    send(warehouse, settings(hook.url), clock)
    # One attempt is enough to see that nothing is taken.
    assert len(hook.got) == 3


KILLED = """
import sys
from workbench.governance.alerts.sending import send
from workbench.settings import get_settings
from workbench.warehouse import connect
sys.stdin.readline()
send(connect(), get_settings())
"""


def test_killed_after_the_channel_took_it_the_same_message_comes_again(
    warehouse: Warehouse, hook: Webhook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_(warehouse, alert(1))
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", hook.url)
    with subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, text=True) as process:
        hook.kills = process.pid
        process.communicate("go\n")
    assert process.returncode == -9 and len(hook.got) == 1
    hook.kills = None
    raise_(warehouse, alert(2))
    # Whoever was sending may still be at it.
    assert send(warehouse, get_settings(), clock) == Sent(1)
    assert [each["subject"] for each in hook.got[1]["alerts"]] == ["department 2"]
    clock.forward(minutes=16)
    assert send(warehouse, get_settings(), clock) == Sent(1)
    assert hook.got[2]["id"] == hook.got[0]["id"] and hook.got[2]["alerts"] == hook.got[0]["alerts"]
    assert states(warehouse) == {"sent": 2}


def test_two_that_send_at_once_send_each_alert_once(warehouse: Warehouse, hook: Webhook) -> None:
    for number in range(12):
        raise_(warehouse, alert(number), run_id=f"r{number}")
    together = threading.Barrier(3)
    counts = []

    def work() -> None:
        together.wait()
        counts.append(send(warehouse, settings(hook.url)).notifications)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(hook.got) == 12 and len(counts) == 3
    assert len({each["id"] for each in hook.got}) == 12


def test_what_is_no_channel_is_a_warning_and_the_others_get_theirs(
    warehouse: Warehouse, hook: Webhook
) -> None:
    raise_(warehouse, alert(1))
    done = send(warehouse, settings(f"pager:me,{hook.url},smtp://u:hunter2@mail.example/?from=a@b&to=c@d"))
    assert done.notifications == 1 and len(done.warnings) == 2
    assert "pager" in done.warnings[0] and "hunter2" not in "".join(done.warnings)


def test_links_are_paths_where_nothing_is_served(warehouse: Warehouse, hook: Webhook) -> None:
    raise_(warehouse, alert(1))
    raise_(
        warehouse,
        Alert("of_our_own", "critical", "theirs", "is told", ("x",), link="https://elsewhere/log"),
        run_id=None,
    )
    at = settings(hook.url)
    send(warehouse, at)
    by_kind = {each["kind"]: each for each in hook.got}
    assert by_kind["sales_anomaly"]["report"] == str(at.site / "r1" / "index.html")
    page, _, heading = by_kind["sales_anomaly"]["runbook"].partition("#")
    assert f"## {heading}\n" in Path(page).read_text()
    assert by_kind["of_our_own"]["report"] == "https://elsewhere/log"
    assert Path(by_kind["of_our_own"]["runbook"]).is_file()
