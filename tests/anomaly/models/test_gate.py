"""A model is champion only if each of its limits holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.anomaly.models.gate import judge_model, read_policy
from workbench.errors import UsageError

GOOD = {"holdout_days": 56.0, "wape_ratio_to_naive": 0.6, "coverage": 0.97}


def test_the_policy_of_the_project_lets_a_good_model_pass() -> None:
    assert judge_model("sales_daily", GOOD).passed
    assert judge_model("sales_daily", {**GOOD, "wape_ratio_to_champion": 1.05}).passed


@pytest.mark.parametrize(
    ("metric", "value", "says"),
    [
        ("holdout_days", 14.0, "holdout_days is 14, at least 28 needed"),
        ("wape_ratio_to_naive", 1.2, "wape_ratio_to_naive is 1.2, at most 1 allowed"),
        ("coverage", 0.5, "coverage is 0.5, at least 0.9 needed"),
        ("wape_ratio_to_champion", 1.3, "wape_ratio_to_champion is 1.3, at most 1.1 allowed"),
        ("worst_department_ratio", 1.8, "worst_department_ratio is 1.8, at most 1.5 allowed"),
        ("rows_a_second", 90.0, "rows_a_second is 90, at least 500 needed"),
        ("coverage", float("nan"), "coverage is nan, at least 0.9 needed"),
    ],
)
def test_a_model_that_misses_a_limit_fails_and_is_told_which(metric: str, value: float, says: str) -> None:
    verdict = judge_model("sales_daily", {**GOOD, metric: value})
    assert (verdict.passed, verdict.reasons) == (False, (says,))


def test_a_metric_that_was_not_measured_fails_unless_the_policy_allows_it() -> None:
    verdict = judge_model("sales_daily", {"wape_ratio_to_naive": 0.5, "holdout_days": 56.0})
    assert verdict.reasons == ("coverage was not measured",)


def test_a_model_without_limits_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'sales_daily'"):
        judge_model("sales_dayly", GOOD)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("models: {m: {wape: {}}}", "say at_least or at_most"),
        ("models: {m: {wape: {at_moost: 1}}}", "at_moost"),
        ("models: [", "is no YAML"),
        ("", "the file: it must be a mapping, `name: value`"),
    ],
)
def test_a_policy_that_says_nonsense_is_named_with_the_place(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "promotion.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=says) as caught:
        read_policy(path)
    assert str(path) in str(caught.value)


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no promotion policy at .*none\.yaml"):
        read_policy(tmp_path / "none.yaml")
