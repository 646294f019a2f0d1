"""The change log of the demo's stores: ids from the Complete Journey, names and addresses invented."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from workbench.demo.journey.contacts import address

COLUMNS = ("store_id", "updated_at", "name", "street", "city", "state", "postal_code", "country")
_OPENED = datetime(2016, 12, 31)
_SEED = "complete journey"
# Two dozen of the 90 busiest stores: each sells on nearly every day.
_ABROAD = {
    "GB": ("en_GB", "GBP", (356, 361, 446, 412, 315, 408, 289, 346, 318, 333)),
    "CA": ("en_CA", "CAD", (343, 329, 438, 369, 296, 334)),
    "DE": ("de_DE", "EUR", (381, 391, 364, 375)),
    "FR": ("fr_FR", "EUR", (310, 311, 402, 321)),
}
_KINDS = {"US": "Market", "CA": "Foods", "GB": "Stores", "DE": "Markt", "FR": "Marché"}


def currencies() -> dict[int, str]:
    """Return the stores that don't sell in US dollars, each with its currency."""
    return {store: currency for _, currency, stores in _ABROAD.values() for store in stores}


def country(store: int) -> tuple[str, str]:
    """Return a store's country and the Faker locale of its address."""
    for code, (locale, _, stores) in _ABROAD.items():
        if store in stores:
            return code, locale
    return "US", "en_US"


def write(path: Path, stores: Sequence[int]) -> int:
    """Write the change log of these stores as CSV: one entry each, and a few renamed in 2017.

    Returns:
        The number of rows.
    """
    rows = sorted((row for store in sorted(stores) for row in _log(store)), key=_updated_at)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return len(rows)


def _updated_at(row: tuple[str, ...]) -> str:
    return row[1]


def _log(store: int) -> list[tuple[str, ...]]:
    rng = random.Random(f"{_SEED}/store/{store}")  # noqa: S311  invented data, nothing secret
    code, locale = country(store)
    place = address(locale, rng)
    name = f"{place['city']} {_KINDS[code]} {store}"
    log: list[tuple[str, ...]] = [(str(store), _OPENED.isoformat(sep=" "), name, *place.values())]
    if store % 60 == 1:
        renamed = _OPENED + timedelta(days=rng.randrange(60, 300), hours=6)
        log.append(
            (str(store), renamed.isoformat(sep=" "), f"{place['city']} Fresh {store}", *place.values())
        )
    return log
