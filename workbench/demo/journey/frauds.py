"""Frauds planted into the demo's sales, and what investigators said of them: the dataset ``fraud_labels``.

Two kinds, after the rules of :mod:`workbench.anomaly.fraud.simulator`. A card that was stolen buys what others bought,
in stores all over the country, for some days: these receipts are added to those of the source. At a till that was
tampered with, half of four weeks' receipts are fraud: these are receipts of the source, unchanged.
"""

from __future__ import annotations

import csv
import random
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

FIRST_ADDED = 90_000_000_000
"""Receipts that were added have numbers from here on; those of the source have lower ones."""

STOLEN_CARD, TAMPERED_TILL = "stolen card", "tampered till"

_SEED = "complete journey/frauds"
_CARD_DAYS, _TILL_DAYS = 14, 28
_VICTIMS_A_DAY, _TILLS_A_DAY = 0.45, 0.03
_WORTH = (6_000, 20_000)
_BUSY = 2.5
_LATE = 0.03
_CLEARED_A_DAY = 0.8


@dataclass(frozen=True)
class Fraud:
    """A receipt that is fraud, when it was sold, and of which kind it is."""

    transaction_id: int
    sold_at: datetime
    kind: str


@dataclass(frozen=True)
class Receipt:
    """A receipt of the source; ``cents`` is what was paid."""

    basket: int
    household: int
    store: int
    cents: int
    sold_at: datetime


def plant(connection: duckdb.DuckDBPyConnection) -> list[Fraud]:
    """Add the receipts of stolen cards to table ``sold``, and say which receipts are fraud, in the order of time."""
    rows = connection.execute(
        "SELECT basket_id, any_value(household_id), any_value(store_id), sum(sales_cents), "
        "min(transaction_timestamp) AS sold_at FROM sold GROUP BY basket_id ORDER BY sold_at, basket_id"
    ).fetchall()
    receipts = [Receipt(*row) for row in rows]
    if not receipts:
        return []
    first = receipts[0].sold_at.replace(hour=0, minute=0, second=0)
    days = (receipts[-1].sold_at - first).days + 1
    rng = random.Random(_SEED)  # noqa: S311  invented data, nothing secret
    added, stolen = _stolen_cards(receipts, first, days, rng)
    if added:
        connection.execute(
            "CREATE TABLE added (copied BIGINT, basket BIGINT, household BIGINT, sold_at TIMESTAMP)"
        )
        connection.execute(
            "INSERT INTO added SELECT unnest(?), unnest(?), unnest(?), unnest(?)", _columns(added)
        )
        connection.execute(
            "INSERT INTO sold SELECT household, store_id, basket, product_id, quantity, added.sold_at, sales_cents, "
            "discount_cents FROM sold JOIN added ON copied = basket_id WHERE quantity > 0"
        )
    frauds = stolen + _tampered_tills(receipts, first, days, rng)
    return sorted(frauds, key=lambda fraud: (fraud.sold_at, fraud.transaction_id))


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _stolen_cards(
    receipts: list[Receipt], first: datetime, days: int, rng: random.Random
) -> tuple[list[tuple[Any, ...]], list[Fraud]]:
    """Choose who loses a card and when; each receipt to add copies a large one that was sold shortly before it."""
    households = sorted({receipt.household for receipt in receipts})
    large = [receipt for receipt in receipts if _WORTH[0] <= receipt.cents <= _WORTH[1]]
    times = [receipt.sold_at for receipt in large]
    end = first + timedelta(days=days)
    added: list[tuple[Any, ...]] = []
    frauds = []
    for _ in range(round(_VICTIMS_A_DAY * days)):
        victim = rng.choice(households)
        begins = first + timedelta(days=rng.uniform(1, days))
        for _ in range(rng.randint(2, 6)):
            day = begins + timedelta(days=rng.randrange(_CARD_DAYS))
            when = day.replace(hour=rng.randrange(7, 23), minute=rng.randrange(60), second=0, microsecond=0)
            copied = large[bisect_left(times, when - timedelta(days=7)) : bisect_left(times, when)]
            if when >= end or not copied:
                continue
            number = FIRST_ADDED + len(added)
            added.append((rng.choice(copied).basket, number, victim, when))
            frauds.append(Fraud(number, when, STOLEN_CARD))
    return added, frauds


def _tampered_tills(receipts: list[Receipt], first: datetime, days: int, rng: random.Random) -> list[Fraud]:
    """Choose stores that sell some receipts a day, and half of what each sells in four weeks."""
    by_store: dict[int, list[Receipt]] = {}
    for receipt in receipts:
        by_store.setdefault(receipt.store, []).append(receipt)
    busy = sorted(store for store, own in by_store.items() if len(own) >= _BUSY * days)
    frauds = []
    for store in rng.sample(busy, min(len(busy), round(_TILLS_A_DAY * days))):
        begins = first + timedelta(days=rng.uniform(0, days))
        ends = begins + timedelta(days=_TILL_DAYS)
        frauds += [
            Fraud(receipt.basket, receipt.sold_at, TAMPERED_TILL)
            for receipt in by_store[store]
            if begins <= receipt.sold_at < ends and rng.random() < 0.5
        ]
    return frauds


def write(frauds: list[Fraud], connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Write what investigators said, as CSV: of every fraud within a week or, rarely, later; of a few others that
    they are none.

    Returns:
        The number of rows.
    """
    rng = random.Random(f"{_SEED}/verdicts")  # noqa: S311  invented data, nothing secret
    known = {fraud.transaction_id for fraud in frauds}
    rows = []
    for fraud in frauds:
        late = rng.random() < _LATE
        days = rng.uniform(7, 21) if late else rng.uniform(0.5, 6.9)
        rows.append((fraud.sold_at + timedelta(days=days), fraud.transaction_id, True))
    others = [
        row
        for row in connection.execute(
            "SELECT basket_id, min(transaction_timestamp) AS sold_at FROM sold GROUP BY basket_id "
            "HAVING sum(sales_cents) >= ? ORDER BY sold_at, basket_id", [_WORTH[0]],
        ).fetchall()
        if row[0] not in known
    ]  # fmt: skip
    if others:
        days = (others[-1][1] - others[0][1]).days + 1
        for basket, sold_at in rng.sample(others, min(len(others), round(_CLEARED_A_DAY * days))):
            rows.append((sold_at + timedelta(days=rng.uniform(0.2, 3)), basket, False))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("transaction_id", "is_fraud", "labelled_at"))
        for told_at, transaction, is_fraud in sorted(rows):
            writer.writerow((transaction, str(is_fraud).lower(), told_at.isoformat(" ", "seconds")))
    return len(rows)


def write_truth(frauds: list[Fraud], path: Path) -> None:
    """Write which receipt is fraud of which kind."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("transaction_id", "kind"))
        writer.writerows((fraud.transaction_id, fraud.kind) for fraud in frauds)
