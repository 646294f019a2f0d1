"""The forest keeps scikit-learn's contract, finds what simple rules miss, and stays within its budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

from workbench.anomaly.series.adjusted import adjust, from_power, to_power
from workbench.anomaly.series.baselines import weekday_z, window_distance
from workbench.anomaly.series.estimator import INPUTS, SeriesForest
from workbench.anomaly.series.injected import Found, inject, measure_found

from ..estimators import checks_of

FIRST = 200


@pytest.mark.parametrize(("estimator", "check"), checks_of(SeriesForest(n_estimators=10, random_state=0)))
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def shop(days: int = 330, series: int = 24, seed: int = 5) -> pd.DataFrame:
    """Daily sales that share weather and weekdays, each with its own noise and slow trend."""
    random = np.random.default_rng(seed)
    week = np.array([0.9, 0.85, 0.9, 1.0, 1.15, 1.4, 0.8])
    index = pd.date_range("2024-01-01", periods=days, freq="D")
    together = np.exp(0.12 * random.normal(size=days))[:, None]
    own = week[index.day_of_week.to_numpy()][:, None] ** random.uniform(0.3, 1.5, series)
    trend = np.exp(np.arange(days)[:, None] / days * random.normal(0, 0.2, series))
    levels = np.exp(random.uniform(4, 8, series))
    noise = np.exp(0.15 * random.normal(size=(days, series)))
    return pd.DataFrame(levels * own * trend * together * noise, index, [f"s{n:02}" for n in range(series)])


CLEAN = shop()


def found_by_forest(values: pd.DataFrame, events: Any, seed: int = 0) -> Found:
    model = SeriesForest(n_estimators=30, random_state=seed).fit(values[:FIRST])
    return measure_found(model.score_samples(values), events, FIRST)


def test_it_finds_more_than_the_simple_rules_at_the_same_false_alerts() -> None:
    changed, events = inject(CLEAN.to_numpy(), 3, FIRST)
    forest = found_by_forest(pd.DataFrame(changed, CLEAN.index, CLEAN.columns), events)
    rules = [measure_found(rule(changed), events, FIRST) for rule in (weekday_z, window_distance)]
    for rule in rules:
        assert forest.average_precision > rule.average_precision + 0.05
        assert forest.recall > rule.recall + 0.05
    by_kind = forest.events.groupby("kind")["found"].mean()
    assert by_kind["outage"] == by_kind["wrong_scale"] == 1


def test_with_time_shuffled_it_has_no_skill() -> None:
    changed, events = inject(CLEAN.to_numpy(), 3, FIRST)
    values = pd.DataFrame(changed, CLEAN.index, CLEAN.columns)
    skill = found_by_forest(values, events).average_precision
    elsewhere = np.random.default_rng(1).permutation(len(CLEAN) - FIRST) + FIRST
    scores = SeriesForest(n_estimators=30).fit(values[:FIRST]).score_samples(values)
    scores[FIRST:] = scores[elsewhere]
    inside = sum(event.stop - event.start for event in events) / scores[FIRST:].size
    assert measure_found(scores, events, FIRST).average_precision < 2.5 * inside < skill


@pytest.mark.parametrize(("days", "series"), [(20, 0), (0, 5), (31, 7)])
def test_labels_moved_to_other_days_or_series_are_found_by_chance_only(days: int, series: int) -> None:
    changed, events = inject(CLEAN.to_numpy(), 3, FIRST)
    later, width = len(CLEAN) - FIRST, CLEAN.shape[1]
    moved = []
    for event in events:
        length = event.stop - event.start
        start = FIRST + (event.start - FIRST + days) % (later - length + 1)
        moved.append(replace(event, series=(event.series + series) % width, start=start, stop=start + length))
    found = found_by_forest(pd.DataFrame(changed, CLEAN.index, CLEAN.columns), tuple(moved))
    inside = sum(event.stop - event.start for event in moved) / (later * width)
    assert found.average_precision < 2.5 * inside
    assert found.recall < 0.3


def test_a_day_is_not_in_its_own_baseline_nor_are_the_days_after_it() -> None:
    model = SeriesForest(n_estimators=20).fit(CLEAN[:FIRST])
    day, name = 260, "s03"
    changed = CLEAN.copy()
    changed.loc[CLEAN.index[day], name] *= 40
    changed.iloc[day + 1 :] *= 3
    before, after = (model.expected_range(values) for values in (CLEAN, changed))
    place = CLEAN.columns.get_loc(name)
    # Only the movement of all series, a median of 24, may feel that one of them jumped.
    assert after[0][day, place] == pytest.approx(before[0][day, place], rel=0.05)
    np.testing.assert_array_equal(model.score_samples(CLEAN)[:day], model.score_samples(changed)[:day])


def test_days_it_was_fitted_on_are_judged_by_trees_that_did_not_see_them() -> None:
    model = SeriesForest(n_estimators=20).fit(CLEAN)
    dated, undated = model.score_samples(CLEAN), SeriesForest(n_estimators=20).fit(CLEAN.to_numpy())
    fitted = undated.score_samples(CLEAN.to_numpy())
    assert np.nanmean(dated) > np.nanmean(fitted)


def test_a_replay_of_clean_days_stays_within_the_budget() -> None:
    for budget in (0.5, 1.0):
        model = SeriesForest(n_estimators=20, alerts_a_month=budget).fit(CLEAN[:FIRST])
        for seed in (6, 7, 8):
            replayed = pd.concat([CLEAN[:FIRST], shop(seed=seed)[FIRST:]])
            chosen = model.predict(replayed)
            for begin in range(0, len(chosen), 30):
                block = chosen[begin : begin + 30]
                assert block.sum() <= budget * block.shape[1] * len(block) / 30


def test_the_range_holds_about_the_days_it_says() -> None:
    model = SeriesForest(n_estimators=30).fit(CLEAN[:FIRST])
    expected, lower, upper = model.expected_range(CLEAN)
    later = CLEAN.to_numpy()[FIRST:]
    inside = (later >= lower[FIRST:]) & (later <= upper[FIRST:])
    assert inside.mean() > 0.96
    assert (lower <= expected).all() if np.isfinite(expected).all() else True
    assert np.median(np.abs(later / expected[FIRST:] - 1)) < 0.2


def test_the_same_days_give_the_same_model_and_scores() -> None:
    first, second = (SeriesForest(n_estimators=20, n_jobs=2).fit(CLEAN[:FIRST]) for _ in range(2))
    np.testing.assert_array_equal(first.score_samples(CLEAN), second.score_samples(CLEAN))
    assert first.threshold_ == second.threshold_


def test_it_is_stored_without_pickle_and_scores_as_before() -> None:
    model = SeriesForest(n_estimators=10).fit(CLEAN[:FIRST])
    content = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=content)
    assert set(trusted) <= {
        "workbench.anomaly.series.estimator.SeriesForest", "sklearn.tree._tree.Tree", "numpy.dtype",
    }  # fmt: skip
    again = skops.io.loads(content, trusted=trusted)
    np.testing.assert_array_equal(again.score_samples(CLEAN), model.score_samples(CLEAN))


def test_missing_days_and_series_that_begin_or_end_are_no_anomalies() -> None:
    values = CLEAN.copy()
    values.iloc[:150, 0] = np.nan
    values.iloc[250:, 1] = np.nan
    values.iloc[220:223] = np.nan
    scores = SeriesForest(n_estimators=20).fit(values[:FIRST]).score_samples(values)
    assert np.isnan(scores[:160, 0]).all() and np.isfinite(scores[-50:, 0]).all()
    assert np.isnan(scores[250:, 1]).all() and np.isnan(scores[220:223]).all()
    # The days after them are as usual.
    assert np.nanmean(scores[223:230]) < 1.5 * np.nanmean(scores[200:220])


def test_few_days_and_a_single_series_will_do() -> None:
    one = CLEAN[["s00"]]
    scores = SeriesForest(n_estimators=10).fit(one[:FIRST]).score_samples(one)
    assert np.isfinite(scores[36:]).all()
    few = SeriesForest(n_estimators=10).fit(CLEAN[:12])
    assert few.forest_ is None and np.isnan(few.score_samples(CLEAN[:12])).all()


def test_days_that_do_not_follow_each_other_and_a_budget_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="one after the other"):
        SeriesForest().fit(CLEAN.drop(CLEAN.index[50]))
    with pytest.raises(ValueError, match="alerts_a_month is 0"):
        SeriesForest(alerts_a_month=0).fit(CLEAN)


def test_an_explanation_multiplies_up_to_what_was_expected() -> None:
    changed = CLEAN.copy()
    changed.iloc[300, 4] *= 5
    model = SeriesForest(n_estimators=20).fit(CLEAN[:FIRST])
    told = model.explain(changed, top_k=3)
    assert (told["series"].iloc[0], told["row"].iloc[0], len(told)) == ("s04", 300, 3)
    product = told["level"] * told["all_series"] * told["usual"] * told["likeness"]
    np.testing.assert_allclose(product, told["expected"])
    assert told["actual"].iloc[0] > told["upper"].iloc[0] > told["expected"].iloc[0] > told["lower"].iloc[0]


def test_the_forest_is_told_what_it_says() -> None:
    model = SeriesForest(n_estimators=10).fit(CLEAN[:FIRST])
    assert model.forest_.n_features_in_ == len(INPUTS)


def test_the_scale_can_be_undone() -> None:
    ratio = np.array([0.0, 0.2, 1.0, 3.0, -0.5])
    np.testing.assert_allclose(from_power(to_power(ratio)), ratio, atol=1e-12)
    left = adjust(CLEAN.to_numpy())
    np.testing.assert_allclose(left.in_units(left.left)[50:], CLEAN.to_numpy()[50:])


def test_injection_is_repeatable_and_leaves_the_days_before_alone() -> None:
    first, second = (inject(CLEAN.to_numpy(), 9, FIRST) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1] and len(first[1]) == 3 * CLEAN.shape[1]
    np.testing.assert_array_equal(first[0][:FIRST], CLEAN.to_numpy()[:FIRST])
    assert inject(CLEAN.to_numpy(), 10, FIRST)[1] != first[1]


def test_measures_know_a_perfect_and_an_empty_answer() -> None:
    changed, events = inject(CLEAN.to_numpy(), 9, FIRST)
    perfect = (changed != CLEAN.to_numpy()).astype(float)
    best = measure_found(perfect, events, FIRST)
    assert (best.average_precision, best.recall) == (1.0, 1.0)
    assert (best.events["delay"] == 0).all()
    assert measure_found(np.zeros_like(changed), events, FIRST).recall == 0
