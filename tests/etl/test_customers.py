"""Customers: standard form from the change log, and which ids are one person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from workbench import transform
from workbench.errors import UsageError
from workbench.etl.customers import before_and_after, duplicates, identify_people, standardize_customers
from workbench.etl.linkage.decisions import decide, decisions, to_review
from workbench.schema import dataset
from workbench.warehouse import Warehouse

ANN = {
    "first_name": "Ann", "last_name": "Leclerc", "email": "ann.leclerc@example.com", "phone": "(212) 555-0142",
    "street": "12 Oak Street", "city": "Albany", "state": "NY", "postal_code": "12201", "country": "US",
}  # fmt: skip


def entry(customer_id: str, day: int = 1, batch: int = 1, row: int = 1, **details: Any) -> dict[str, Any]:
    """A change-log entry of a day in January; details that aren't given are missing."""
    return {
        "customer_id": customer_id, "updated_at": datetime(2024, 1, day), **details, "_batch_id": f"batch {batch}",
        "_row_number": row, "_ingested_at": datetime(2024, 2, batch),
    }  # fmt: skip


def people_of(warehouse: Warehouse, *entries: dict[str, Any]) -> dict[str, str]:
    """Take the entries through the workflow; return the person of each customer id."""
    warehouse.append("raw.customers", pd.DataFrame(entries, columns=list(dataset("customers").column_names)))
    standardize_customers(warehouse)
    identify_people(warehouse)
    rows = warehouse.query("SELECT customer_id, person_id FROM staging.customer_identity").to_pylist()
    return {row["customer_id"]: row["person_id"] for row in rows}


def test_one_person_written_in_two_ways_is_found(warehouse: Warehouse) -> None:
    again = {
        "first_name": "ANN", "last_name": "LECLREC", "email": "ANN.LECLERC@EXAMPLE.COM", "phone": "212.555.0142",
        "street": "12 OAK ST", "postal_code": "12201-4321", "country": "United States",
    }  # fmt: skip
    found = people_of(warehouse, entry("20", **ANN), entry("3", **again))
    assert found == {"20": "20", "3": "20"}
    shown = duplicates(warehouse)
    assert list(shown["customer_id"]) == ["20", "3"]
    assert shown["match_probability"].min() > 0.95


def test_a_nickname_at_the_same_address_is_the_same_person(warehouse: Warehouse) -> None:
    home = {"last_name": "Okafor", "street": "9 Elm Rd", "postal_code": "10001", "country": "US"}
    found = people_of(
        warehouse, entry("a", first_name="William", **home), entry("b", first_name="Bill", **home)
    )
    assert found == {"a": "a", "b": "a"}


def test_family_members_at_one_address_and_number_stay_apart(warehouse: Warehouse) -> None:
    other = ANN | {"first_name": "Peter", "email": "peter@example.com"}
    assert people_of(warehouse, entry("a", **ANN), entry("b", **other)) == {"a": "a", "b": "b"}


def test_the_same_name_alone_is_not_the_same_person(warehouse: Warehouse) -> None:
    name = {"first_name": "John", "last_name": "Smith"}
    found = people_of(
        warehouse, entry("a", **name, email="one@example.com"), entry("b", **name), entry("c", **name)
    )
    assert set(found) == set(found.values())


def test_the_same_name_in_one_postal_code_is_not_the_same_person(warehouse: Warehouse) -> None:
    john = {"first_name": "John", "last_name": "Smith", "postal_code": "10001", "country": "US"}
    found = people_of(
        warehouse,
        entry("a", **john, street="1 Elm St"),
        entry("b", **john, street="99 Oak Ave"),
        entry("c", **john),
    )
    assert set(found) == set(found.values())


@pytest.mark.parametrize(
    "shared",
    [
        {"email": "noreply@example.com"},
        {"phone": "(212) 555-0142"},
        {"street": "PO Box 1", "postal_code": "10001"},
    ],
)
def test_a_contact_that_many_people_share_does_not_make_namesakes_one(
    warehouse: Warehouse, shared: dict[str, str]
) -> None:
    rare = [
        entry(f"{number:02}", first_name="Kim", last_name=f"Family{'x' * number}", country="US", **shared)
        for number in range(21)
    ]
    john = {"first_name": "John", "last_name": "Smith", "country": "US"}
    own = {
        "email": "john@example.com",
        "phone": "(646) 555-0199",
        "street": "9 Elm Rd",
        "postal_code": "10003",
    }
    found = people_of(
        warehouse,
        *rare,
        entry("a", **john, **shared),
        entry("b", **john, **shared),
        entry("y", **(john | own)),
        entry("z", **(john | own)),
    )
    assert found["a"] == "a" and found["b"] == "b"
    assert found["z"] == "y"


@pytest.mark.parametrize("how_many", [0, 1, 2, 5])
def test_customers_without_contact_details_stay_alone(warehouse: Warehouse, how_many: int) -> None:
    found = people_of(warehouse, *(entry(str(number)) for number in range(how_many)))
    assert found == {str(number): str(number) for number in range(how_many)}


def test_someone_who_moved_is_found_by_the_old_address(warehouse: Warehouse) -> None:
    old = {name: ANN[name] for name in ("first_name", "last_name", "street", "postal_code", "country")}
    moved = ANN | {"street": "7 Far Lane", "city": "Reno", "state": "NV", "postal_code": "89501"}
    found = people_of(warehouse, entry("a", **ANN), entry("a", day=5, **moved), entry("b", **old))
    assert found == {"a": "a", "b": "a"}


def test_people_do_not_depend_on_the_order_of_rows(warehouse: Warehouse) -> None:
    entries = [
        entry(str(number), **(ANN | {"email": f"ann{number // 2}@example.com"})) for number in range(6)
    ]
    first = people_of(warehouse, *entries)
    probabilities = warehouse.query("SELECT * FROM staging.customer_identity ORDER BY customer_id")
    warehouse.execute("DELETE FROM raw.customers")
    assert people_of(warehouse, *entries[::-1]) == first
    assert warehouse.query("SELECT * FROM staging.customer_identity ORDER BY customer_id") == probabilities


def test_an_entry_landed_again_counts_once_as_it_landed_last(warehouse: Warehouse) -> None:
    rows = [entry("a", batch=2, email="NEW@example.com"), entry("a", batch=1, row=9, email="old@example.com")]
    rows.append(entry("b", email="no address", phone="12"))
    warehouse.append("raw.customers", pd.DataFrame(rows, columns=list(dataset("customers").column_names)))
    result = standardize_customers(warehouse)
    assert (result.entries, result.changed, result.emails_unusable, result.phones_unusable) == (2, 2, 1, 1)
    emails = warehouse.query("SELECT email FROM staging.customer_standard ORDER BY customer_id").to_pylist()
    assert emails == [{"email": "new@example.com"}, {"email": None}]
    assert "NEW@example.com" in set(before_and_after(warehouse)["landed"])
    assert standardize_customers(warehouse) == result


def identity(warehouse: Warehouse) -> dict[str, str]:
    """Put new entries into standard form and find people; return the person of each customer id."""
    standardize_customers(warehouse)
    identify_people(warehouse)
    rows = warehouse.query("SELECT customer_id, person_id FROM staging.customer_identity").to_pylist()
    return {row["customer_id"]: row["person_id"] for row in rows}


def noted(warehouse: Warehouse) -> set[tuple[str, str, str | None, str]]:
    rows = warehouse.rows("SELECT kind, customer_id, person_before, person_now FROM ops.identity_changes")
    return {(row["kind"], row["customer_id"], row["person_before"], row["person_now"]) for row in rows}


def test_a_person_keeps_its_id_and_merges_splits_and_decisions_are_kept(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = {name: ANN[name] for name in ("street", "postal_code", "country")}
    mona = {"first_name": "Mona", "last_name": "Bell", "email": "mona@example.com", "phone": "(212) 555-0199"}
    assert people_of(warehouse, entry("m", **ANN), entry("n", **mona), entry("x", first_name="Zoe")) == {
        "m": "m", "n": "n", "x": "x",
    }  # fmt: skip
    assert noted(warehouse) == set()
    # Whoever comes later has the id of who was there, though theirs is first in order of text.
    later = entry("a", batch=2, **ANN)
    found = people_of(warehouse, later, entry("b", batch=2, first_name="Peter", last_name="Leclerc", **home))
    assert found == {"m": "m", "a": "m", "n": "n", "x": "x", "b": "b"}
    assert noted(warehouse) == {("joined", "a", None, "m")}
    decide(warehouse, "b", "m", "same", note="he changed his name", actor="me")
    decide(warehouse, "x", "n", "different")
    found = identity(warehouse)
    assert found["b"] == "m" and found["n"] == "n"
    decide(warehouse, "a", "b", "same")
    with pytest.raises(UsageError, match="contradicts"):
        decide(warehouse, "a", "m", "different")
    with pytest.raises(UsageError, match="no customer 'nobody'"):
        decide(warehouse, "nobody", "m", "same")
    with pytest.raises(UsageError, match="twice"):
        decide(warehouse, "m", "m", "same")
    with pytest.raises(UsageError, match="nothing was decided"):
        decide(warehouse, "m", "n", "undone")
    # A whole rebuild heeds them as well, and gives the same.
    rows = "SELECT * FROM staging.customer_identity ORDER BY customer_id"
    was = warehouse.query(rows)
    monkeypatch.setenv("WORKBENCH_FULL", "true")
    assert identity(warehouse) == found
    assert warehouse.query(rows) == was
    monkeypatch.delenv("WORKBENCH_FULL")
    decide(warehouse, "a", "b", "undone")
    decide(warehouse, "b", "m", "undone")
    decide(warehouse, "a", "m", "different")
    found = identity(warehouse)
    assert (found["a"], found["b"], found["m"]) == ("a", "b", "m")
    assert {("merged", "b", "b", "m"), ("split", "b", "m", "b"), ("split", "a", "m", "a")} <= noted(warehouse)
    assert [one.verdict for one in decisions(warehouse)] == ["different", "different"]


def test_the_golden_record_takes_each_detail_from_the_newest_entry_that_has_it(warehouse: Warehouse) -> None:
    newer = ANN | {
        "email": "no address",
        "phone": "(212) 555-0142",
        "street": "7 Far Lane",
        "city": "Reno",
        "state": "NV",
        "postal_code": "89501",
    }
    found = people_of(warehouse, entry("a", day=1, **ANN), entry("b", day=4, **newer))
    assert found == {"a": "a", "b": "a"}
    transform.build("customers")
    (row,) = warehouse.rows("SELECT * FROM core.dim_person")
    assert (row["customer_ids"], row["email"], row["email_from"]) == (2, "ann.leclerc@example.com", "a")
    assert (row["address"], row["address_from"]) == ("7 Far Ln, Reno, NV 89501, US", "b")
    assert (row["full_name"], row["full_name_from"]) == ("Ann Leclerc", "b")


def test_a_likely_pair_whose_people_stay_apart_waits_for_people(warehouse: Warehouse) -> None:
    berlin = {"first_name": "Anna", "last_name": "Müller", "email": "anna.mueller@example.org", "phone": "+49 30 1234567",
              "street": "Hauptstr. 5", "city": "Berlin", "postal_code": "10115", "country": "DE", "birth_date": "1980-02-03"}  # fmt: skip
    moved = {"first_name": "Anna", "last_name": "Schmidt", "street": "Ringstr. 1", "city": "Hamburg", "postal_code": "20095", "country": "DE"}  # fmt: skip
    since = {**moved, "email": "anna.schmidt@example.org", "birth_date": "1980-02-03"}
    people_of(
        warehouse, entry("a", **berlin), entry("b", **berlin), entry("c", **berlin), entry("a", day=5, **since),
        entry("d", day=5, **moved),
    )  # fmt: skip
    assert identity(warehouse) == {"a": "a", "b": "a", "c": "a", "d": "d"}
    (found,) = to_review(warehouse)
    assert (found["customer_id_l"], found["customer_id_r"]) == ("a", "d")
    assert found["match_probability"] > 0.9
    decide(warehouse, "d", "b", "different")
    assert to_review(warehouse) == [], "who is told apart from b is told apart from a, who is b"


def test_an_uncertain_pair_waits_for_people(warehouse: Warehouse) -> None:
    john = {"first_name": "Johannes", "last_name": "Smithson", "postal_code": "10001", "country": "US"}
    people_of(
        warehouse, entry("a", **john), entry("b", **john, city="Elsewhere"), entry("c", first_name="Zoe")
    )
    pairs = {(row["customer_id_l"], row["customer_id_r"]) for row in to_review(warehouse)}
    assert pairs == {("a", "b")}
    decide(warehouse, "b", "a", "different")
    assert to_review(warehouse) == []
    assert identity(warehouse) == {"a": "a", "b": "b", "c": "c"}
