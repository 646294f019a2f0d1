"""Type-2 history: what each change log becomes."""

from __future__ import annotations

from datetime import datetime
from hashlib import md5

import pytest

from tests.transform.conftest import Built

OPEN = datetime(9999, 12, 31)
INFERRED = datetime(1900, 1, 1)


def _versions(built: Built, customer: str) -> list[tuple[object, ...]]:
    return built.rows(
        "SELECT first_name, valid_from, valid_to, is_current, is_inferred FROM core.dim_customer "
        f"WHERE customer_id = '{customer}' ORDER BY valid_from"
    )


def test_versions_follow_the_time_of_the_change_and_the_last_landed_entry_wins(built: Built) -> None:
    assert _versions(built, "ann") == [
        ("Ann", datetime(2017, 1, 1), datetime(2017, 3, 1), False, False),
        ("Ann 2", datetime(2017, 3, 1), datetime(2017, 5, 1), False, False),
        ("Ann 3", datetime(2017, 5, 1), OPEN, True, False),
    ]


def test_a_resend_without_change_makes_no_version_but_a_value_taken_away_does(built: Built) -> None:
    assert _versions(built, "bob") == [
        ("Bob", datetime(2017, 2, 1), datetime(2017, 5, 1), False, False),
        (None, datetime(2017, 5, 1), OPEN, True, False),
    ]


def test_a_deletion_ends_a_version_and_the_next_entry_begins_one_though_nothing_changed(built: Built) -> None:
    assert _versions(built, "cid") == [
        ("Cid", datetime(2017, 1, 1), datetime(2017, 2, 1), False, False),
        ("Cid", datetime(2017, 4, 1), datetime(2017, 8, 1), False, False),
    ]


@pytest.mark.parametrize("customer", ["zoe", "dee", "yan"])
def test_a_member_known_only_from_facts_or_from_a_deletion_is_inferred(built: Built, customer: str) -> None:
    assert _versions(built, customer) == [(None, INFERRED, OPEN, True, True)]


def test_no_member_is_made_up_beyond_those(built: Built) -> None:
    assert built.rows("SELECT DISTINCT customer_id FROM core.dim_customer ORDER BY 1") == [
        (name,) for name in ("ann", "bob", "cid", "dee", "eve", "yan", "zoe")
    ]
    assert built.rows("SELECT DISTINCT product_id FROM core.dim_product ORDER BY 1") == [
        ("P1",), ("P2",), ("P3",), ("P4",),
    ]  # fmt: skip
    assert built.rows("SELECT store_id, is_inferred FROM core.dim_store ORDER BY 1") == [
        ("S1", False), ("S8", True), ("S9", True),
    ]  # fmt: skip


def test_the_key_is_the_first_sixty_bits_of_the_hash_of_natural_key_and_beginning(built: Built) -> None:
    for customer, text in (("eve", "2017-06-01 09:30:00.123456"), ("zoe", "1900-01-01 00:00:00.000000")):
        expected = int(md5(f"{customer}|{text}".encode(), usedforsecurity=False).hexdigest()[:15], 16)
        assert built.row(f"SELECT customer_key FROM core.dim_customer WHERE customer_id = '{customer}'") == (
            expected,
        )


def test_standard_forms_stand_beside_what_landed(built: Built) -> None:
    columns = "full_name_standard, email_standard, phone_standard, address_standard"
    assert built.rows(
        f"SELECT {columns} FROM core.dim_customer WHERE customer_id = 'ann' ORDER BY valid_from"
    ) == [
        (None, None, None, None),
        (None, None, None, None),
        ("Ann Lee", "ann@example.org", "+15550100", "1 Elm St, Dayton, OH 45402, US"),
    ]
    assert built.row(f"SELECT {columns} FROM core.dim_customer WHERE customer_id = 'eve'") == (
        "Poe", None, None, "Paris, FR",
    )  # fmt: skip


def test_a_customer_is_a_person_of_its_own_unless_found_to_be_another(built: Built) -> None:
    assert built.rows("SELECT DISTINCT customer_id, person_id FROM core.dim_customer ORDER BY 1") == [
        ("ann", "ann"), ("bob", "ann"), ("cid", "cid"), ("dee", "dee"), ("eve", "eve"), ("yan", "yan"), ("zoe", "zoe"),
    ]  # fmt: skip


def test_a_landed_category_stays_and_a_missing_one_is_assigned(built: Built) -> None:
    columns = "product_id, department, category, subcategory, category_source, category_confidence"
    assert built.rows(f"SELECT {columns} FROM core.dim_product ORDER BY product_id, valid_from") == [
        ("P1", "Drinks", "Hot", "Tea", "feed", 1.0),
        ("P1", "Pantry", "Hot", "Tea", "feed", 1.0),
        ("P2", "Pantry", "Cold", None, "predicted", 0.75),
        ("P3", None, None, None, "none", None),
        ("P4", "Pantry", "Hot", None, "feed", 1.0),
    ]


def test_the_hierarchy_holds_current_products_only(built: Built) -> None:
    assert built.rows(
        "SELECT node_id, parent_id, level, name, products FROM core.product_hierarchy ORDER BY node_id"
    ) == [
        ("Pantry", None, 1, "Pantry", 3),
        ("Pantry > Cold", "Pantry", 2, "Cold", 1),
        ("Pantry > Hot", "Pantry", 2, "Hot", 2),
        ("Pantry > Hot > Tea", "Pantry > Hot", 3, "Tea", 1),
    ]
