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
        ("Jos\u00e9@B\u00dcCHER.example.de", "jos\u00e9@b\u00fccher.example.de"), ("ann@xn--bcher-kva.de", "ann@b\u00fccher.de"),
        ("mailto:ann@example.com", "ann@example.com"), ("ann@localhost.localdomain", "ann@localhost.localdomain"),
        ("ann@-example.com", None), ("a" * 65 + "@example.com", None), ("@example.com", None), ("ann@[10.0.0.1]", None),
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


@pytest.mark.parametrize(
    ("landed", "region", "standard"),
    [
        ("1980-02-29", None, "1980-02-29"), ("19800229", None, "1980-02-29"), ("1981-02-29", None, None),
        ("1980-02-29 00:00:00", None, "1980-02-29"), ("29.02.1980", None, "1980-02-29"), ("03/04/1980", "US", "1980-03-04"),
        ("03/04/1980", "GB", "1980-04-03"), ("03/04/1980", None, None), ("03/14/1980", None, "1980-03-14"),
        ("14/03/1980", "US", "1980-03-14"), ("1900-01-01", None, None), ("2999-01-01", None, None), ("n/a", "US", None), ("", None, None),
    ],
)  # fmt: skip
def test_a_birth_date_is_a_day_or_nothing(landed: str, region: str | None, standard: str | None) -> None:
    found = form.birth_date(landed, region)
    assert (found and str(found)) == standard


def test_a_national_id_is_its_letters_and_digits() -> None:
    assert form.national_id(" 123-45 6789 ") == "123456789"
    assert form.national_id("ab 12 34 56 c") == "AB123456C"
    assert form.national_id("000-00-0000") is form.national_id("-") is form.national_id(None) is None


def test_addresses_of_other_countries_pass_through() -> None:
    assert (
        form.street("\u5343\u4ee3\u7530\u533a\u4e38\u306e\u5185 1-9-1", "JP")
        == "\u5343\u4ee3\u7530\u533a\u4e38\u306e\u5185 1-9-1"
    )
    assert form.street("STR. UNIRII 4", "RO") == "Str. Unirii 4"
    assert form.street("7 Wallaby Place", "AU") == "7 Wallaby Pl"
    assert (
        form.name("\u0414\u041c\u0418\u0422\u0420\u0418\u0419")
        == "\u0414\u043c\u0438\u0442\u0440\u0438\u0439"
    )
    codes = {
        ("1012ab", "NL"): "1012 AB",
        ("1000001", "JP"): "100-0001",
        ("00950", "PL"): "00-950",
        ("2000", "AU"): "2000",
    }
    assert {pair: form.postal_code(*pair) for pair in codes} == codes


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
        [
            dict.fromkeys((*form.CONTACT, *form.IDENTIFYING))
            | {"phone": "212-555-0142", "state": "ny", "postal_code": "10001"}
        ]
    )
    done = form.standardize(entry).iloc[0]
    assert (done["phone"], done["state"], done["country"]) == ("+12125550142", "NY", None)
