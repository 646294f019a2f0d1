"""``workbench alerts``: what is listed, closed and sent, and what each channel answers."""

from __future__ import annotations

import json

import pytest

from tests.commands.test_warehouse import Call
from tests.governance.alerts.conftest import hook
from tests.governance.alerts.receivers import Webhook, free_port
from workbench.governance.alerts import Alert, put
from workbench.warehouse import Warehouse

__all__ = ["hook"]
POUND = Alert("no_rate", "warning", "GBP", "no rate of GBP", ("GBP",))
REFUSED = Alert("rejected_batch", "critical", "a\x1b[31m.csv", "refused", ("a.csv",))


@pytest.fixture
def raised(warehouse: Warehouse) -> None:
    warehouse.run(lambda session: put(session, [POUND, REFUSED], "r1"))


def test_alerts_are_listed_and_closed(call: Call, raised: None, warehouse: Warehouse) -> None:
    found = json.loads(call("alerts", "--json").out)
    assert {each["alert_id"] for each in found} == {POUND.alert_id, REFUSED.alert_id}
    answer = call("alerts", "list", "--kind", "rejected_batch")
    assert "\x1b" not in answer.out and "a\\x1b[31m.csv" in answer.out and "GBP" not in answer.out
    assert call("alerts", "list", "--since", "2999-01-01").out == "No alerts.\n"
    answer = call("alerts", "close", POUND.alert_id[:8], "--because", "rates are ordered")
    assert (answer.status, answer.out) == (0, "no_rate GBP: closed\n")
    assert call("alerts", "close", POUND.alert_id).out == "no_rate GBP: was closed before\n"
    (row,) = warehouse.rows("SELECT action, object, details FROM ops.audit_log")
    assert (row["action"], row["object"]) == ("close alert", POUND.alert_id)
    assert json.loads(row["details"])["reason"] == "rates are ordered"
    assert len(json.loads(call("alerts", "list", "--json").out)) == 2
    assert [each["kind"] for each in json.loads(call("alerts", "list", "--open", "--json").out)] == [
        "rejected_batch"
    ]


def test_an_alert_that_is_not_there_is_refused(call: Call, raised: None) -> None:
    answer = call("alerts", "close", "zzz")
    assert answer.status == 2 and "unknown alert 'zzz'" in answer.err


def test_what_waits_is_sent(call: Call, raised: None, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = call("alerts", "send")
    assert answer.status == 2 and "WORKBENCH_ALERT_CHANNELS" in answer.err
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", hook.url)
    assert call("alerts", "send").out == "2 notifications sent\n"
    assert json.loads(call("alerts", "send", "--json").out) == {"notifications": 0, "warnings": []}
    assert [each["kind"] for each in hook.got] == ["rejected_batch", "no_rate"]


def test_each_channel_says_how_it_answered(
    call: Call, warehouse: Warehouse, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", hook.url)
    for _ in range(2):
        assert call("alerts", "test").out == f"{hook.url}: took it\n"
    assert [each["kind"] for each in hook.got] == ["test", "test"] and hook.got[0]["id"] != hook.got[1]["id"]
    down = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", f"log:,{down},pager:me")
    assert call("alerts", "test").out.startswith(
        "WORKBENCH_ALERT_CHANNELS: no channel for alerts begins with 'pager'"
    )
    assert f"log: took it\n{down}: [Errno 111] Connection refused\n" in call("alerts", "test").out
    answer = call("alerts", "test", "--json")
    answers = {each["channel"]: each["error"] for each in json.loads(answer.out)}
    assert answer.status == 1 and answers["log:"] == "" and "refused" in answers[down]
    assert "pager" in answers["WORKBENCH_ALERT_CHANNELS"] and "alert [info] test" in answer.err
    assert warehouse.counts("ops.alerts", "ops.alert_deliveries") == {
        "ops.alerts": 0, "ops.alert_deliveries": 0,
    }  # fmt: skip


def test_tables_that_are_too_old_are_told_and_sent(
    call: Call, warehouse: Warehouse, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ALERT_CHANNELS", hook.url)
    answer = call("alerts", "check")
    assert (answer.status, answer.out) == (0, "Every table is as fresh as it should be.\n")
    warehouse.execute(
        "INSERT INTO ops.runs (run_id, pipeline, stage, state, finished_at) "
        "VALUES ('r.products', 'retail_etl', 'products', 'succeeded', TIMESTAMP '2026-01-01 02:10:00')"
    )
    answer = call("alerts", "check")
    assert (
        answer.status == 1
        and answer.out.startswith("retail_etl was due ")
        and "core.dim_product" in answer.out
    )
    (found,) = json.loads(call("alerts", "check", "--json").out)
    assert found["pipeline"] == "retail_etl"
    assert [each["title"] for each in hook.got] == ["[warning] stale: retail_etl"]
