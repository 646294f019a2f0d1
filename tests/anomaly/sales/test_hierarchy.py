"""What all departments do together is one incident, with what each added to it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.sales.hierarchy import TOTAL, contributions, one_each, with_total
from workbench.anomaly.series.forest import judge

DAYS = pd.date_range("2024-01-01", periods=60).date


def scored(factor: dict[tuple[int, str], float] | None = None, seed: int = 0) -> pd.DataFrame:
    """Five departments that sell 100 to 500 a day, a few percent more or less, but where a factor says otherwise."""
    random = np.random.default_rng(seed)
    parts = []
    for number, name in enumerate("ABCDE", 1):
        expected = np.full(len(DAYS), 100.0 * number)
        actual = expected * (1 + 0.03 * random.standard_normal(len(DAYS)))
        for (place, department), times in (factor or {}).items():
            if department in (name, "*"):
                actual[place] = expected[place] * times
        frame = pd.DataFrame({"sales_date": DAYS, "department": name, "actual": actual})
        parts.append(judge(frame, expected, 0.85 * expected, 1.15 * expected))
    found = pd.concat(parts).assign(level="department", week_before=100.0, weekday_usual=100.0)
    return found.sort_values(["sales_date", "department"], ignore_index=True)


def of_total(found: pd.DataFrame) -> pd.DataFrame:
    return found[found["department"] == TOTAL]


def test_a_day_on_which_all_fall_is_one_of_the_sum() -> None:
    total = of_total(with_total(scored({(30, "*"): 0.6})))
    assert len(total) == len(DAYS)
    found = total[total["severity"] != ""]
    assert found["sales_date"].tolist() == [DAYS[30]]
    assert found["severity"].tolist() == ["critical"] and found["direction"].tolist() == ["below"]
    assert found["actual"].iloc[0] == 900.0 and 1450 < found["expected"].iloc[0] < 1550


def test_a_day_is_not_measured_by_itself() -> None:
    """However far a day strays, its own range stays as it is."""
    ranges = []
    for times in (0.9, 0.1, 30.0):
        total = of_total(with_total(scored({(30, "*"): times}))).set_index("sales_date")
        ranges.append(tuple(total.loc[DAYS[30], ["expected", "lower", "upper"]]))
    assert len(set(ranges)) == 1


def test_one_small_department_does_not_move_the_sum() -> None:
    total = of_total(with_total(scored({(30, "A"): 1.4})))
    assert (total["severity"] == "").all()


def test_few_days_or_departments_have_no_sum() -> None:
    rows = scored()
    assert with_total(rows[rows["department"].isin(["A", "B"])]).equals(
        rows[rows["department"].isin(["A", "B"])]
    )
    few = rows[rows["sales_date"] < DAYS[20]]
    assert with_total(few).equals(few)


def test_days_of_which_only_some_departments_are_judged_have_none() -> None:
    rows = scored()
    rows = rows[~((rows["sales_date"] == DAYS[10]) & rows["department"].isin(["C", "D", "E"]))]
    assert DAYS[10] not in set(of_total(with_total(rows))["sales_date"])


def test_contributions_add_up_and_the_largest_comes_first() -> None:
    rows = scored({(30, "E"): 0.2, (30, "A"): 0.0, (30, "B"): 1.0, (30, "C"): 1.0, (30, "D"): 1.0})
    said = contributions(with_total(rows), DAYS[30], "below")
    assert said == "E 400 less (80%), A 100 less (20%)"


def incidents_of(rows: pd.DataFrame) -> list[str]:
    critical = rows[rows["severity"] == "critical"]
    return [
        name
        for name, _ in one_each(
            rows, {(str(n), d): f for (n, d), f in critical.groupby(["department", "sales_date"])}
        )
    ]


def test_what_many_departments_do_is_one_incident_of_all() -> None:
    rows = with_total(scored({(30, "*"): 0.6}))
    critical = set(rows.loc[rows["severity"] == "critical", "department"])
    assert critical == {TOTAL, *"ABCDE"}
    assert incidents_of(rows) == [TOTAL]


def test_what_one_department_does_is_its_own() -> None:
    rows = with_total(scored({(30, "E"): 9.0}))
    assert set(rows.loc[rows["severity"] == "critical", "department"]) == {TOTAL, "E"}
    assert incidents_of(rows) == ["E"]


def test_what_a_department_does_against_the_others_stays_its_own() -> None:
    rows = with_total(scored({(30, "*"): 0.5, (30, "A"): 3.0}))
    assert incidents_of(rows) == [TOTAL, "A"]
