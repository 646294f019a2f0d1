"""The range holds what it says, and a day is placed in it rightly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly.series.features import FeatureSet, build_features, make_panel
from workbench.anomaly.series.forest import (
    Calibration,
    calibrate,
    expect,
    fit_forest,
    importances,
    judge,
    score,
)

from ..data import PLANTED, daily_sales


@pytest.fixture(scope="module")
def features() -> FeatureSet:
    names = {
        "sales_date": "day",
        "department": "series",
        "net_amount_reporting": "value",
        "transactions": "rows",
    }
    sales = daily_sales(planted=PLANTED, days=160).rename(columns=names)
    return build_features(make_panel(sales, min_days=60))


def test_the_same_input_gives_the_same_model(features: FeatureSet) -> None:
    first, second = (fit_forest(features, trees=30, seed=3) for _ in range(2))
    assert first.calibration == second.calibration
    assert first.out_of_bag.equals(second.out_of_bag)
    assert expect(first.pipeline, features).equals(expect(second.pipeline, features))
    assert not fit_forest(features, trees=30, seed=4).out_of_bag.equals(first.out_of_bag)


def test_the_range_holds_about_the_stated_share_of_usual_days(features: FeatureSet) -> None:
    random = np.random.default_rng(5)
    perfect = pd.Series(1.0, features.inputs.index)
    noisy = replace(features, target=perfect + random.normal(0, 0.1, len(perfect)))
    for coverage in (0.8, 0.95):
        calibration = calibrate(noisy, perfect, coverage)
        spread = noisy.inputs["series"].map(calibration.spread)
        inside = ((noisy.target - 1) / spread).between(calibration.low, calibration.high).mean()
        assert inside == pytest.approx(coverage, abs=0.02)


def test_gross_outliers_do_not_widen_the_range(features: FeatureSet) -> None:
    random = np.random.default_rng(5)
    usual = pd.Series(1 + random.normal(0, 0.1, len(features)), features.inputs.index)
    wild = usual.copy()
    wild.iloc[::40] = 9.0
    one = pd.Series(1.0, usual.index)
    ranges = [calibrate(replace(features, target=target), one) for target in (usual, wild)]
    assert ranges[1].high == pytest.approx(ranges[0].high, rel=0.2)


def test_calibration_survives_json(features: FeatureSet) -> None:
    calibration = fit_forest(features, trees=30).calibration
    assert Calibration.from_dict(calibration.to_dict()) == calibration
    assert set(calibration.not_negative) == set(calibration.spread)


def test_a_series_the_model_does_not_know_is_not_judged(features: FeatureSet) -> None:
    calibration = Calibration(0.99, -3, 3, {"MEAT": 0.1}, ())
    scored = score(features, pd.Series(1.0, features.inputs.index), calibration)
    assert set(scored["series"]) == {"MEAT"}


def test_a_day_is_placed_in_its_range() -> None:
    judged = judge(
        pd.DataFrame({"actual": [100.0, 131.0, 146.0, 69.0, 0.0, 0.0]}),
        np.array([100.0, 100, 100, 100, 100, 0]),
        np.array([70.0, 70, 70, 70, 40, 0]),
        np.array([130.0, 130, 130, 130, 160, 0]),
    )
    assert judged["severity"].tolist() == ["", "warning", "critical", "warning", "critical", ""]
    assert judged["direction"].tolist() == ["above", "above", "above", "below", "below", "above"]
    assert judged["score"].tolist() == [0, 1.0333, 1.5333, 1.0333, 1.6667, 0]


def test_importances_name_every_feature_once(features: FeatureSet) -> None:
    frame = importances(fit_forest(features, trees=30).pipeline)
    assert sorted(frame["feature"]) == sorted(features.inputs.columns)
    assert frame["importance"].sum() == pytest.approx(1)
