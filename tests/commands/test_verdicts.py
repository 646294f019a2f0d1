"""``workbench alerts feedback``, ``show`` and ``what-if``: what people say of alerts, and what another threshold raises."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from tests.anomaly.data import of_table
from tests.commands.test_warehouse import Call
from workbench.governance.alerts import Alert, put
from workbench.warehouse import Warehouse

FRAUD = Alert(
    "fraud", "warning", "receipt T\x1b[31m7", "T7 is odd", ("T\x1b[31m7",), model="fraud_transactions/2"
)
POUND = Alert("no_rate", "warning", "GBP", "no rate of GBP", ("GBP",))


@pytest.fixture
def raised(warehouse: Warehouse) -> Warehouse:
    warehouse.run(lambda session: put(session, [POUND, FRAUD], "r1"))
    return warehouse


def test_a_verdict_is_given_listed_and_shown(call: Call, raised: Warehouse) -> None:
    short = FRAUD.alert_id[:8]
    answer = call("alerts", "feedback", short, "--verdict", "false", "--note", "she travels", "--by", "ann")
    assert (answer.status, answer.out) == (0, "fraud receipt T\\x1b[31m7: false\n")
    given = json.loads(call("alerts", "feedback", short, "--verdict", "real", "--json").out)
    assert (given["verdict"], given["alert_id"]) == ("real", FRAUD.alert_id)
    assert given["concerned"]["transaction_id"] == "T\x1b[31m7"
    assert given["concerned"]["model_version"] == "2"

    listed = {each["kind"]: each for each in json.loads(call("alerts", "list", "--json").out)}
    assert (listed["fraud"]["verdict"], listed["no_rate"]["verdict"]) == ("real", None)
    row = next(line for line in call("alerts", "list").out.splitlines() if " fraud " in line)
    # What a verdict closed, the next one opens.
    assert row.endswith("open   real") and "\x1b" not in row

    shown = call("alerts", "show", short).out
    assert "kind: fraud\n" in shown and "model: fraud_transactions/2\n" in shown and "\x1b" not in shown
    assert "alerts.md#fraud" in shown
    verdicts = [line for line in shown.splitlines() if line.startswith("verdict: ")]
    assert len(verdicts) == 2 and verdicts[0].startswith("verdict: real, by ")
    assert verdicts[1].startswith("verdict: false, by ann on ") and verdicts[1].endswith(": she travels")
    told = json.loads(call("alerts", "show", short, "--json").out)
    assert [each["verdict"] for each in told["verdicts"]] == ["real", "false"]
    assert [row["action"] for row in raised.rows("SELECT action FROM ops.audit_log")] == ["judge alert"] * 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("feedback", FRAUD.alert_id, "--verdict", "perhaps"), "unknown verdict 'perhaps'"),
        (("feedback", FRAUD.alert_id), "--verdict"), (("feedback", "zzz", "--verdict", "real"), "unknown alert 'zzz'"),
        (("feedback", POUND.alert_id, "--verdict", "real"), "verdicts are given on sales_anomaly"),
        (("show", "zzz"), "unknown alert 'zzz'"), (("what-if", "--threshold", "0.2"), "stored from 1 on"),
        (("what-if", "--threshold", "2", "--kind", "fraud"), "a probability"), (("what-if", "--threshold", "inf"), "not inf"),
        (("what-if", "--threshold", "2", "--kind", "no_rate"), "unknown kind 'no_rate'"), (("what-if",), "--threshold"),
    ],
)  # fmt: skip
def test_a_wrong_call_says_what_is_wrong(
    call: Call, raised: Warehouse, arguments: tuple[str, ...], says: str
) -> None:
    answer = call("alerts", *arguments)
    assert answer.status == 2 and says in answer.err
    assert raised.counts("ops.anomaly_feedback") == {"ops.anomaly_feedback": 0}


def test_another_threshold_is_held_against_the_one_in_force(call: Call, raised: Warehouse) -> None:
    answer = call("alerts", "what-if", "--threshold", "0.5", "--kind", "fraud")
    assert answer.status == 1 and "none can be trained: 0 frauds are known" in answer.err
    names = [f"T{number}" for number in range(6)] + ["T\x1b[31m7"]
    frame = of_table(
        "marts.fraud_scores",
        {
            "transaction_id": names, "transaction_timestamp": pd.Timestamp("2024-05-01 10:00:00"),
            "score": np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.6]), "amount": 100.0, "threshold": 0.5,
            "model_name": "fraud_transactions", "model_version": "2", "store_id": "S1",
            "scored_at": dt.datetime(2024, 5, 2),
        },
        len(names),
    )  # fmt: skip
    raised.append("marts.fraud_scores", frame.assign(is_alert=frame["score"] >= 0.5))
    call("alerts", "feedback", FRAUD.alert_id, "--verdict", "real")
    asked = ("alerts", "what-if", "--threshold", "0.75", "--kind", "fraud", "--days", "10")
    answer = call(*asked)
    lines = answer.out.splitlines()
    assert answer.status == 0 and "\x1b" not in answer.out
    assert lines[0] == "fraud from 2024-05-01 to 2024-05-01, at stake in USD"
    assert [line.split("  ")[0] for line in lines[2:4]] == ["in force", "what if"]
    assert lines[2].split()[2:6] == ["0.5", "5", "5", "5.00"] and lines[2].split()[6] == "350"
    assert lines[3].split()[2:6] == ["0.75", "2", "2", "2.00"] and lines[3].split()[6] == "170"
    assert lines[4] == "Alerts with a verdict that would be lost: 1 real: receipt T\\x1b[31m7 (real)."
    found = json.loads(call(*asked, "--json").out)
    assert (found["in_force"]["alerts"], found["asked"]["alerts"]) == (5, 2)
    assert [each["alert_id"] for each in found["lost"]] == [FRAUD.alert_id]
