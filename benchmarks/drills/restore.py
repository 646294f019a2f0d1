"""Rebuild the warehouse from landing alone, and from a backup with landing, and hold both to the original.

Three deliveries land and are run, one after another. After the second, people decide, and a backup is made. Then the
warehouse is lost. What is derived from landing must come back to the row; what people decided must come back from the
backup, and all that landed after it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checksums import Compared, compare
from ground import Outcome, folder, variables, workbench

from workbench.demo.generated.generate import generate
from workbench.schema import DATASETS, TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

TOLD = ("marts.customer_segment_history", "marts.sales_anomalies", "marts.fraud_scores")
"""What runs found, each as it was then: a later run finds what is now."""
DERIVED = [
    name
    for name, table in TABLES.items()
    if (table.schema in ("raw", "staging", "core", "marts") or name in ("ops.batches", "ops.quarantine"))
    and name not in TOLD
]
"""What landing holds in other words."""
DECIDED = (
    *(name for name, table in TABLES.items() if table.schema == "withdrawn"), "ops.identity_decisions", "ops.product_decisions", "ops.anomaly_feedback", "ops.quarantine_moves", "ops.audit_log",
)  # fmt: skip
"""What people decided and did."""
_UNTOLD = "UNTOLD-1"
"""A product that comes without a category, for somebody to decide."""


@dataclass(frozen=True)
class Place:
    """A warehouse: the variables that lead to it; a home of its own is part of it."""

    home: Path
    variables: dict[str, str]

    @property
    def url(self) -> str:
        """The warehouse's."""
        return self.variables.get("WORKBENCH_WAREHOUSE_URL") or f"duckdb:///{self.home / 'warehouse.duckdb'}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have the variables lead to it."""
        with variables(self.variables | {"WORKBENCH_HOME": str(self.home), "WORKBENCH_LANDING_LOOK": "0"}):
            yield


def duckdb(rows: int) -> list[Outcome]:
    """Hold the drill on the embedded warehouse, whose backup is a copy of its file.

    Args:
        rows: lines of sales of the first delivery; the later ones have a tenth of it each.
    """
    with folder("restore") as place:
        return _Drill(place, rows).hold("duckdb", lambda name: Place(place / name, {}), _copy_file)


def redshift(rows: int) -> list[Outcome]:
    """Hold it on the local Redshift; a copy of the database stands for a snapshot."""
    from tests.redshift import running_cluster

    with folder("restore") as place, running_cluster() as cluster, ExitStack() as databases:
        names: dict[str, str] = {}

        def make(name: str, template: str = "dev") -> Place:
            names[name] = databases.enter_context(cluster.database(template))
            return Place(place / name, cluster.settings(names[name]))

        def snapshot(original: Place, name: str) -> Place:
            return make(name, names[original.home.name])

        return _Drill(place, rows).hold("redshift", make, snapshot)


def _copy_file(original: Place, name: str) -> Place:
    """Copy the embedded warehouse's file, to which nobody writes."""
    home = original.home.with_name(name)
    home.mkdir()
    with original.entered():
        connect().execute("CHECKPOINT")
    shutil.copy2(original.home / "warehouse.duckdb", home)
    return Place(home, original.variables)


class _Drill:
    """One engine's."""

    def __init__(self, place: Path, rows: int) -> None:
        self._place, self._rows, self._deliveries = place, rows, 0
        self._landing = {"WORKBENCH_LANDING_URI": str(place / "landing")}

    def hold(self, engine: str, make: Any, backup: Any) -> list[Outcome]:
        """Deliver, decide, lose all and restore twice; ``make`` makes an empty place, ``backup`` a copy of one."""
        original: Place = self._with_landing(make("original"))
        with original.entered():
            workbench("init")
        for _ in range(2):
            self._deliver(original)
        rebuilt = self._with_landing(make("rebuilt"))
        alone = self._restore("landing alone", engine, original, rebuilt, empty=True)
        with original.entered():
            decided = _decide(connect())
            workbench("run", "retail_etl")
        kept = self._with_landing(backup(original, "kept"))
        self._deliver(original)
        whole = self._restore("backup, then landing", engine, original, kept, empty=False)
        with original.entered():
            before = connect().counts(*DECIDED)
        whole.figures["decided"] = decided
        with rebuilt.entered():
            workbench("run", "retail_etl")
            after = connect().counts(*DECIDED)
        # Where there is no backup: rows of what people decided, and what is otherwise without that.
        alone.figures["lost_without_backup"] = {
            name: before[name] - after[name] for name in DECIDED if before[name] > after[name]
        }
        with original.entered():
            apart = compare(connect(), connect(rebuilt.url), [*DERIVED, *TOLD])
        alone.figures["differs_without_backup"] = _different(apart)
        return [alone, whole]

    def _with_landing(self, place: Place) -> Place:
        return Place(place.home, place.variables | self._landing)

    def _deliver(self, original: Place) -> None:
        """Land a delivery, of which later ones correct earlier ones, and run."""
        rows = self._rows if not self._deliveries else max(self._rows // 10, 1)
        files = self._place / f"delivery-{self._deliveries}"
        generate(files, rows, seed=self._deliveries)
        self._deliveries += 1
        text = f"product_id,updated_at,description\n{_UNTOLD},2024-01-01,a thing of no telling kind\n"
        (files / "products" / "untold.csv").write_text(text)
        with original.entered():
            for path in sorted(path for name in DATASETS for path in (files / name).glob("*")):
                land(str(path), path.parent.name)
            workbench("run", "retail_etl")

    def _restore(self, what: str, engine: str, original: Place, restored: Place, *, empty: bool) -> Outcome:
        began = time.monotonic()
        with restored.entered():
            workbench("init")
            workbench("run", "retail_etl")
        seconds = time.monotonic() - began
        with original.entered():
            found = compare(
                connect(), connect(restored.url), DERIVED if empty else [*DERIVED, *TOLD, *DECIDED]
            )
        different = _different(found)
        raw = sum(each.rows[0] for each in found if each.table.startswith("raw."))
        return Outcome(
            f"restore from {what}, {engine}",
            "the warehouse is gone",
            seconds,
            {
                "every table has the rows of before": not different,
                "what was compared is not nothing": raw >= self._rows,
            },
            {
                "tables": len(found),
                "rows_of_raw": raw,
                "different": different,
                "checksums": {each.table: each.checksums[1] for each in found},
            },
        )


def _different(found: list[Compared]) -> dict[str, dict[str, int]]:
    return {each.table: {"lost": each.lost, "added": each.added} for each in found if not each.is_equal}


def _decide(warehouse: Warehouse) -> list[str]:
    """Decide what people decide, on what the warehouse has; return the tables in which it is."""
    (pair,) = warehouse.rows(
        "SELECT min(customer_id) AS first_id, max(customer_id) AS last_id FROM core.dim_customer WHERE is_current"
    )
    workbench("customers", "same", pair["first_id"], pair["last_id"], "--note", "a drill")
    (known,) = warehouse.rows("SELECT max(category) AS category FROM core.dim_product")
    workbench("products", "decide", _UNTOLD, "--category", known["category"], "--note", "a drill")
    (batch,) = warehouse.rows(
        "SELECT max(batch_id) AS batch FROM ops.batches WHERE dataset = 'transactions' AND ingested_at = "
        "(SELECT max(ingested_at) FROM ops.batches WHERE dataset = 'transactions')"
    )
    workbench("batches", "withdraw", batch["batch"], "--reason", "a drill")
    return sorted(name for name, rows in warehouse.counts(*DECIDED).items() if rows)
