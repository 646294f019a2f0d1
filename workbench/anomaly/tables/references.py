"""Sales that name customers, products or stores of which no file tells: how many a day, held against the days before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from workbench.anomaly.tables.bounds import LEAST_HISTORY, LONGEST_HISTORY, Bounds, Usual, learn_bounds
from workbench.errors import UsageError
from workbench.governance.quality import CheckResult, record_checks
from workbench.terminal import printable
from workbench.warehouse import Warehouse

FALSE_ALERTS = 0.25
"""Days as usual that are told, a dimension and month."""

_FACTS = "core.fact_transactions"
_CHANCE = FALSE_ALERTS / 30
_NAMED = 3
_DIMENSIONS = {"customers": "customer", "products": "product", "stores": "store"}
_INFERRED = ", ".join(
    f"SUM(CASE WHEN {name}.is_inferred THEN 1 ELSE 0 END) AS {dataset}"
    for dataset, name in _DIMENSIONS.items()
)
_JOINED = " ".join(
    f"LEFT JOIN core.dim_{name} AS {name} ON {name}.{name}_key = sold.{name}_key"
    for name in _DIMENSIONS.values()
)
_BY_DAY = f"""
SELECT sold.date_key, COUNT(*) AS sold_lines, {_INFERRED}
FROM {_FACTS} AS sold {_JOINED}
WHERE sold.date_key >= (
    SELECT MIN(date_key) FROM (SELECT DISTINCT date_key FROM {_FACTS} ORDER BY date_key DESC LIMIT {{}}) AS days
)
GROUP BY sold.date_key ORDER BY sold.date_key
"""


@dataclass(frozen=True)
class References:
    """Of the newest day with sales: how many lines name a member of a dimension that is known from sales alone.

    ``share`` is 0 to 1; ``usual`` and ``most`` are what the days before make likely, None where fewer than eight are known.
    """

    dataset: str
    date_key: int
    lines: int
    unknown: int
    usual: float | None
    most: float | None
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the day's lines, 0 to 1."""
        return self.unknown / self.lines

    @property
    def is_wide(self) -> bool:
        """Whether more are unknown than is usual."""
        return self.most is not None and self.share > self.most

    @property
    def message(self) -> str:
        """One sentence for a person."""
        said = f"{self.unknown:,} of the {self.lines:,} lines of {self.date_key} name {self.dataset} of which no file tells"
        named = f": {', '.join(self.examples)}" if self.examples else ""
        if self.usual is None or self.most is None:
            return f"{said} ({self.share:.1%}){named}; too few days are known to say what is usual"
        return f"{said} ({self.share:.1%}; usually {self.usual:.1%}, at most {self.most:.1%}){named}"


def check_references(
    warehouse: Warehouse, *, days: int = LONGEST_HISTORY, run_id: str | None = None
) -> list[References]:
    """Hold the lines of the newest day that name unknown members against those of some days with sales before.

    Such a member is inferred, with nothing but its key, and its lines join it; they join the real one once it lands. Days
    that were outside their own bounds are left out of what is usual, until five in a row make it the new usual.
    ``references to DATASET`` is a check in ``ops.quality_results``, with an alert while too many are unknown.

    Args:
        warehouse: with facts and dimensions.
        days: how many, from 8 to 60.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.

    Raises:
        UsageError: fewer days, or more.
    """
    if not LEAST_HISTORY <= days <= LONGEST_HISTORY:
        raise UsageError(f"days is {days}; from {LEAST_HISTORY} to {LONGEST_HISTORY} make sense")
    counted = warehouse.frame(_BY_DAY.format(days + 1))
    if counted.empty:
        return []
    found = [_judge(warehouse, dataset, counted) for dataset in _DIMENSIONS]
    record_checks(warehouse, list(_checks(found)), run_id)
    return found


def _judge(warehouse: Warehouse, dataset: str, days: pd.DataFrame) -> References:
    lines = days["sold_lines"].to_numpy(dtype=float)
    share = days[dataset].to_numpy(dtype=float) / lines
    usual = Usual()
    bounds: Bounds | None = None
    for place in range(len(days)):
        kept = usual.places
        bounds = learn_bounds(share[kept], lines[kept], "share", _CHANCE, lines[place])
        usual.add(bounds.side(share[place]) if bounds else 0)
    newest = days.iloc[-1]
    unknown, day = int(newest[dataset]), int(newest["date_key"])
    return References(
        dataset, day, int(newest["sold_lines"]), unknown,
        bounds.usual if bounds else None, bounds.upper if bounds else None,
        _examples(warehouse, _DIMENSIONS[dataset], day) if unknown else (),
    )  # fmt: skip


def _examples(warehouse: Warehouse, name: str, day: int) -> tuple[str, ...]:
    rows = warehouse.rows(
        f"SELECT sold.{name}_id AS id, COUNT(*) AS n FROM {_FACTS} AS sold "
        f"JOIN core.dim_{name} AS {name} ON {name}.{name}_key = sold.{name}_key "
        f"WHERE sold.date_key = ? AND {name}.is_inferred GROUP BY 1 ORDER BY n DESC, id LIMIT {_NAMED}",
        [day],
    )
    return tuple(printable(str(row["id"])) for row in rows)


def _checks(found: Iterable[References]) -> Iterable[CheckResult]:
    for each in found:
        if each.most is not None:
            yield CheckResult(
                f"references to {each.dataset}", _FACTS, "warn" if each.is_wide else "pass", each.unknown,
                each.message if each.is_wide else None,
            )  # fmt: skip
