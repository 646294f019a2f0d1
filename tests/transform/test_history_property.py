"""Any change log in any order of arrival, against a reference that walks it entry by entry.

The statements are those that dbt made of the models, run on a database of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform.conftest import Built
from tests.transform.landing import rows
from workbench.schema import create_schemas, create_table, table

START = datetime(2017, 1, 1)
OPEN = datetime(9999, 12, 31)
ALWAYS = datetime(1900, 1, 1)


@dataclass(frozen=True)
class Entry:
    """One entry of a change log; ``hour`` is when the change was made."""

    customer: str
    hour: int
    name: str | None
    city: str | None
    deleted: bool | None


@dataclass(frozen=True)
class Version:
    """What an entry becomes."""

    customer: str
    name: str | None
    city: str | None
    begins: datetime
    ends: datetime


def reference(batches: list[list[Entry]]) -> list[Version]:
    """Walk the log: the last landed of each key and time, in the order of time."""
    log: dict[tuple[str, int], Entry] = {}
    for batch in batches:
        for entry in batch:
            log[entry.customer, entry.hour] = entry
    versions: list[Version] = []
    for customer in sorted({entry.customer for entry in log.values()}):
        held: tuple[str | None, str | None, datetime] | None = None
        for (_, hour), entry in sorted(
            (item for item in log.items() if item[0][0] == customer), key=lambda i: i[0]
        ):
            now = START + timedelta(hours=hour)
            if held and (entry.deleted or (entry.name, entry.city) != held[:2]):
                versions.append(Version(customer, *held, now))
                held = None
            if not entry.deleted and held is None:
                held = (entry.name, entry.city, now)
        if held:
            versions.append(Version(customer, *held, OPEN))
    return versions


def version_at(versions: list[Version], customer: str, moment: datetime) -> datetime:
    """Return when the version began that a fact of that moment points to."""
    own = [version.begins for version in versions if version.customer == customer]
    return max((begins for begins in own if begins <= moment), default=min(own, default=ALWAYS))


class Log:
    """A database with the declared tables, and the models' statements."""

    def __init__(self, built: Built) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("ATTACH ':memory:' AS warehouse; USE warehouse; SET threads = 1")
        for statement in create_schemas():
            self.connection.execute(statement)
        for name in (
            "raw.customers", "raw.transactions", "raw.events", "raw.measurements", "raw.exchange_rates",
            "staging.customer_identity", "staging.customer_standard", "staging.touched", "ops.watermarks",
            "core.dim_customer", "core.dim_product", "core.dim_store", "core.fact_transactions",
        ):  # fmt: skip
            self.connection.execute(create_table(table(name))[0])
        self._compiled = built.compiled

    def versions(self, batches: list[list[Entry]], sales: list[tuple[str, int]]) -> list[Version]:
        """Return the dimension's versions of a log that arrived in these batches."""
        for name in ("raw.customers", "raw.transactions", "core.dim_customer"):
            self.connection.execute(f"DELETE FROM {name}")
        for number, batch in enumerate(batches):
            values = [
                {
                    "customer_id": entry.customer,
                    "updated_at": str(START + timedelta(hours=entry.hour)),
                    "first_name": entry.name,
                    "city": entry.city,
                    "is_deleted": entry.deleted,
                }
                for entry in batch
            ]
            self._insert("customers", number, values)
        self._insert(
            "transactions", 0,
            [
                {"transaction_id": str(n), "line_number": "1", "customer_id": customer, "product_id": "P",
                 "transaction_timestamp": str(START + timedelta(minutes=minute)), "store_id": "S", "quantity": "1",
                 "unit_price": "1", "currency": "USD"}
                for n, (customer, minute) in enumerate(sales)
            ],
        )  # fmt: skip
        self._take("touched_dim_customer")
        self.connection.execute(f"INSERT INTO core.dim_customer {self._compiled('dim_customer')}")
        return [
            Version(*row)
            for row in self.connection.execute(
                "SELECT customer_id, first_name, city, valid_from, valid_to FROM core.dim_customer "
                "WHERE NOT is_inferred ORDER BY customer_id, valid_from"
            ).fetchall()
        ]

    def sold_to(self) -> list[datetime]:
        """Return, for each sale, when the version of its customer began."""
        self._take("touched_fact_transactions")
        self._take("conversion_rates")
        facts = self._compiled("fact_transactions")
        return [
            begins
            for (begins,) in self.connection.execute(
                f"SELECT d.valid_from FROM ({facts}) AS f JOIN core.dim_customer AS d USING (customer_key) "
                "ORDER BY f.transaction_id::INTEGER"
            ).fetchall()
        ]

    def _take(self, step: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TABLE staging.{step} AS {self._compiled(step)}")

    def _insert(self, dataset: str, number: int, values: list[dict[str, object]]) -> None:
        batch = rows(dataset, number, values)
        self.connection.register("batch", batch)
        self.connection.execute(f"INSERT INTO raw.{dataset} SELECT * FROM batch")
        self.connection.unregister("batch")


@pytest.fixture(scope="module")
def log(built: Built) -> Iterator[Log]:
    """The statements, ready to be tried."""
    log = Log(built)
    yield log
    log.connection.close()


customers = st.sampled_from(["a", "b"])
values = st.sampled_from([None, "x", "y"])
entries = st.builds(Entry, customers, st.integers(0, 6), values, values, st.sampled_from([None, False, True]))
deliveries = st.lists(st.lists(entries, max_size=6), max_size=4)
moments = st.one_of(st.integers(-60, 420), st.integers(-1, 7).map(lambda hour: hour * 60))
quickly = settings(max_examples=int(os.environ.get("WORKBENCH_SEQUENCES", "20")))


@quickly
@given(batches=deliveries)
def test_any_log_becomes_the_versions_of_the_reference(log: Log, batches: list[list[Entry]]) -> None:
    assert log.versions(batches, []) == reference(batches)


@quickly
@given(
    batch=st.lists(entries, max_size=8, unique_by=lambda entry: (entry.customer, entry.hour)), data=st.data()
)
def test_the_order_of_arrival_changes_nothing(log: Log, batch: list[Entry], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(batch))
    assert log.versions([[entry] for entry in shuffled], []) == log.versions([batch], [])


@quickly
@given(batches=deliveries, sales=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), moments), max_size=8))
def test_every_sale_finds_the_version_of_its_time(
    log: Log, batches: list[list[Entry]], sales: list[tuple[str, int]]
) -> None:
    versions = log.versions(batches, sales)
    expected = [
        version_at(versions, customer, START + timedelta(minutes=minute)) for customer, minute in sales
    ]
    assert log.sold_to() == expected
