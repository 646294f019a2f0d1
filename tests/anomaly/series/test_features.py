"""The panel is complete, and no feature knows the day it is for."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.anomaly.series.features import FEATURES, NUMERIC, WARM_UP, build_features, make_panel


def observations(days: int = 120, series: tuple[str, ...] = ("a", "b"), seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            (dt.date(2024, 1, 1) + dt.timedelta(days=day), name, float(random.gamma(20, 5)), 30)
            for day in range(days)
            for name in series
        ],
        columns=["day", "series", "value", "rows"],
    )


def test_a_day_without_a_row_is_zero() -> None:
    seen = observations()
    missing = (seen["series"] == "a") & (seen["day"] == dt.date(2024, 2, 20))
    panel = make_panel(seen[~missing], min_days=60)
    assert panel.values.shape == (120, 2)
    assert panel.values.loc["2024-02-20", "a"] == 0
    assert not panel.values.isna().any().any()


def test_features_have_the_documented_shape() -> None:
    features = build_features(make_panel(observations(), min_days=60))
    assert tuple(features.inputs.columns) == FEATURES
    assert features.inputs.shape == ((120 - WARM_UP) * 2, 1 + len(NUMERIC))
    assert features.days.min() == pd.Timestamp("2024-01-29")
    assert features.inputs.index.is_monotonic_increasing
    assert (features.target * features.level).to_numpy() == pytest.approx(features.actual.to_numpy())


@settings(max_examples=15)
@given(position=st.integers(40, 118), factor=st.floats(0, 50), seed=st.integers(0, 99))
def test_changing_a_day_changes_no_feature_of_that_day_or_before(
    position: int, factor: float, seed: int
) -> None:
    seen = observations(seed=seed)
    changed_day = dt.date(2024, 1, 1) + dt.timedelta(days=position)
    changed = seen.assign(value=seen["value"].where(seen["day"] < changed_day, seen["value"] * factor + 1))
    before, after = (build_features(make_panel(frame, min_days=60)) for frame in (seen, changed))
    known = before.days <= pd.Timestamp(changed_day)
    pd.testing.assert_frame_equal(before.inputs[known], after.inputs[after.days <= pd.Timestamp(changed_day)])
    pd.testing.assert_series_equal(before.level[known], after.level[after.days <= pd.Timestamp(changed_day)])


def test_adding_later_days_changes_no_feature_of_earlier_ones() -> None:
    seen = observations()
    short = build_features(make_panel(seen[seen["day"] < dt.date(2024, 4, 10)], min_days=60))
    whole = build_features(make_panel(seen, min_days=60))
    pd.testing.assert_frame_equal(short.inputs, whole.inputs[whole.days < pd.Timestamp("2024-04-10")])


def test_lags_are_what_they_say() -> None:
    panel = make_panel(observations(), min_days=60)
    features = build_features(panel)
    day = pd.Timestamp("2024-03-15")
    row, level = features.inputs.loc[(day, "b")], features.level.loc[(day, "b")]
    for lag in (1, 7, 14, 28):
        assert row[f"lag_{lag}"] * level == pytest.approx(panel.values.at[day - pd.Timedelta(days=lag), "b"])
    weekdays = [panel.values.loc[day - pd.Timedelta(weeks=week), "b"] for week in range(1, 5)]
    assert row["weekday_mean_4"] * level == pytest.approx(np.mean(weekdays))
    assert features.naive.loc[(day, "b")] == weekdays[0]


def test_one_spike_hardly_moves_the_level() -> None:
    seen = observations()
    spike = (seen["series"] == "a") & (seen["day"] == dt.date(2024, 3, 1))
    spiked = seen.assign(value=seen["value"].where(~spike, 10_000.0))
    before, after = (build_features(make_panel(frame, min_days=60)).level for frame in (seen, spiked))
    assert after.loc[("2024-03-05", "a")] < 3 * before.loc[("2024-03-05", "a")]


def test_a_weekday_that_is_usually_closed_is_left_out() -> None:
    seen = observations()
    seen = seen[[day.weekday() != 6 for day in seen["day"]]]
    panel = make_panel(seen, min_days=60)
    assert panel.silent_days == ()
    assert panel.values[panel.values.index.day_of_week == 6].isna().all().all()
    assert 6 not in build_features(panel).days.day_of_week


def test_a_day_on_which_nobody_sold_is_silent_and_not_an_anomaly_of_each_series() -> None:
    seen = observations()
    panel = make_panel(seen[seen["day"] != dt.date(2024, 3, 20)], min_days=60)
    assert panel.silent_days == (dt.date(2024, 3, 20),)
    assert pd.Timestamp("2024-03-20") not in build_features(panel).days


def test_a_day_without_rows_in_a_single_series_is_judged_as_zero() -> None:
    seen = observations(series=("a",))
    panel = make_panel(seen[seen["day"] != dt.date(2024, 3, 20)], min_days=60)
    assert panel.silent_days == ()
    assert build_features(panel).actual.loc[("2024-03-20", "a")] == 0


@pytest.mark.parametrize(
    "day",
    [dt.date(1, 1, 1), dt.date(1017, 6, 1), dt.date(1970, 1, 1), dt.date(2023, 11, 1), dt.date(2025, 1, 1)],
)
def test_one_line_far_from_all_others_changes_nothing(day: dt.date) -> None:
    seen = observations()
    seen = seen[seen["day"] != dt.date(2024, 3, 20)]
    usual = make_panel(seen, min_days=60)
    line = pd.DataFrame([(day, "a", 1e12, 1)], columns=seen.columns)
    panel = make_panel(pd.concat([seen, line]), min_days=60)
    assert (panel.skipped, dt.date(2024, 3, 20) in panel.silent_days) == ({}, True)
    near = abs((day - dt.date(2024, 1, 1)).days) <= 90
    assert panel.apart == (() if near else (day,))
    assert near or panel.values.equals(usual.values)
    before, after = build_features(usual), build_features(panel)
    assert after.level.loc["2024-03-01":].equals(before.level.loc["2024-03-01":])  # type: ignore[misc]


def test_a_gap_of_a_season_is_told_and_is_no_silence() -> None:
    seen = observations(400)
    inside = [dt.date(2024, 4, 1) <= day <= dt.date(2024, 8, 1) for day in seen["day"]]
    panel = make_panel(seen[~np.array(inside)], min_days=60)
    assert panel.gaps == ((dt.date(2024, 4, 1), dt.date(2024, 8, 1)),)
    assert (panel.silent_days, panel.apart, panel.skipped) == ((), (), {})
    assert panel.values.loc["2024-04-01":"2024-08-01"].isna().all().all()  # type: ignore[misc]
    assert len(build_features(panel)) > 400


def test_the_newest_day_is_left_out_while_it_is_filling_up() -> None:
    seen = observations()
    last = seen["day"].max()
    panel = make_panel(seen.assign(rows=seen["rows"].where(seen["day"] < last, 5)), min_days=60)
    assert panel.incomplete_day == last
    assert panel.values.index[-1].date() == last - dt.timedelta(days=1)
    assert make_panel(seen, min_days=60).incomplete_day is None


def test_series_with_too_little_history_are_named_with_the_reason() -> None:
    seen = observations(series=("a", "rare", "young"))
    young = (seen["series"] == "young") & (seen["day"] < dt.date(2024, 4, 1))
    rare = (seen["series"] == "rare") & (pd.to_datetime(seen["day"]).dt.day % 4 > 0)
    panel = make_panel(seen[~young & ~rare], min_days=60)
    assert list(panel.values.columns) == ["a"]
    assert panel.skipped["young"] == "29 days of history, 60 needed"
    assert panel.skipped["rare"].startswith("not zero on only 2")


def test_a_series_begins_with_its_first_row_and_then_warms_up() -> None:
    seen = observations()
    seen = seen[(seen["series"] == "a") | (seen["day"] >= dt.date(2024, 2, 1))]
    features = build_features(make_panel(seen, min_days=60))
    assert features.days[features.inputs["series"] == "b"].min() == pd.Timestamp("2024-02-29")


def test_nothing_seen_is_an_empty_panel() -> None:
    panel = make_panel(observations().head(0), min_days=60)
    assert (panel.days, panel.skipped, len(build_features(panel))) == (0, {}, 0)
