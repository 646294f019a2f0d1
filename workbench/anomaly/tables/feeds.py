"""Feeds that have gone quiet: datasets whose next file is later than the pauses between those before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.anomaly.tables.bounds import LEAST_HISTORY, LONGEST_HISTORY, learn_bounds
from workbench.governance.quality import CheckResult, record_checks
from workbench.schema import DATASETS
from workbench.warehouse import Warehouse

FALSE_ALERTS = 0.25
"""Feeds as usual that are called quiet, a dataset and month."""

_HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Feed:
    """How long ago a dataset's newest file was taken in, and how long it usually is until the next; in hours.

    ``latest`` is the pause that isn't usual any more, None where fewer than eight pauses are known.
    """

    dataset: str
    hours: float
    usual: float | None
    latest: float | None

    @property
    def is_quiet(self) -> bool:
        """Whether the next file should be here."""
        return self.latest is not None and self.hours > self.latest

    @property
    def message(self) -> str:
        """One sentence for a person."""
        if self.usual is None or self.latest is None:
            return f"{self.dataset}: a file came {_long(self.hours)} ago; too few came before to say what is usual"
        return (
            f"{self.dataset}: no file has come for {_long(self.hours)}; usually one comes after {_long(self.usual)}, "
            f"and after {_long(self.latest)} at the latest"
        )


def check_feeds(warehouse: Warehouse, moment: dt.datetime, *, run_id: str | None = None) -> list[Feed]:
    """Hold the time since each dataset's newest file against the pauses between its files before.

    Files that are taken in within an hour are one delivery. ``freshness of DATASET`` is a check in ``ops.quality_results``,
    with an alert while the feed is quiet.

    Args:
        warehouse: with the ledger.
        moment: the present, UTC, without zone.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.
    """
    ledger = warehouse.frame(
        "SELECT dataset, ingested_at FROM ops.batches WHERE rows_landed > 0 ORDER BY dataset, ingested_at"
    )
    feeds = [
        _judge(str(dataset), pd.Series(pd.to_datetime(times["ingested_at"])).reset_index(drop=True), moment)
        for dataset, times in ledger.groupby("dataset")
        if dataset in DATASETS
    ]
    checks = [
        CheckResult(
            f"freshness of {feed.dataset}", DATASETS[feed.dataset].full_name, "warn" if feed.is_quiet else "pass",
            None, feed.message if feed.is_quiet else None,
        )
        for feed in feeds
        if feed.latest is not None
    ]  # fmt: skip
    record_checks(warehouse, checks, run_id)
    return feeds


def _judge(dataset: str, times: pd.Series, moment: dt.datetime) -> Feed:
    deliveries = times[times.diff().isna() | (times.diff() > _HOUR)]
    hours = (pd.Timestamp(moment) - times.iloc[-1]) / _HOUR
    pauses = deliveries.diff().dropna().dt.total_seconds().to_numpy()[-LONGEST_HISTORY:] / 3600
    if len(pauses) < LEAST_HISTORY:
        return Feed(dataset, hours, None, None)
    a_month = max(30 * 24 / float(pauses.mean()), 1)
    # In minutes, since a count below one can't be told from one.
    minutes = pauses * 60
    bounds = learn_bounds(minutes, np.ones(len(minutes)), "count", FALSE_ALERTS / a_month, 1)
    if bounds is None:
        return Feed(dataset, hours, None, None)
    # A pause that was survived before is no news.
    return Feed(dataset, hours, bounds.usual / 60, max(bounds.upper, float(np.quantile(minutes, 0.95))) / 60)


def _long(hours: float) -> str:
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
