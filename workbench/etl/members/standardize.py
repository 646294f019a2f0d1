"""Contact details in standard form: names, e-mails, telephone numbers, addresses.

Every function takes one value as it landed and returns its standard form, or None where there is nothing usable.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd

from workbench.etl.members.addresses import clean, country, infer_country, name, postal_code, state, street

CONTACT = (
    "first_name", "last_name", "email", "phone", "street", "city", "state", "postal_code", "country",
)  # fmt: skip
"""The contact columns of a customer."""

IDENTIFYING = ("birth_date", "national_id")
"""Columns that serve to tell who is who, and are shown nowhere."""

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ISO_DAY = re.compile(r"(\d{4})[-/]?(\d{2})[-/]?(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
_COUNTRY_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_NO_DAYS = {"0001-01-01", "1900-01-01", "9999-12-31"}


def email(value: object) -> str | None:
    """Return an e-mail address in lower case, its domain in Unicode; None where it is none by its syntax."""
    text = clean(value)
    if text is None:
        return None
    local, _, domain = text.lower().removeprefix("mailto:").rpartition("@")
    if len(local) > 64:
        return None
    if not _LOCAL.fullmatch(local):
        return _validated(f"{local}@{domain}")
    known = _domain(domain)
    return f"{local}@{known}" if known and len(local) + len(known) < 254 else None


@cache
def _domain(domain: str) -> str | None:
    """Return the standard form of a domain; to look through each address takes longer than to look through its domain."""
    found = _validated(f"a@{domain}")
    return found and found.removeprefix("a@")


def _validated(address: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        return str(validate_email(address, check_deliverability=False).normalized).lower()
    except EmailNotValidError:
        return None


def phone(value: object, region: str | None) -> str | None:
    """Return a telephone number in E.164, read as written in that country.

    None if it is impossible, lacks its area code, or is one digit over and over.
    """
    import phonenumbers

    text = clean(value)
    if text is None:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = (
        phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    )
    if not possible or len(set(phonenumbers.national_significant_number(number))) == 1:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def birth_date(value: object, region: str | None) -> datetime.date | None:
    """Return a day of birth: ISO 8601, with or without hyphens, or as a country writes it; None where it is none.

    Days and months that could be each other are read by the country's habit, and not at all where no country is known. Days
    that forms put in for a missing one (1900-01-01, 9999-12-31), and days to come, are none.
    """
    text = clean(value)
    if text is None:
        return None
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _COUNTRY_DAY.fullmatch(text):
        first, mark, second, year = int(found[1]), found[2], int(found[3]), int(found[4])
        if mark == "." or first > 12 or (region is not None and region != "US" and second <= 12):
            day, month = first, second
        elif region == "US" or second > 12 or first == second:
            month, day = first, second
        else:
            return None
    else:
        return None
    try:
        born = datetime.date(year, month, day)
    except ValueError:
        return None
    return None if str(born) in _NO_DAYS or born > datetime.date.today() else born


def national_id(value: object) -> str | None:
    """Return a number that a state gave a person: letters in upper case and digits alone.

    None for what forms put in for a missing one: under four signs, or one sign over and over.
    """
    bare = "".join(letter for letter in (clean(value) or "").upper() if letter.isalnum())
    return bare if len(bare) >= 4 and len(set(bare)) > 1 else None


def _mapped(values: pd.Series, function: Callable[..., Any], region: pd.Series | None = None) -> pd.Series:
    """Apply to each distinct value (with its region) once."""
    if region is None:
        table = {value: function(value) for value in values.unique()}
        return pd.Series([table[value] for value in values], index=values.index, dtype=object)
    pairs = list(zip(values, region, strict=True))
    both = {pair: function(*pair) for pair in set(pairs)}
    return pd.Series([both[pair] for pair in pairs], index=values.index, dtype=object)


def standardize(entries: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of customer entries with their nine contact columns, and the identifying ones, in standard form.

    A country that isn't named stays empty, but is inferred to read the telephone number and the street.
    """
    done = entries.copy()
    for column in (*CONTACT, *IDENTIFYING):
        # Missing text comes as NaN or None; only None is equal to itself as a key.
        done[column] = done[column].astype(object).where(done[column].notna(), None)
    done["country"] = _mapped(done["country"], country)
    done["state"] = _mapped(done["state"], state)
    inferred = _mapped(done["state"], infer_country, done["postal_code"])
    region = done["country"].where(done["country"].notna(), inferred)
    region = region.where(region.map(lambda code: isinstance(code, str) and len(code) == 2), None).astype(
        object
    )
    for column in ("first_name", "last_name", "city"):
        done[column] = _mapped(done[column], name)
    done["email"] = _mapped(done["email"], email)
    done["phone"] = _mapped(done["phone"], phone, region)
    done["postal_code"] = _mapped(done["postal_code"], postal_code, region)
    done["street"] = _mapped(done["street"], street, region)
    done["birth_date"] = _mapped(done["birth_date"], birth_date, region)
    done["national_id"] = _mapped(done["national_id"], national_id)
    return done
