"""An invented retailer: its departments, products, stores and days, as tables from which sales are drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

import duckdb

SLOTS = 20_000
"""Draws with weights: each table has this many slots, and what is likelier has more of them."""

# Name, share of the assortment, typical price, sold by weight, categories.
_DEPARTMENTS = (
    ("GROCERY", 26, 3.2, False, ("Pasta and rice", "Canned food", "Baking", "Breakfast")),
    ("PRODUCE", 14, 2.4, True, ("Fruit", "Vegetables", "Salads")),
    ("DAIRY", 12, 2.9, False, ("Milk", "Cheese", "Yoghurt")),
    ("MEAT", 9, 9.5, True, ("Beef", "Poultry", "Pork")),
    ("BAKERY", 8, 3.1, False, ("Bread", "Pastry")),
    ("FROZEN", 8, 4.6, False, ("Ready meals", "Ice cream", "Frozen vegetables")),
    ("BEVERAGES", 9, 3.9, False, ("Juice", "Soft drinks", "Coffee and tea")),
    ("HOUSEHOLD", 6, 6.8, False, ("Cleaning", "Paper goods")),
    ("PERSONAL CARE", 5, 5.9, False, ("Hair care", "Oral care")),
    ("PET CARE", 3, 8.4, False, ("Cat food", "Dog food")),
)
_SHARES = tuple(accumulate(share for _, share, *_ in _DEPARTMENTS))
_WEEKDAYS = (0.85, 0.80, 0.86, 0.95, 1.25, 1.50, 0.79)
_CURRENCY = {3: ("GBP", "GB"), 7: ("CAD", "CA"), 5: ("EUR", "DE")}
_BRANDS = ("Alder", "Brook", "Cove", "Dune", "Elm", "Fjord", "Grove", "House brand")


@dataclass(frozen=True)
class Plan:
    """How much to draw, from what; the same plan always gives the same sales.

    A receipt has 1 + floor(x) lines, where x is exponential with the mean ``receipt_scale``, and 40 at
    most. A spike is a store's day with ``spike_factor`` times its usual sales. ``fraud_share`` is about the part of the
    receipts that are fraud.
    """

    rows: int
    seed: int
    bad: int
    repeats: int
    end: date
    days: int
    stores: int
    products: int
    customers: int
    spikes: int
    outages: int
    spike_factor: float = 8.0
    receipt_scale: float = 6.0
    fraud_share: float = 0.0

    @property
    def start(self) -> date:
        """First day of sales."""
        return self.end - timedelta(days=self.days - 1)


@dataclass(frozen=True)
class Anomaly:
    """Something planted: a store's day with ``factor`` times its sales, or a department's days without."""

    kind: str
    days: tuple[int, ...]
    store: int | None = None
    department: str | None = None
    factor: float = 0.0


@dataclass(frozen=True)
class Shop:
    """The retailer as rows, ready to be written or drawn from."""

    products: list[dict[str, Any]]
    stores: list[dict[str, Any]]
    day_weights: list[float]
    store_weights: list[float]
    anomalies: list[Anomaly]


def invent_shop(plan: Plan) -> Shop:
    """Draw a retailer for a plan."""
    rng = random.Random(f"shop/{plan.seed}/{plan.products}/{plan.stores}")  # noqa: S311  invented data
    products = [_product(number, rng) for number in range(plan.products)]
    stores = [_store(number, rng) for number in range(plan.stores)]
    return Shop(
        products, stores, _day_weights(plan, rng), [1 / (number + 3) for number in range(plan.stores)],
        _anomalies(plan, rng),
    )  # fmt: skip


def _product(number: int, rng: random.Random) -> dict[str, Any]:
    # The products that sell most come first; each department has its share among them.
    at = (
        number
        if number < len(_DEPARTMENTS)
        else rng.choices(range(len(_DEPARTMENTS)), cum_weights=_SHARES)[0]
    )
    department, _, price, by_weight, categories = _DEPARTMENTS[at]
    category, brand = rng.choice(categories), rng.choice(_BRANDS)
    cents = max(19, round(100 * price * rng.lognormvariate(0, 0.5)) // 10 * 10 - 1)
    return {
        "idx": number, "product_id": f"P{number + 1:06d}", "cents": cents, "by_weight": by_weight,
        "description": f"{brand} {category} {number + 1}", "brand": brand, "department": department,
        "category": category,
        "package_size": "per kg" if by_weight else f"{rng.choice((100, 250, 500, 750, 1000))} g",
    }  # fmt: skip


def _store(number: int, rng: random.Random) -> dict[str, Any]:
    currency, country = _CURRENCY.get(number % 12, ("USD", "US"))
    return {
        "idx": number, "store_id": f"S{number + 1:04d}", "currency": currency, "country": country,
        "price_factor": rng.choice((0.97, 1.0, 1.0, 1.0, 1.03)),
    }  # fmt: skip


def _day_weights(plan: Plan, rng: random.Random) -> list[float]:
    weights = []
    for number in range(plan.days):
        day = plan.start + timedelta(days=number)
        trend = 0.95 + 0.1 * number / max(plan.days - 1, 1)
        season = 1.25 if day.month == 12 and day.day <= 24 else 1.0
        weights.append(_WEEKDAYS[day.weekday()] * trend * season * rng.uniform(0.96, 1.04))
    return weights


def _anomalies(plan: Plan, rng: random.Random) -> list[Anomaly]:
    """Spread the anomalies over the days after the first four weeks, no two on one day."""
    free = list(range(min(28, plan.days // 2), plan.days - 3))
    found = []
    for number in range(plan.spikes):
        if not free:
            break
        day = rng.choice(free)
        free = [other for other in free if abs(other - day) > 3]
        found.append(Anomaly("store_day_spike", (day,), store=number % plan.stores, factor=plan.spike_factor))
    for number in range(plan.outages):
        if not free:
            break
        day = rng.choice(free)
        free = [other for other in free if abs(other - day) > 3]
        length = 2 if plan.days > 90 else 1
        days = tuple(range(day, day + length))
        found.append(Anomaly("department_outage", days, department=_DEPARTMENTS[number % 3][0]))
    return found


def load(connection: duckdb.DuckDBPyConnection, plan: Plan, shop: Shop) -> None:
    """Make the tables that sales are drawn from: day_slot, store_slot, product, store, spike and outage_day.

    ``product`` has each product once for ``outage`` 0, which is a normal day, and once more for each outage:
    what is sold instead while a department is out.
    """
    outages = [item for item in shop.anomalies if item.department]
    names = {
        "idx": "BIGINT",
        "product_id": "VARCHAR",
        "cents": "BIGINT",
        "by_weight": "BOOLEAN",
        "department": "VARCHAR",
    }
    make(connection, "listed", names, {name: [product[name] for product in shop.products] for name in names})
    connection.execute("CREATE TABLE product AS SELECT *, 0 AS outage FROM listed")
    for number, item in enumerate(outages, 1):
        instead = [product["idx"] for product in shop.products if product["department"] != item.department]
        sold = [
            instead[product["idx"] % len(instead)]
            if product["department"] == item.department and instead
            else product["idx"]
            for product in shop.products
        ]
        make(
            connection,
            "sold",
            {"idx": "BIGINT", "sold": "BIGINT"},
            {"idx": list(range(len(sold))), "sold": sold},
        )
        connection.execute(
            f"INSERT INTO product SELECT sold.idx, listed.* EXCLUDE (idx), {number} FROM sold JOIN listed ON listed.idx = sold"
        )
    stores = {"idx": "BIGINT", "store_id": "VARCHAR", "currency": "VARCHAR", "price_factor": "DOUBLE"}
    make(connection, "store", stores, {name: [store[name] for store in shop.stores] for name in stores})
    for name, weights in (("day_slot", shop.day_weights), ("store_slot", shop.store_weights)):
        drawn = _slots(weights)
        make(
            connection,
            name,
            {"slot": "BIGINT", "drawn": "BIGINT"},
            {"slot": list(range(SLOTS)), "drawn": drawn},
        )
    ranges = {"low": "DOUBLE", "high": "DOUBLE", "store": "BIGINT", "day": "BIGINT"}
    make(connection, "spike", ranges, _spikes(shop))
    out_days = [(day, number) for number, item in enumerate(outages, 1) for day in item.days]
    columns = {"day": [day for day, _ in out_days], "outage": [number for _, number in out_days]}
    make(connection, "outage_day", dict.fromkeys(columns, "BIGINT"), columns)


def make(
    connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str], columns: dict[str, list[Any]]
) -> None:
    """Make a table of equally long lists; by way of Arrow they would load pandas, which takes longer than the rest."""
    picked = ", ".join(f"unnest(CAST(${name} AS {kind}[])) AS {name}" for name, kind in types.items())
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {picked}", columns)


def _slots(weights: list[float]) -> list[int]:
    total, reached, at = sum(weights), 0.0, 0
    drawn: list[int] = []
    for number, weight in enumerate(weights):
        reached += weight
        until = SLOTS if number == len(weights) - 1 else round(SLOTS * reached / total)
        drawn += [number] * (until - at)
        at = until
    return drawn


def _spikes(shop: Shop) -> dict[str, list[float]]:
    """Give each spike the range of draws, between 0 and 1, whose receipts go to its store and day."""
    days, stores = sum(shop.day_weights), sum(shop.store_weights)
    rows: dict[str, list[float]] = {"low": [], "high": [], "store": [], "day": []}
    reached = 0.0
    for item in shop.anomalies:
        if item.store is not None:
            share = shop.day_weights[item.days[0]] / days * shop.store_weights[item.store] / stores
            rows["low"].append(reached)
            reached += share * (item.factor - 1)
            rows["high"].append(reached)
            rows["store"].append(item.store)
            rows["day"].append(item.days[0])
    return rows
