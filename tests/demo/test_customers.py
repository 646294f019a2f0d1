"""The demo's customers: who is who is known, and the change log has what a change log has."""

from __future__ import annotations

import csv
import random
from collections import Counter

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from workbench.demo.journey import customers, feed
from workbench.demo.journey.contacts import invent, move, respell, typo


def test_the_truth_covers_every_customer_once(
    landed: duckdb.DuckDBPyConnection, whole: feed.FeedSummary
) -> None:
    with (whole.folder / feed.TRUTH).open(newline="") as file:
        truth = {row["customer_id"]: row["person_id"] for row in csv.DictReader(file)}
    ids = landed.execute(
        "SELECT DISTINCT customer_id FROM customers "
        "WHERE trim(coalesce(customer_id, '')) <> '' AND TRY_CAST(updated_at AS TIMESTAMP) IS NOT NULL"
    ).fetchall()
    assert set(truth) == {row[0] for row in ids}
    assert len(truth) == whole.customer_ids
    assert len(set(truth.values())) == whole.persons == 2_469
    sizes = Counter(Counter(truth.values()).values())
    assert 150 <= sizes[2] + sizes[3] <= 250
    assert sizes[3] >= 10


def test_duplicates_take_a_part_of_their_household_s_baskets(landed: duckdb.DuckDBPyConnection) -> None:
    log = customers.build(range(1, 2_501))
    bought = dict(landed.execute("SELECT customer_id, count(*) FROM transactions GROUP BY 1").fetchall())
    assert set(bought) <= {name for name, _ in log.truth}
    both = [d for d in log.duplicates if d.customer_id in bought and str(d.household) in bought]
    assert len(both) >= 150
    first = dict(
        landed.execute(
            "SELECT customer_id, min(transaction_timestamp)::TIMESTAMP FROM transactions GROUP BY 1"
        ).fetchall()
    )
    assert all(first[d.customer_id] >= d.since for d in both)


def test_the_log_has_moves_deletions_resends_and_late_arrivals() -> None:
    log = customers.build(range(1, 2_501))
    assert log.moves > 150
    assert log.deletions > 10
    assert log.resends > 80
    assert any(entry.file == 2 and entry.updated_at < "2017-06" for entry in log.entries)
    again = Counter(entry.customer_id for entry in log.entries if entry.is_deleted)
    assert max(again.values()) == 1


def test_a_household_has_the_same_details_whoever_else_is_in_the_feed() -> None:
    alone = customers.build([1_234])
    among = customers.build(range(1_200, 1_300))
    assert alone.entries == [
        entry for entry in among.entries if entry.customer_id in ("1234", "6234", "9234")
    ]


def test_households_that_share_an_address_are_different_people() -> None:
    log = customers.build(range(1, 2_501))
    first = {
        entry.customer_id: entry.contact for entry in reversed(log.entries) if int(entry.customer_id) <= 2_500
    }
    shared = [
        (mine, first[str(int(name) - 1)])
        for name, mine in first.items()
        if name != "1" and mine.last_name == first[str(int(name) - 1)].last_name
        and mine.street == first[str(int(name) - 1)].street
    ]  # fmt: skip
    assert len(shared) >= 20
    assert all(a.email != b.email and a.phone != b.phone for a, b in shared)


@given(st.integers(min_value=0, max_value=10_000))
def test_a_respelt_contact_keeps_something_recognisable(number: int) -> None:
    contact = invent(f"someone/{number}")
    other = respell(contact, random.Random(number))
    digits = "".join(filter(str.isdigit, contact.phone))
    same_phone = "".join(filter(str.isdigit, other.phone))[-7:] == digits[-7:]
    same_email = other.email.strip().lower() == contact.email
    same_city = other.city.lower() == contact.city.lower()
    same_name = other.last_name.lower() == contact.last_name.lower()
    assert same_phone or same_email or (same_city and same_name)


def test_contacts_are_invented_from_their_key_alone() -> None:
    assert invent("a") == invent("a")
    assert invent("a") != invent("b")
    moved = move(invent("a"), "next")
    assert (moved.first_name, moved.email, moved.country) == (
        invent("a").first_name,
        invent("a").email,
        invent("a").country,
    )
    assert moved.street != invent("a").street
    assert invent("a").email.rsplit("@")[1].endswith(("example.com", "example.org", "example.net"))


@given(st.text(alphabet="abcdefghij", min_size=4, max_size=12), st.integers())
def test_a_typo_changes_little(word: str, seed: int) -> None:
    wrong = typo(word, random.Random(seed))
    assert abs(len(wrong) - len(word)) <= 1
    assert wrong[0] == word[0]
