"""Contact details in standard form."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.etl.members import standardize as form


@pytest.mark.parametrize(
    ("landed", "standard"),
    [
        ("O'BRIEN", "O'Brien"), ("mcdonald", "McDonald"), ("ludwig van der berg", "Ludwig van der Berg"),
        ("MARY-ANN", "Mary-Ann"), ("HENRY III", "Henry III"), ("DeShawn", "DeShawn"), ("  jos\u00e9  luis ", "Jos\u00e9 Luis"),
        ("Jose\u0301", "Jos\u00e9"), ("\ufeffANN\u200b", "Ann"), ("", None), ("   ", None), (None, None), (float("nan"), None),
    ],
)  # fmt: skip
def test_names_get_title_case_but_chosen_case_is_kept(landed: object, standard: str | None) -> None:
    assert form.name(landed) == standard


@pytest.mark.parametrize(
    ("landed", "standard"),
    [
        (" Ann.Lee@Example.COM ", "ann.lee@example.com"), ("ann@example", None), ("ann@@example.com", None),
        ("a..b@example.com", None), (".a@example.com", None), ("ann at example.com", None), ("", None),
    ],
)  # fmt: skip
def test_an_email_is_lower_case_or_nothing(landed: str, standard: str | None) -> None:
    assert form.email(landed) == standard


@pytest.mark.parametrize(
    ("landed", "region", "standard"),
    [
        ("(212) 555-0142", "US", "+12125550142"), ("212.555.0142", "US", "+12125550142"),
        ("+44 121 496 0123", "US", "+441214960123"), ("0049 30 23125123", "DE", "+493023125123"),
        ("212 555 0142", None, None), ("12", "US", None), ("n/a", "US", None),
        ("555-0142", "US", None), ("000-000-0000", "US", None), ("9999999999", "US", None),
    ],
)  # fmt: skip
def test_a_telephone_number_is_e164_or_nothing(landed: str, region: str | None, standard: str | None) -> None:
    assert form.phone(landed, region) == standard


@pytest.mark.parametrize(
    ("landed", "standard"),
    [
        ("usa", "US"),
        ("United States", "US"),
        ("Deutschland", "DE"),
        ("fr", "FR"),
        ("U.K.", "GB"),
        ("AUT", "AT"),
        ("Turkey", "TR"),
        ("Narnia", "Narnia"),
    ],
)
def test_a_country_is_its_iso_code_where_known(landed: str, standard: str) -> None:
    assert form.country(landed) == standard


def test_ways_to_write_one_street_become_one() -> None:
    ways = ("12 Oak Street Apt. 4", "12 OAK ST # 4", "12 oak st. apt 4", " 12  Oak St, Apt 4")
    assert {form.street(way, "US") for way in ways} == {"12 Oak St Apt 4"}
    assert {form.street(way, "DE") for way in ("Hauptstrasse 5", "HAUPTSTR. 5")} == {"Hauptstraße 5"}


def test_ordinals_directions_and_boxes_are_written_as_the_post_does() -> None:
    assert form.street("123 4TH AVENUE NW", "US") == "123 4th Ave NW"
    assert form.street("p.o. box 12", "US") == form.street("PO BOX 12", "US") == "PO Box 12"
    assert form.street(" , ", "US") is None


def test_postal_codes_are_spaced_as_their_country_does() -> None:
    assert form.postal_code("sw1a1aa", "GB") == "SW1A 1AA"
    assert form.postal_code("a6r4a7", "CA") == "A6R 4A7"
    assert form.postal_code("123456789", "US") == "12345-6789"
    assert form.postal_code(" 75001 ", "FR") == "75001"


def test_a_country_left_out_is_inferred_for_the_number_but_not_filled_in() -> None:
    entry = pd.DataFrame(
        [dict.fromkeys(form.CONTACT) | {"phone": "212-555-0142", "state": "ny", "postal_code": "10001"}]
    )
    done = form.standardize(entry).iloc[0]
    assert (done["phone"], done["state"], done["country"]) == ("+12125550142", "NY", None)
