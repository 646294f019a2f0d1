"""What counts as drift: a large effect that chance doesn't make, however often one looks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from workbench.anomaly.monitoring.drift import (
    ERROR_RATE,
    allowed,
    compare,
    compare_errors,
    compare_rates,
    distance,
)


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=400), random.normal(0.5, size=70).round(1)
    assert distance(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_all_looks_together_keep_to_one_error_rate() -> None:
    looks = sum(allowed(look, 1) for look in range(1, 20_000))
    assert 0.999 * ERROR_RATE < looks <= ERROR_RATE
    assert 10 * allowed(3, 10) == pytest.approx(allowed(3, 1))


def test_looking_each_day_at_days_like_those_of_training_raises_no_alarm() -> None:
    random = np.random.default_rng(7)
    alarms = 0
    for _ in range(40):
        past, days = random.normal(size=300), random.normal(size=200)
        alarms += any(
            compare("input", "x", past, days[end - 28 : end], (300, 28), allowed(look, 1)).status == "drifted"
            for look, end in enumerate(range(28, 200), start=1)
        )
    assert alarms == 0


def test_days_of_another_world_are_told_at_once() -> None:
    random = np.random.default_rng(7)
    past, days = random.normal(10, 1, 300), random.normal(13, 1, 28)
    found = compare("input", "lag_7", past, days, (300, 28), allowed(30, 10))
    assert found.status == "drifted"
    assert found.effect > 0.7
    assert found.message.startswith("the input lag_7 is 12.9")


def test_a_tiny_effect_is_no_drift_however_certain() -> None:
    random = np.random.default_rng(7)
    past, days = random.normal(0, 1, 40_000), random.normal(0.1, 1, 40_000)
    found = compare("score", "", past, days, (40_000, 40_000), allowed(1, 1))
    assert found.p_value is not None and found.p_value < 1e-9
    assert found.status == "ok"


def test_many_rows_of_few_days_say_little() -> None:
    random = np.random.default_rng(7)
    past, days = random.normal(0, 1, 30_000), random.normal(3, 1, 10_000)
    assert compare("input", "x", past, days, (300, 5), allowed(1, 1)).status == "too_few"
    assert compare("input", "x", past, np.full(50, np.nan), (300, 28), allowed(1, 1)).status == "too_few"


def test_more_days_with_an_alert_than_training_had() -> None:
    assert compare_rates((3, 300), (10, 28), allowed(5, 1)).status == "drifted"
    assert compare_rates((3, 300), (1, 28), allowed(5, 1)).status == "ok"
    assert compare_rates((3, 300), (9, 9), allowed(5, 1)).status == "too_few"
    # None in training doesn't make one since impossible.
    assert compare_rates((0, 300), (1, 28), allowed(1, 1)).status == "ok"


def test_an_error_counts_from_its_ratio_on() -> None:
    assert compare_errors("error", "it", 0.3, 0.1, 1.5, 28).status == "drifted"
    assert compare_errors("error", "it", 0.12, 0.1, 1.5, 28).status == "ok"
    assert compare_errors("error", "it", 0.3, float("nan"), 1.5, 28).status == "too_few"
    assert compare_errors("error", "it", 0.3, 0.1, 1.5, 3).status == "too_few"
