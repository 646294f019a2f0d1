"""Put anomalies of known kinds into a panel, and measure how well scores find them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

KINDS: dict[str, tuple[float, ...]] = {
    "spike": (1.5, 2.0, 3.0),
    "drop": (0.6, 0.4, 0.2),
    "outage": (1, 2, 3),
    "level_shift": (0.6, 0.75, 1.33, 1.6),
    "double_load": (2.0,),
    "wrong_scale": (0.01, 10.0, 100.0),
}
"""Each kind's sizes: what a day is multiplied by; of an outage, its days. A level shift lasts 7 to 14 days."""

DAYS_A_MONTH = 30.4


@dataclass(frozen=True)
class Event:
    """One injected anomaly: rows ``start`` to below ``stop`` of the column ``series``."""

    series: int
    start: int
    stop: int
    kind: str
    size: float


@dataclass(frozen=True)
class Found:
    """How well scores find events.

    Attributes:
        average_precision: over (day, series), those inside of events being what is looked for.
        recall: share of events with a day above the threshold.
        threshold: the score that as many other days exceed as there may be false alerts.
        events: one row an event: ``kind``, ``size``, ``found``, ``delay`` (days from its first day; NaN if not found).
    """

    average_precision: float
    recall: float
    threshold: float
    events: pd.DataFrame


def inject(
    values: np.ndarray, seed: int, first: int, a_series: int = 3
) -> tuple[np.ndarray, tuple[Event, ...]]:
    """Change a copy of a panel.

    Args:
        values: days x series.
        seed: of kinds, sizes and places; the same seed gives the same events.
        first: row from which days may be changed.
        a_series: events of each series, each in a part of its own of the days; fewer where days are few.

    Returns:
        The changed panel and what was changed, by series, then day.
    """
    random = np.random.default_rng(seed)
    changed, events = values.copy(), []
    slot = (len(values) - first) // a_series
    names = list(KINDS)
    for series in range(values.shape[1]):
        for number in range(a_series):
            kind = names[random.integers(len(names))]
            size = KINDS[kind][random.integers(len(KINDS[kind]))]
            length = {"outage": max(1, int(size)), "level_shift": int(random.integers(7, 15))}.get(kind, 1)
            length = min(length, slot)
            if not length:
                continue
            start = first + number * slot + int(random.integers(0, slot - length + 1))
            if not np.isfinite(values[start : start + length, series]).any():
                continue
            changed[start : start + length, series] *= 0 if kind == "outage" else size
            events.append(Event(series, start, start + length, kind, size))
    return changed, tuple(events)


def measure_found(
    scores: np.ndarray, events: tuple[Event, ...], first: int, alerts_a_month: float = 1.0
) -> Found:
    """Measure scores, the higher the stranger, against what was injected.

    Args:
        scores: days x series; NaN, where none was given, counts as the least.
        events: what was injected from row ``first`` on.
        first: the row from which scores are measured.
        alerts_a_month: how many false alerts a series and month may bring.
    """
    from sklearn.metrics import average_precision_score

    inside = np.zeros(scores.shape, dtype=bool)
    for event in events:
        inside[event.start : event.stop, event.series] = True
    filled = np.nan_to_num(scores, nan=-1e9, posinf=1e9, neginf=-1e9)
    looked_for, given = inside[first:].ravel(), filled[first:].ravel()
    others = np.sort(given[~looked_for])[::-1]
    budget = int(scores.shape[1] * (len(scores) - first) / DAYS_A_MONTH * alerts_a_month)
    threshold = float(others[min(budget, len(others) - 1)]) if len(others) else 0.0
    rows = []
    for event in events:
        above = np.flatnonzero(filled[event.start : event.stop, event.series] > threshold)
        rows.append((event.kind, event.size, bool(len(above)), float(above[0]) if len(above) else np.nan))
    frame = pd.DataFrame(rows, columns=["kind", "size", "found", "delay"])
    precision = float(average_precision_score(looked_for, given)) if looked_for.any() else float("nan")
    return Found(precision, float(frame["found"].mean()) if rows else float("nan"), threshold, frame)
