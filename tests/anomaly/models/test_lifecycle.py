"""Aliases move by the gate and by hand, and each move is noted with its evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.anomaly import TrainingResult, current_model, list_models, promote, rollback, train_sales
from workbench.anomaly.models.gate import Verdict
from workbench.anomaly.models.lifecycle import install
from workbench.errors import UsageError, WorkFailed
from workbench.warehouse import connect

REFUSED = Verdict(False, ("wape_ratio_to_naive is 1.2, at most 1 allowed",))


def aliases() -> dict[str, tuple[str, ...]]:
    return {item.version: item.aliases for item in list_models()}


def noted() -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = connect().query(
        "SELECT action, object, actor, details FROM ops.audit_log WHERE action LIKE '%model' ORDER BY happened_at"
    )
    return [
        (row["action"], row["object"], row["actor"], json.loads(row["details"])) for row in rows.to_pylist()
    ]


@pytest.fixture
def two_versions(trained: TrainingResult) -> TrainingResult:
    """A second version, trained on the same days, that is champion."""
    second = train_sales(connect(), trees=20)
    assert second.promoted
    return trained


@pytest.mark.usefixtures("two_versions")
def test_who_was_champion_is_previous() -> None:
    assert aliases() == {"2": ("champion",), "1": ("previous",)}
    first, second = noted()
    assert first[:3] == ("promote model", "sales_daily/1", "the gate")
    assert second[:2] == ("promote model", "sales_daily/2")
    assert second[3]["champion_before"] == "1"
    assert second[3]["metrics"]["coverage"] > 0.5


@pytest.mark.usefixtures("two_versions")
def test_a_version_is_promoted_by_hand_and_rolled_back() -> None:
    promoted = promote(connect(), "sales_daily", "1", "ann", "the newer one sees ghosts")
    assert (promoted.version, promoted.aliases) == ("1", ("champion",))
    assert aliases() == {"2": ("previous",), "1": ("champion",)}
    back = rollback(connect(), "sales_daily", "bob")
    assert back.version == "2"
    assert aliases() == {"2": ("champion",), "1": ("previous",)}
    by_hand, rolled = noted()[-2:]
    assert by_hand[:3] == ("promote model", "sales_daily/1", "ann")
    assert by_hand[3]["reason"] == "the newer one sees ghosts"
    assert rolled[:3] == ("roll back model", "sales_daily/2", "bob")


@pytest.mark.usefixtures("two_versions")
def test_promoting_the_champion_changes_nothing_and_notes_a_reason_alone() -> None:
    before = noted()
    assert promote(connect(), "sales_daily", 2, "ann").aliases == ("champion",)
    assert aliases() == {"2": ("champion",), "1": ("previous",)}
    assert noted() == before
    assert promote(connect(), "sales_daily", 2, "ann", "checked by hand").aliases == ("champion",)
    assert aliases() == {"2": ("champion",), "1": ("previous",)}
    assert noted()[-1][:3] == ("promote model", "sales_daily/2", "ann")


@pytest.mark.usefixtures("two_versions")
def test_a_version_that_the_gate_refuses_is_challenger_until_it_is_promoted() -> None:
    warehouse = connect()
    promote(warehouse, "sales_daily", "1", "ann")
    install(warehouse, "sales_daily", "2", REFUSED, {"wape_ratio_to_naive": 1.2, "auc": float("nan")})
    assert aliases() == {"2": ("challenger", "previous"), "1": ("champion",)}
    action, thing, actor, evidence = noted()[-1]
    assert (action, thing, actor) == ("refuse model", "sales_daily/2", "the gate")
    assert evidence["reasons"] == list(REFUSED.reasons)
    assert evidence["metrics"] == {"wape_ratio_to_naive": 1.2}
    promote(warehouse, "sales_daily", "2", "ann")
    assert aliases() == {"2": ("champion",), "1": ("previous",)}


@pytest.mark.usefixtures("trained")
def test_what_cannot_be_is_refused_with_what_can() -> None:
    warehouse = connect()
    with pytest.raises(UsageError, match="unknown model 'sales_dialy'; did you mean 'sales_daily'"):
        promote(warehouse, "sales_dialy", "1", "ann")
    with pytest.raises(UsageError, match="sales_daily has no version 5; it has 1"):
        promote(warehouse, "sales_daily", "5", "ann")
    with pytest.raises(UsageError, match="no champion of before; version 1 is the only champion"):
        rollback(warehouse, "sales_daily", "ann")


@pytest.mark.usefixtures("two_versions")
def test_a_move_that_fails_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.anomaly.models import lifecycle

    before = noted()
    champion, previous = current_model("sales_daily"), current_model("sales_daily", "previous")
    assert champion and previous
    monkeypatch.setenv("WORKBENCH_MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(WorkFailed):
        lifecycle._move(connect(), {"champion": "1"}, "sales_daily", "promote model", "1", "ann", {})
    assert noted() == before
