"""Generate data of any size for trials and benchmarks, with the truth about it beside it."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from workbench.demo.generated import returns, sales
from workbench.demo.generated.shop import Plan, Shop, invent_shop
from workbench.demo.journey import customers, rates
from workbench.demo.journey.contacts import Contact, address, invent, move, new_email, new_phone, respell
from workbench.demo.signals import sensors, visits
from workbench.errors import UsageError
from workbench.schema import DATASETS

TRUTH = "truth.json"
PERSONS = "customer_persons.csv"
FRAUDS = "frauds.csv"
RETURNS = "returned_sales.csv"
END = date(2024, 12, 31)
"""Last day of the generated sales."""

_GENERATOR = "workbench generate"
_VERDICTS = "fraud_labels/fraud_labels.csv"
_RETURNS = "transactions/returns.csv"
_EVENTS, _READINGS = "events/events.csv", "measurements/measurements.csv"
_LOCALES = {"US": "en_US", "GB": "en_GB", "CA": "en_CA", "DE": "de_DE"}
_PRODUCT = (
    "product_id", "updated_at", "description", "brand", "manufacturer_id", "department", "category",
    "subcategory", "package_size", "list_price", "currency", "is_deleted",
)  # fmt: skip
_STORE = ("store_id", "updated_at", "name", "street", "city", "state", "postal_code", "country")


@dataclass(frozen=True)
class Truth:
    """What was generated, as ``truth.json`` has it.

    ``rows`` counts the rows of each file without its header. Of the transactions, ``accepted`` and
    ``quarantined`` are what ingestion must find, ``reasons`` counts the quarantined by reason code, and
    ``exact_repeats`` of the accepted repeat an accepted row exactly. ``anomalies`` says where and when each
    planted anomaly is, and how many lines (bad ones included, repeats not) fell there. ``frauds`` counts the receipts
    that are fraud by kind. ``returns`` counts the returns in their own file by how they are written. ``visits`` and ``readings`` say what events and measurements are of: visits, purchases, repeats,
    conflicts and gaps.
    """

    seed: int
    first_day: str
    last_day: str
    rows: dict[str, int]
    accepted: int
    quarantined: int
    exact_repeats: int
    reasons: dict[str, int]
    anomalies: list[dict[str, Any]]
    frauds: dict[str, int]
    returns: dict[str, int]
    visits: dict[str, int]
    readings: dict[str, Any]
    customer_ids: int
    persons: int
    seconds: float


def generate(
    out: Path,
    rows: int,
    *,
    seed: int = 0,
    bad_share: float = 0.01,
    returns_share: float = 0.0,
    force: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Truth:
    """Write ``rows`` lines of sales, and customers, products, stores, rates, verdicts on fraud, visits and readings with them.

    The same seed gives the same files. One line in a thousand repeats another exactly.

    Args:
        out: folder for ``transactions/transactions.csv`` and the other datasets, a folder each, and for what
            is true: ``truth.json``, ``customer_persons.csv`` (which customer_id is which person) and ``frauds.csv``
            (which receipt is fraud, of which kind).
        rows: lines of the transactions file, the bad ones included.
        bad_share: part of the lines that are bad, spread over all kinds of faults; from 0 to 0.5.
        returns_share: part of the good lines that are brought back, from 0 to 0.5; they are in
            ``transactions/returns.csv``, and of which sale each is in ``returned_sales.csv``.
        force: write into a folder that has other things in it. In one of earlier data all of that is replaced.
        progress: called with what is being done and how far it is, from 0 to 1.

    Raises:
        UsageError: a number is out of range, the folder isn't ours to write into, or a package is missing.
    """
    if rows < 1:
        raise UsageError(f"--rows must be 1 or more, not {rows}")
    if not 0 <= bad_share <= 0.5:
        raise UsageError(f"--bad-share must be from 0 to 0.5, not {bad_share:g}")
    if not 0 <= returns_share <= 0.5:
        raise UsageError(f"--returns must be from 0 to 0.5, not {returns_share:g}")
    started = time.perf_counter()
    report = progress or (lambda what, done: None)
    _prepare(out, force)
    plan = make_plan(rows, seed, bad_share)
    shop = invent_shop(plan)
    report("transactions", 0.0)
    path = out / "transactions/transactions.csv"
    # People are invented in Python on one core while the database engine draws the sales on the other.
    with sales.engine(out / "_temporary") as connection, ThreadPoolExecutor(1) as beside:
        people = beside.submit(_write_dimensions, out, plan, shop)

        def progressed(done: float) -> None:
            if people.done():
                people.result()
            report("transactions", done)

        drawn, written = sales.draw(connection, plan, shop, path, beside, progressed)
        log, counts = people.result()
        counts[_VERDICTS], frauds = sales.write_frauds(connection, plan, out / _VERDICTS, out / FRAUDS)
        brought: dict[str, int] = {}
        if returns_share:
            written.result()
            brought = returns.write(
                connection, path, out / _RETURNS, out / RETURNS, seed=seed, share=returns_share, end=plan.end
            )
            counts[_RETURNS] = sum(brought.values())
        made, read = _write_signals(connection, plan, shop, out)
        written.result()
    counts |= {_EVENTS: made.events, _READINGS: read.readings}
    shutil.rmtree(out / "_temporary", ignore_errors=True)
    counts = {"transactions/transactions.csv": rows, **counts}
    truth = Truth(
        seed, plan.start.isoformat(), plan.end.isoformat(), counts, rows - plan.bad, plan.bad, plan.repeats,
        drawn.reasons, drawn.anomalies, frauds, brought, asdict(made), asdict(read), len(log.truth), len({person for _, person in log.truth}), 0.0,
    )  # fmt: skip
    content = {"generator": _GENERATOR, **asdict(truth)}
    # The time taken differs from run to run; the file doesn't.
    del content["seconds"]
    (out / TRUTH).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return replace(truth, seconds=round(time.perf_counter() - started, 3))


def make_plan(rows: int, seed: int, bad_share: float) -> Plan:
    """Size a retailer for so many lines of sales."""
    days = min(365, max(60, rows // 200))
    return Plan(
        rows=rows, seed=seed, bad=round(rows * bad_share), repeats=rows // 1000, end=END, days=days,
        stores=min(120, max(4, rows // 20_000)), products=min(20_000, max(40, rows // 50)),
        customers=min(100_000, max(40, rows // 100)),
        spikes=3 if days > 90 else 1, outages=2 if days > 90 else 1, fraud_share=0.01,
    )  # fmt: skip


def _prepare(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out must be a folder; {out} is a file")
    present = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    earlier = _earlier(out)
    if present and not force and earlier is None:
        raise UsageError(
            f"{out} has other things in it ({present[0]}, ...); name another folder, or say --force"
        )
    if earlier and _RETURNS in (earlier.get("rows") or {}):
        # Not every call writes them, and the returns of other sales would be loaded with these.
        for name in (_RETURNS, RETURNS):
            (out / name).unlink(missing_ok=True)
    for name in DATASETS:
        (out / name).mkdir(parents=True, exist_ok=True)
    (out / TRUTH).unlink(missing_ok=True)


def _earlier(out: Path) -> dict[str, Any] | None:
    """Return what was generated into a folder before; None if nothing was."""
    try:
        found = json.loads((out / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("generator") == _GENERATOR else None


def _write_dimensions(out: Path, plan: Plan, shop: Shop) -> tuple[customers.CustomerLog, dict[str, int]]:
    """Write all that sales refer to; return the invented people, and the rows of each file."""
    log = invent_customers(plan)
    opened = f"{plan.start - timedelta(days=90)} 00:00:00"
    rng = random.Random(f"stores/{plan.seed}")  # noqa: S311  invented data
    products = [
        (
            row["product_id"], opened, row["description"], row["brand"], f"M{row['idx'] % 97:03d}",
            row["department"], row["category"], row["category"], row["package_size"],
            f"{row['cents'] / 100:.2f}", "USD", "false",
        )
        for row in shop.products
    ]  # fmt: skip
    stores = []
    for row in shop.stores:
        place = address(_LOCALES[row["country"]], rng)
        stores.append((row["store_id"], opened, f"{place['city']} {row['store_id']}", *place.values()))
    entries = sorted(log.entries, key=lambda entry: (entry.updated_at, entry.customer_id))
    people = [customers.row(entry) for entry in entries]
    customers.write_truth(log, out / PERSONS)
    return log, {
        "customers/customers.csv": _write(out / "customers/customers.csv", customers.COLUMNS, people),
        "products/products.csv": _write(out / "products/products.csv", _PRODUCT, products),
        "stores/stores.csv": _write(out / "stores/stores.csv", _STORE, stores),
        "exchange_rates/ecb.csv": rates.write(
            out / "exchange_rates/ecb.csv", plan.start - timedelta(days=10), plan.end
        ),
    }


def _write_signals(
    connection: duckdb.DuckDBPyConnection, plan: Plan, shop: Shop, out: Path
) -> tuple[visits.Visits, sensors.Readings]:
    """Write the visits that led to what was sold online, and others, and two weeks of readings at the end."""
    receipts = f"""
        SELECT receipt, printf('C%07d', customer + 1) AS customer_id, sold_at, store_id,
               printf('P%06d', 1 + hash(receipt) % {plan.products}) AS product_id, channel = 'online' AS is_bought
        FROM receipt WHERE customer IS NOT NULL
    """
    made = visits.write(connection, receipts, out / _EVENTS, seed=plan.seed, share=0.4)
    first = max(plan.start, plan.end - timedelta(days=sensors.DAYS - 1))
    stores = sensors.relation((store["store_id"], store["country"]) for store in shop.stores)
    read = sensors.write(connection, stores, first, out / _READINGS, seed=plan.seed)
    return made, read


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return len(rows)


def invent_customers(plan: Plan) -> customers.CustomerLog:
    """Invent the people; one id in twenty is another spelling of somebody who has one already."""
    rng = random.Random(f"customers/{plan.seed}")  # noqa: S311  invented data
    pool = [contact for n in range(300) if (contact := invent(f"pool/{plan.seed}/{n}")).country == "US"]
    log = customers.CustomerLog()
    people: list[Contact] = []
    first = datetime(plan.start.year - 1, 1, 1)
    for number in range(plan.customers):
        name = f"C{number + 1:07d}"
        is_new = number < plan.customers * 0.95
        who = number if is_new else rng.randrange(len(people))
        contact = _person(pool, rng) if is_new else respell(people[who], rng)
        if is_new:
            people.append(contact)
        joined = first + timedelta(seconds=rng.randrange(300 * 86_400))
        log.entries.append(customers.Entry(name, str(joined), contact, False, 0))
        log.truth.append((name, f"P{who + 1:07d}"))
        if rng.random() < 0.03:
            when = datetime.combine(plan.start, datetime.min.time()) + timedelta(
                hours=rng.randrange(plan.days * 24)
            )
            moved = replace(contact, **_place(move(rng.choice(pool), f"move/{plan.seed}/{number}")))
            log.entries.append(customers.Entry(name, str(when), moved, False, 0))
            log.moves += 1
    return log


def _person(pool: list[Contact], rng: random.Random) -> Contact:
    """Put a person together from the names and places of others, which is faster than inventing each."""
    first, last = rng.choice(pool).first_name, rng.choice(pool).last_name
    place = rng.choice(pool)
    street = re.sub(r"^\d+", str(rng.randrange(1, 10_000)), rng.choice(pool).street)
    return Contact(
        first, last, new_email(first, last, rng), new_phone("US", rng), street, place.city, place.state,
        place.postal_code, "US",
    )  # fmt: skip


def _place(contact: Contact) -> dict[str, str]:
    names = ("street", "city", "state", "postal_code", "country")
    return {name: getattr(contact, name) for name in names}
