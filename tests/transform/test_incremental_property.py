"""Whatever lands, in whatever order: tables that were brought up to date equal those built whole, row for row.

Parts of the project are built in between, some builds are broken off, and rows land while others are built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.transform.conftest import Built
from tests.transform.deliveries import DAYS, FIRST, new_receipts, steps
from tests.transform.landing import land
from tests.transform.sequences import Database, Killed, Stopped, apply, differences
from workbench.governance.accounts import lines_of
from workbench.settings import get_settings
from workbench.transform import MODELS, TAGS
from workbench.transform.build import of_parts
from workbench.transform.compiled import Project
from workbench.transform.days import Days
from workbench.transform.executor import Build
from workbench.transform.nodes import Node
from workbench.warehouse import Warehouse

EXAMPLES = int(os.environ.get("WORKBENCH_SEQUENCES", "25"))
"""How many sequences of deliveries are tried; `make soak` tries 200."""


@pytest.fixture(scope="module")
def database(built: Built) -> Iterator[Database]:
    """One database for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(built.home))
        nodes, _ = Project(get_settings(), built.warehouse).statements()
    place = Database(nodes)
    yield place
    place.connection.close()


@settings(max_examples=EXAMPLES)
@given(sequence=st.lists(steps, min_size=1, max_size=9))
@example(sequence=[("move", 4), ("build", ["products", "marts"])])
def test_what_is_brought_up_to_date_equals_what_is_built_whole(
    database: Database, sequence: list[tuple[str, Any]]
) -> None:
    database.start_again()
    for what, value in sequence:
        apply(database, what, value)
        database.account()
    database.build()
    database.account()
    assert not any(each.waiting for each in lines_of(database.connection))
    brought = database.content()
    database.build(full=True)
    database.account()
    assert differences(brought, database.content()) == {}


def test_an_earlier_version_that_comes_late_is_found_by_the_sales_of_its_time(database: Database) -> None:
    database.start_again()
    for at, name in (("2017-07-04 09:00:00", "Bob"), ("2017-06-28 09:00:00", "Ann")):
        database.land("stores", [{"store_id": "S2", "updated_at": at, "name": name}])
        database.build()
    brought = database.content()
    database.build(full=True)
    assert differences(brought, database.content()) == {}


class Cluster(Database):
    """The same on a local Redshift."""

    def __init__(self, nodes: Sequence[Node], warehouse: Warehouse) -> None:
        self.nodes, self.batch, self.warehouse = nodes, 0, warehouse
        for dataset, values in FIRST.items():
            self.land(dataset, values)
        self.build()

    def build(
        self,
        tags: Sequence[str] = (),
        *,
        full: bool = False,
        stop: int | None = None,
        days: Days | None = None,
    ) -> None:
        """Build parts of the project; with ``stop``, break off at a statement that writes, as a kill does."""
        wanted = of_parts(self.nodes, tags or TAGS)

        def work(session: Any) -> None:
            stopped = Stopped(session, stop) if stop else session
            results = Build(stopped, self.nodes, "run", analyze=True).execute(wanted, full=full, days=days)
            assert [(result.name, result.failures) for result in results if result.status != "pass"] == []

        with suppress(Killed):
            self.warehouse.run(work)

    def land(self, dataset: str, values: list[dict[str, Any]]) -> None:
        """Take in a batch."""
        self.batch += 1
        land(self.warehouse, dataset, self.batch, *values)

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        self.warehouse.execute(sql, values)

    def content(self) -> dict[str, list[Any]]:
        """Return all rows of the tables that are built."""
        return {
            each.full_name: sorted(
                self.warehouse.query(f"SELECT * FROM {each.full_name}", unload=False).to_pylist(), key=repr
            )
            for each in MODELS.values()
        }


@pytest.mark.soak
def test_so_it_is_on_redshift(redshift_warehouse: Warehouse) -> None:
    nodes, _ = Project(get_settings(), redshift_warehouse).statements()
    database = Cluster(nodes, redshift_warehouse)
    land_and_build = [
        ("transactions", [FIRST["transactions"][0] | {"product_id": "P3", "customer_id": "C4"}]),
        ("customers", [{"customer_id": "C3", "updated_at": str(DAYS[1]), "first_name": "Bob"}]),
        ("people", {"C1": "C2"}),
        ("break off", 9),
        ("products", [{"product_id": "P1", "updated_at": str(DAYS[2]), "is_deleted": True}]),
        ("exchange_rates", [{"rate_date": str(DAYS[3].date()), "currency": "USD", "units_per_eur": "0.8"}]),
        ("build", ["products"]),
        ("days", [DAYS[1], DAYS[4]]),
        ("departments", {"P2": "Food"}),
        ("transactions", [FIRST["transactions"][0] | {"transaction_timestamp": str(DAYS[5])}]),
        ("stores", [{"store_id": "S2", "updated_at": str(DAYS[2]), "name": "Bob"}]),
        (
            "transactions",
            [
                FIRST["transactions"][0]
                | {
                    "transaction_id": f"T{n}",
                    "quantity": "-1",
                    "original_transaction_id": named,
                    "_has_zone": n == 8,
                }
                for n, named in ((7, None), (8, "T1"), (9, "T10"))
            ],
        ),
        ("build", []),
        (
            "stores",
            [{"store_id": "S1", "updated_at": str(DAYS[3]), "time_zone": "Asia/Tokyo", "day_starts": "4"}],
        ),
        (
            "transactions",
            [
                FIRST["transactions"][0] | {"transaction_id": "T10"},
                FIRST["transactions"][1] | {"line_status": "cancelled"},
            ],
        ),
        (
            "events",
            [{"event_id": "E1", "event_timestamp": str(DAYS[2]), "event_type": "view", "customer_id": "C5"}],
        ),
    ]
    for what, value in land_and_build:
        apply(database, what, value)
    database.build()
    brought = database.content()
    database.build(full=True)
    assert differences(brought, database.content()) == {}


def test_what_receipts_add_that_nobody_knew_is_added(database: Database) -> None:
    def sold(receipt: str, customer: str | None, product: str = "P1", line: str = "1") -> dict[str, Any]:
        return {
            "transaction_id": receipt, "line_number": line, "transaction_timestamp": str(DAYS[1]), "customer_id": customer,
            "product_id": product, "store_id": "S1", "quantity": "2", "unit_price": "5", "currency": "USD",
        }  # fmt: skip

    def told(lines: list[dict[str, Any]]) -> set[tuple[str, str]]:
        """Build sales of some lines, return what the marts are told, and hold these to whole ones."""
        database.land("transactions", lines)
        database.build(["transactions"])
        found = database.connection.execute(
            "SELECT DISTINCT kind, member FROM staging.touched WHERE model IN ('sales_monthly', 'product_totals')"
        ).fetchall()
        database.build(["marts"])
        brought = database.content()
        database.build(full=True)
        assert differences(brought, database.content()) == {}
        return set(found)

    database.start_again()
    # One who bought of it that day before, one twice who didn't, one whom nobody knows.
    landed = [
        sold("N1", "C1"),
        sold("N2", "C2"),
        sold("N3", "C2"),
        sold("N4", None),
        sold("N4", "C3", "P2", "2"),
    ]
    assert told(landed) == {("new", f"N{n}") for n in range(1, 5)}
    # More of a receipt that is known, beside one that isn't; then one that moves as a whole.
    day = ("day", str(DAYS[1].date()))
    assert told([sold("N1", "C3", "P2", "9"), sold("N5", "C1")]) == {("new", "N5"), day, ("products", "P2")}
    moved = sold("N5", "C1") | {"transaction_timestamp": str(DAYS[4])}
    assert told([moved]) == {day, ("day", str(DAYS[4].date())), ("products", "P1")}


def test_what_was_bought_is_matched_for_those_who_brought_it_back_and_no_others(database: Database) -> None:
    def moved(receipt: str, customer: str, product: str, quantity: str, day: int) -> dict[str, Any]:
        return {
            "transaction_id": receipt, "line_number": "1", "transaction_timestamp": str(DAYS[day]), "customer_id": customer,
            "product_id": product, "store_id": "S1", "quantity": quantity, "unit_price": "5", "currency": "USD",
        }  # fmt: skip

    def matched(lines: list[dict[str, Any]]) -> tuple[set[str], list[tuple[str, str]]]:
        """Build some lines; return the customers worked out anew, and which returns are matched to which sales."""
        database.land("transactions", lines)
        database.build(["transactions"])
        (step,) = [node for node in database.nodes if node.name == "touched_purchase_matches"]
        customers = {row[0] for row in database.connection.execute(step.sql).fetchall()}
        database.build(["marts"])
        brought = database.content()
        database.build(full=True)
        assert differences(brought, database.content()) == {}
        query = (
            "SELECT transaction_id, sale_transaction_id FROM staging.purchase_matches WHERE quantity > 0 "
            "AND transaction_id LIKE 'B%' ORDER BY ALL"
        )
        return customers, database.connection.execute(query).fetchall()

    database.start_again()
    assert matched([moved("B1", "C1", "P1", "-1", 3), moved("B2", "C2", "P2", "-1", 3)]) == ({"C1", "C2"}, [])
    # Only one of them is of what its customer brought back.
    sales = [
        moved("S1", "C1", "P1", "1", 2),
        moved("S2", "C1", "P2", "1", 2),
        moved("S3", "C2", "P1", "1", 2),
        moved("S4", "C3", "P2", "1", 2),
    ]
    assert matched(sales) == ({"C1"}, [("B1", "S1")])
    assert matched([moved("S4", "C2", "P2", "1", 2)]) == ({"C2"}, [("B1", "S1"), ("B2", "S4")])
    # A sale that is corrected to be somebody else's is nobody's any more.
    assert matched([moved("S4", "C3", "P2", "1", 2)]) == ({"C2"}, [("B1", "S1")])


@settings(max_examples=EXAMPLES)
@given(
    arrivals=st.lists(st.lists(new_receipts, min_size=1, max_size=8), min_size=1, max_size=3),
    corrects=st.booleans(),
)
def test_whatever_receipts_add_that_nobody_knew_is_added(
    database: Database, arrivals: list[list[dict[str, Any]]], corrects: bool
) -> None:
    database.start_again()
    for number, lines in enumerate(arrivals):
        # Of each arrival the receipts are others, but that the last may correct one before.
        of = number - (corrects and number == len(arrivals) - 1 and len(lines) < 3)
        database.land(
            "transactions", [line | {"transaction_id": f"{line['transaction_id']}.{of}"} for line in lines]
        )
        database.build()
    brought = database.content()
    database.build(full=True)
    assert differences(brought, database.content()) == {}
