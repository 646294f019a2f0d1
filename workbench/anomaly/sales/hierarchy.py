"""The level above the departments: days on which all of them together strayed, and what each added to it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.anomaly.series.forest import judge
from workbench.numbers import money

TOTAL = "(all departments)"
"""What the sum of all departments is called where a department is named."""

UPPER = ("department", "total")
"""The levels that add up; stores and categories are other parts of the same sales."""

_LEAST_DAYS, _LEAST_DEPARTMENTS = 28, 3
_SPREADS = 3.5
_LEAST_SPREAD = 0.02
_NAMED = 3
_ROOT = 0.6
_SUMMED = ["actual", "expected", "week_before", "weekday_usual"]


def with_total(scored: pd.DataFrame) -> pd.DataFrame:
    """Add the sum of the departments of each day as rows of :data:`TOTAL`, judged like theirs.

    What is expected of the sum is the sum of what is expected of each. Its range is 3.5 robust spreads of the relative
    deviations of all other days: no day is measured by itself. Under 28 days or three departments nothing is added.

    Args:
        scored: ``sales_date, department, level, actual, expected, week_before, weekday_usual`` and the columns of
            :func:`workbench.anomaly.series.forest.judge`; each of the level ``department``.

    Returns:
        The rows by day, then department.
    """
    by_day = scored.groupby("sales_date")
    departments = by_day["department"].nunique()
    total = by_day[_SUMMED].sum(min_count=1).astype(float)
    # A day of which only some departments are judged is none to hold others against.
    whole = (departments >= max(_LEAST_DEPARTMENTS, departments.max() - 2)) & (total["expected"] > 0)
    total = total[whole]
    if len(total) < _LEAST_DAYS:
        return scored
    actual, expected = total["actual"].to_numpy(), total["expected"].to_numpy()
    center, spread = _others((actual - expected) / expected)
    middle = expected * (1 + center)
    reach = _SPREADS * spread * expected
    rows = judge(
        pd.DataFrame({"sales_date": total.index, "department": TOTAL, "actual": actual}),
        middle, np.maximum(middle - reach, 0) if actual.min() >= 0 else middle - reach, middle + reach,
    )  # fmt: skip
    for name in ("week_before", "weekday_usual"):
        rows[name] = total[name].round(4).to_numpy()
    rows["level"] = "total"
    return pd.concat([scored, rows[scored.columns]]).sort_values(
        ["sales_date", "department"], ignore_index=True
    )


def _others(deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of all others for each, and their robust spread."""
    centers, spreads = np.empty(len(deviation)), np.empty(len(deviation))
    for place in range(len(deviation)):
        others = np.delete(deviation, place)
        centers[place] = np.median(others)
        spreads[place] = 1.4826 * np.median(np.abs(others - centers[place]))
    return centers, np.maximum(spreads, _LEAST_SPREAD)


def contributions(scored: pd.DataFrame, day: object, direction: str) -> str:
    """Say which departments made the sum of a day stray, the largest part first.

    Args:
        scored: rows of all departments and of :data:`TOTAL`.
        day: the day.
        direction: ``above`` or ``below``, to which the sum strayed.
    """
    rows = scored[(scored["sales_date"] == day) & (scored["level"] == "department")]
    strayed = (rows["actual"] - rows["expected"]).astype(float)
    whole = float(strayed.sum())
    towards = strayed[strayed > 0] if direction == "above" else strayed[strayed < 0]
    if towards.empty or whole == 0:
        return ""
    largest = towards.abs().sort_values(ascending=False, kind="stable")[:_NAMED]
    word = "more" if direction == "above" else "less"
    names = rows["department"].reindex(largest.index)
    named = [
        f"{name} {money(part)} {word} ({part / abs(whole):.0%})"
        for name, part in zip(names, largest, strict=True)
    ]
    rest = len(towards) - len(named)
    return ", ".join(named) + (f" and {rest} other department{'' if rest == 1 else 's'}" if rest else "")


def one_each(
    scored: pd.DataFrame, incidents: dict[tuple[str, object], pd.DataFrame]
) -> dict[tuple[str, object], pd.DataFrame]:
    """Leave of incidents of departments, of their parts and of :data:`TOTAL` that are the same one the one at the root.

    A department's incident is part of the sum's if each critical day of it is one of the sum's, to the same side. The
    root is the department where it makes up most of what the sum strayed by, and the sum where many add to it. A store's or a category's is part
    of a department's that has one of its critical days, to the same side, and of the sum's to either: where all sell much
    more or less, one that doesn't is no news.

    Args:
        scored: rows of all departments and of :data:`TOTAL`.
        incidents: the critical days of each, by department and first day.
    """
    left = dict(incidents)
    levels = {key: days["level"].iloc[0] for key, days in incidents.items()}
    told = set[tuple[object, object]]().union(
        *(
            _sides(days) | (_sides(days, other=True) if levels[key] == "total" else set())
            for key, days in incidents.items()
            if levels[key] in UPPER
        )
    )
    for key, days in incidents.items():
        if levels[key] not in UPPER and _sides(days) & told:
            del left[key]
    for key, days in incidents.items():
        if key[0] != TOTAL:
            continue
        of_sum = _sides(days)
        parts = [
            other for other in left if levels[other] == "department" and _sides(incidents[other]) <= of_sum
        ]
        roots = [other for other in parts if _share(scored, other[0], incidents[other]) >= _ROOT]
        for other in [key] if roots else parts:
            del left[other]
    return left


def _sides(days: pd.DataFrame, *, other: bool = False) -> set[tuple[object, object]]:
    sides = days["direction"].map({"above": "below", "below": "above"}) if other else days["direction"]
    return set(zip(days["sales_date"], sides, strict=True))


def _share(scored: pd.DataFrame, department: str, days: pd.DataFrame) -> float:
    """Return which part of what the sum strayed by on some days a department makes up."""
    rows = scored[scored["sales_date"].isin(days["sales_date"]) & (scored["level"] == "department")]
    strayed = (rows["actual"] - rows["expected"]).astype(float)
    whole = float(strayed.sum())
    return float(strayed[rows["department"] == department].sum()) / whole if whole else 0.0
