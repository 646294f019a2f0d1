"""Incidents of sales that somebody has judged: what isn't learned from, and what isn't alerted again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from workbench.anomaly.sales.hierarchy import TOTAL
from workbench.governance.feedback import Concerned, newest
from workbench.warehouse import Warehouse

KIND = "sales_anomaly"


def read_judged(warehouse: Warehouse) -> tuple[Concerned, ...]:
    """Return what the verdicts on sales are about, whatever they say."""
    return tuple(each.concerned for each in newest(warehouse, KIND))


def read_confirmed(warehouse: Warehouse) -> tuple[tuple[str, dt.date, dt.date], ...]:
    """Return series, first and last day of each incident that was judged real, in the order of time.

    The series is empty where the days of all are meant: what all departments did together is in each one's sales.
    """
    real = [each.concerned for each in newest(warehouse, KIND) if each.verdict == "real"]
    found = {
        ("" if each.series == TOTAL else each.series or "", each.first_day, each.last_day)
        for each in real
        if each.first_day and each.last_day
    }
    return tuple(sorted(found, key=lambda each: (each[1], each[0])))


def is_judged(judged: Sequence[Concerned], series: str, first: dt.date, last: dt.date) -> bool:
    """Return whether one of the verdicts is about days of a series between these, both inclusive."""
    return any(
        each.series == series
        and each.first_day is not None
        and each.last_day is not None
        and each.first_day <= last
        and first <= each.last_day
        for each in judged
    )
