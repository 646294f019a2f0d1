"""Profiles of landed files: how many rows, how many set aside, which cells are missing, how many values are distinct."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.anomaly.tables.bounds import Bounds, Kind, Usual, learn_bounds
from workbench.anomaly.tables.landed import files_a_month
from workbench.governance.alerts.recorded import now
from workbench.governance.feedback import NEWEST
from workbench.governance.ids import SHORT
from workbench.governance.quality import CheckResult, record_checks
from workbench.governance.this_run import this_run
from workbench.schema import DATASETS, quote
from workbench.warehouse import Session, Warehouse

TABLE = "ops.batch_profiles"
FALSE_ALERTS = 0.25
"""Checks that fail a dataset and month of files as usual, over all its measures."""

MEASURES: dict[str, Kind] = {
    "rows": "count",
    "quarantined": "share",
    "missing": "share",
    "distinct": "variety",
}
"""What is measured: rows that landed; of those, the share in quarantine; and of the accepted rows of a column, the share
that is missing, and how many different values there are."""

_LEAST_ROWS = 20
_FILES_BEFORE = 500
# The files that weren't measured yet, and so many before the oldest of them.
_LEDGER = f"""
SELECT * FROM (
    SELECT aged.*, max(CASE WHEN known IS NULL THEN age END) OVER (PARTITION BY dataset) AS oldest_new FROM (
        SELECT b.batch_id, b.dataset, b.uri, b.rows_landed, b.rows_accepted, b.rows_quarantined, b.ingested_at,
               p.batch_id AS known, q.status, f.verdict,
               row_number() OVER (PARTITION BY b.dataset ORDER BY b.ingested_at DESC, b.batch_id DESC) AS age
        FROM ops.batches AS b
        LEFT JOIN (SELECT DISTINCT batch_id FROM {TABLE}) AS p ON p.batch_id = b.batch_id
        LEFT JOIN ops.batch_quality AS q ON q.batch_id = b.batch_id AND q.column_name = ''
        LEFT JOIN ({NEWEST} AND kind = 'data_fault') AS f ON f.batch_id = b.batch_id
        WHERE b.withdrawn_at IS NULL AND b.rows_landed > 0
    ) AS aged
) AS those WHERE age <= oldest_new + ? ORDER BY ingested_at, batch_id
"""
# What is counted in one statement takes memory for each different value.
_ROWS_TOGETHER, _FILES_TOGETHER = 100_000, 500
_FILES_NAMED = 1000
_SAYS = {
    "rows": "{0:,.0f} rows, usually {1:,.0f} ({2:,.0f} to {3:,.0f})",
    "quarantined": "{0:.1%} of the rows are in quarantine, usually {1:.1%} (to {3:.1%})",
    "missing": "{0:.1%} of {4} is missing, usually {1:.1%} ({2:.1%} to {3:.1%})",
    "distinct": "{4} has {0:,.0f} different values, usually {1:,.0f} ({2:,.0f} to {3:,.0f})",
}


@dataclass(frozen=True)
class Profiles:
    """What a look at the new files measured: a row each of ``ops.batch_profiles``, with ``uri`` and ``ingested_at``."""

    rows: pd.DataFrame

    @property
    def outside(self) -> pd.DataFrame:
        """The measures outside their bounds."""
        return self.rows[self.rows["side"] != 0]

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        files = self.rows["batch_id"].nunique()
        judged = int(self.rows["usual"].notna().sum())
        return (
            f"{files} new files measured, {judged} of {len(self.rows)} figures held against the files before; "
            f"{len(self.outside)} outside what is usual."
        )


def profile_batches(warehouse: Warehouse, *, run_id: str | None = None) -> Profiles:
    """Measure every landed file that wasn't measured yet, hold it against the files before, and keep what comes out.

    A figure is held against those of at most sixty of the 500 files before it, without itself, without figures that were
    outside their own bounds, and without files that are withdrawn or judged as faulty; a file whose faults were judged
    ``false`` or ``expected`` counts. The bounds are so wide that a dataset of files as usual has one in four months. Each
    dataset and measure is a check in ``ops.quality_results``, with an alert while the newest files are outside.

    Args:
        warehouse: with raw and the ledger.
        run_id: the run this belongs to; ``WORKBENCH_RUN_ID`` if None.
    """
    run_id = run_id or this_run()
    ledger = warehouse.frame(_LEDGER, [_FILES_BEFORE])
    found = [
        _of_dataset(warehouse, str(dataset), batches)
        for dataset, batches in ledger.groupby("dataset")
        if dataset in DATASETS
    ]
    if not found:
        return Profiles(pd.DataFrame(columns=[*_COLUMNS, "uri", "ingested_at"]))
    rows = pd.concat(found, ignore_index=True).assign(run_id=run_id, profiled_at=now())
    _keep(warehouse, rows)
    record_checks(warehouse, list(_checks(rows)), run_id)
    return Profiles(rows)


_COLUMNS = (
    "batch_id", "dataset", "column_name", "measure", "value", "rows_seen", "lower", "usual", "upper", "side",
    "run_id", "profiled_at",
)  # fmt: skip


def _of_dataset(warehouse: Warehouse, dataset: str, batches: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of a dataset's new files, judged in the order in which they came."""
    new = batches[batches["known"].isna()]
    measured = _measure(warehouse, dataset, new)
    is_faulty = (batches["status"] == "faulty") & ~batches["verdict"].isin(["false", "expected"])
    order = pd.Series(range(len(batches)), index=batches["batch_id"])
    before = _measured_before(warehouse, dataset, list(batches.loc[batches["known"].notna(), "batch_id"]))
    measures = measured.groupby(["column_name", "measure"]).ngroups
    chance = FALSE_ALERTS / (files_a_month(warehouse, dataset, "rows_landed") * measures)
    every = pd.concat([before.assign(is_new=False), measured.assign(is_new=True)], ignore_index=True)
    faulty = set(batches.loc[is_faulty, "batch_id"])
    every = every.assign(place=every["batch_id"].map(order), is_faulty=every["batch_id"].isin(faulty))
    every = every.sort_values("place", kind="stable")
    judged = [
        _judge(series, str(measure), chance)
        for (_, measure), series in every.groupby(["column_name", "measure"])
    ]
    facts = batches.set_index("batch_id")[["uri", "ingested_at"]]
    return pd.concat(judged).join(facts, on="batch_id").assign(dataset=dataset)


def _measured_before(warehouse: Warehouse, dataset: str, batches: list[str]) -> pd.DataFrame:
    """Return the measures of files that were measured before."""
    figures = f"SELECT batch_id, column_name, measure, value, rows_seen, side FROM {TABLE} WHERE dataset = ?"
    if len(batches) > _FILES_NAMED:
        found = warehouse.frame(figures, [dataset])
        return found[found["batch_id"].isin(batches)]
    marks = ", ".join(["?"] * len(batches)) or "NULL"
    return warehouse.frame(f"{figures} AND batch_id IN ({marks})", [dataset, *batches])


def _judge(series: pd.DataFrame, measure: str, chance: float) -> pd.DataFrame:
    """Judge the new values of one measure, each by those before it."""
    value, rows = series["value"].to_numpy(dtype=float), series["rows_seen"].to_numpy(dtype=float)
    side = np.nan_to_num(series["side"].to_numpy(dtype=float)).astype(int)
    faulty = series["is_faulty"].to_numpy(dtype=bool)
    is_new = series["is_new"].to_numpy(dtype=bool)
    usual = Usual()
    bounds: list[Bounds | None] = []
    for place in range(len(series)):
        if is_new[place]:
            kept = usual.places
            known = None
            # Of a share or a variety of fewer rows chance alone makes anything.
            if rows[place] >= _LEAST_ROWS or measure == "rows":
                known = learn_bounds(value[kept], rows[kept], MEASURES[measure], chance, rows[place])
            bounds.append(known)
            side[place] = known.side(value[place]) if known else 0
        usual.add(side[place], left_out=faulty[place])
    return series[is_new].assign(
        lower=np.array([each.lower if each else np.nan for each in bounds], dtype=float),
        usual=np.array([each.usual if each else np.nan for each in bounds], dtype=float),
        upper=np.array([each.upper if each else np.nan for each in bounds], dtype=float),
        side=side[is_new],
    )


def _measure(warehouse: Warehouse, dataset: str, batches: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of files, in their order: ``batch_id, column_name, measure, value, rows_seen``."""
    table = DATASETS[dataset]
    columns = [
        column.name for column in table.columns if column.kind != "json" and not column.name.startswith("_")
    ]
    asked = ", ".join(
        f"COUNT({quote(name)}) AS known_{number}, COUNT(DISTINCT {quote(name)}) AS distinct_{number}"
        for number, name in enumerate(columns)
    )
    rows: list[tuple[str, str, str, float, int]] = []
    for some in _together(batches):
        counted = warehouse.rows(
            f"SELECT _batch_id, {asked} FROM {table.full_name} WHERE _ingested_at >= ? "
            f"AND _batch_id IN ({', '.join('?' * len(some))}) GROUP BY _batch_id",
            [some["ingested_at"].min().to_pydatetime(), *some["batch_id"]],
        )
        found = {row["_batch_id"]: row for row in counted}
        for batch in some.to_dict("records"):
            name, landed, accepted = (
                str(batch["batch_id"]), int(batch["rows_landed"]), int(batch["rows_accepted"])
            )  # fmt: skip
            rows.append((name, "", "rows", landed, landed))
            rows.append((name, "", "quarantined", int(batch["rows_quarantined"]) / landed, landed))
            counts = found.get(name, {})
            for number, column in enumerate(columns if accepted else ()):
                known = int(counts.get(f"known_{number}", 0))
                rows.append((name, column, "missing", 1 - known / accepted, accepted))
                if known:
                    rows.append((name, column, "distinct", float(counts[f"distinct_{number}"]), known))
    return pd.DataFrame(rows, columns=["batch_id", "column_name", "measure", "value", "rows_seen"])


def _together(batches: pd.DataFrame) -> Iterable[pd.DataFrame]:
    """Yield files in pieces: small ones are counted together, and a large one by itself."""
    begin = size = 0
    for place, accepted in enumerate(batches["rows_accepted"]):
        if place > begin and (size + accepted > _ROWS_TOGETHER or place - begin == _FILES_TOGETHER):
            yield batches.iloc[begin:place]
            begin, size = place, 0
        size += accepted
    yield batches.iloc[begin:]


def _keep(warehouse: Warehouse, rows: pd.DataFrame) -> None:
    """Write the measures of files in place of what is there of them: two that look at once leave them once."""
    batches = sorted(rows["batch_id"].unique())
    with warehouse.prepare(TABLE, rows[list(_COLUMNS)]) as staged:

        def work(session: Session) -> None:
            warehouse.lock(session, TABLE)
            for begin in range(0, len(batches), 500):
                some = batches[begin : begin + 500]
                session.execute(f"DELETE FROM {TABLE} WHERE batch_id IN ({', '.join('?' * len(some))})", some)
            staged.load(session)

        warehouse.run(work, repeatable=True)


def _checks(rows: pd.DataFrame) -> Iterable[CheckResult]:
    """Return a result for each dataset and measure: that of the newest file, with what others were outside, too."""
    for (dataset, measure), group in rows.groupby(["dataset", "measure"]):
        if group["usual"].isna().all():
            continue
        newest = group[group["ingested_at"] == group["ingested_at"].max()]
        outside = newest[newest["side"] != 0]
        said = "; ".join(describe(row) for row in outside.head(3).to_dict("records"))
        more = f"; and {len(outside) - 3} more" if len(outside) > 3 else ""
        yield CheckResult(
            f"{measure} of {dataset}", DATASETS[str(dataset)].full_name, "warn" if len(outside) else "pass",
            None, f"{said}{more}" if said else None,
        )  # fmt: skip


def describe(row: dict[str, object]) -> str:
    """Say what a measure is beside what is usual, and of which file."""
    numbers = (row["value"], row["usual"], row["lower"], row["upper"])
    file = str(row["uri"]).replace("\\", "/").rpartition("/")[2]
    return f"{file} ({str(row['batch_id'])[:SHORT]}): " + _SAYS[str(row["measure"])].format(
        *numbers, row["column_name"]
    )
