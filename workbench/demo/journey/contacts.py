"""Invented people: contact details from a seeded Faker, and the ways people write them differently.

Names, addresses, telephone numbers and e-mail addresses are synthetic. E-mail domains are reserved for
examples, and telephone numbers come from ranges kept for fiction where the country has such ranges.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from workbench.demo.journey.packaged import data_file

if TYPE_CHECKING:
    from faker import Faker

_LOCALES = {"en_US": 86, "en_GB": 5, "en_CA": 4, "de_DE": 3, "fr_FR": 2}
_COUNTRY = {"en_US": "US", "en_GB": "GB", "en_CA": "CA", "de_DE": "DE", "fr_FR": "FR"}
_LONG_COUNTRY = {
    "US": "United States",
    "GB": "United Kingdom",
    "CA": "Canada",
    "DE": "Deutschland",
    "FR": "France",
}
_PREFIX = {"US": "+1", "CA": "+1", "GB": "+44", "DE": "+49", "FR": "+33"}
_AREAS = {
    "US": (
        "201 202 203 205 206 208 212 214 215 216 217 218 219 225 228 229 231 234 239 240 248 251 252 253 254 256 "
        "260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321"
    ),
    "CA": "204 403 416 506 514 604 613 902",
    "GB": "113496 114496 115496 116496 117496 118496 121496 131496 141496 161496",
    "DE": "3023125 6990009 4066969 8999998",
    "FR": "19900 26191 35301 46571 53649 63998",
}
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
_NICKNAMES = {
    "William": "Bill", "Robert": "Bob", "Richard": "Rick", "James": "Jim", "John": "Jack", "Michael": "Mike",
    "Thomas": "Tom", "Joseph": "Joe", "Daniel": "Dan", "Matthew": "Matt", "Anthony": "Tony",
    "Steven": "Steve", "Andrew": "Andy", "Christopher": "Chris", "David": "Dave", "Edward": "Ted",
    "Kenneth": "Ken", "Charles": "Chuck", "Timothy": "Tim", "Gregory": "Greg", "Benjamin": "Ben",
    "Samuel": "Sam", "Nicholas": "Nick", "Joshua": "Josh", "Elizabeth": "Liz", "Jennifer": "Jen",
    "Jessica": "Jess", "Margaret": "Peggy", "Katherine": "Kate", "Patricia": "Pat", "Rebecca": "Becky",
    "Susan": "Sue", "Deborah": "Debbie", "Kimberly": "Kim", "Pamela": "Pam",
    "Amanda": "Mandy", "Christina": "Tina", "Victoria": "Vicky", "Cynthia": "Cindy", "Melissa": "Missy",
}  # fmt: skip
_STREETS = {
    "Street": "St",
    "Avenue": "Ave",
    "Road": "Rd",
    "Drive": "Dr",
    "Lane": "Ln",
    "Court": "Ct",
    "Apt.": "#",
}
_NEIGHBOURS = {
    "a": "s",
    "e": "r",
    "i": "o",
    "o": "p",
    "n": "m",
    "r": "t",
    "s": "d",
    "t": "y",
    "l": "k",
    "u": "i",
}


@dataclass(frozen=True)
class Contact:
    """Contact details as a customer record holds them; every field may be empty."""

    first_name: str
    last_name: str
    email: str
    phone: str
    street: str
    city: str
    state: str
    postal_code: str
    country: str

    def values(self) -> tuple[str, ...]:
        """Return the fields in their order."""
        return tuple(vars(self).values())


@cache
def _faker(locale: str) -> Faker:
    data_file("faker", "__init__.py", "faker")
    from faker import Faker

    return Faker(locale)


def invent(key: str) -> Contact:
    """Return the contact details that belong to ``key``: always the same for the same key."""
    rng = random.Random(key)  # noqa: S311  invented data, nothing secret
    locale = rng.choices(list(_LOCALES), list(_LOCALES.values()))[0]
    fake = _faker(locale)
    fake.seed_instance(rng.getrandbits(48))
    first, last = fake.first_name(), fake.last_name()
    email, phone = new_email(first, last, rng), new_phone(_COUNTRY[locale], rng)
    return Contact(first, last, email, phone, **address(locale, rng))


def move(contact: Contact, key: str) -> Contact:
    """Return the same person at another address, in the same country."""
    rng = random.Random(key)  # noqa: S311
    locale = next((name for name, country in _COUNTRY.items() if country == contact.country), "en_US")
    return replace(contact, **address(locale, rng))


def address(locale: str, rng: random.Random) -> dict[str, str]:
    """Make up an address: street, city, state (empty where none is written), postal_code and country."""
    fake = _faker(locale)
    fake.seed_instance(rng.getrandbits(48))
    state = {"en_US": "state_abbr", "en_CA": "province_abbr", "en_GB": "county", "de_DE": "state"}.get(locale)
    region = getattr(fake, state)() if state else ""
    zipcode = fake.zipcode_in_state(region) if locale == "en_US" else fake.postcode()
    street = " ".join(fake.street_address().split())
    return {
        "street": street,
        "city": fake.city(),
        "state": region,
        "postal_code": zipcode,
        "country": _COUNTRY[locale],
    }


def new_email(first: str, last: str, rng: random.Random) -> str:
    """Make up an e-mail address from a name; as with a real provider, namesakes don't get the same one."""
    given, family = _ascii(first), _ascii(last)
    local = rng.choice(
        (f"{given}.{family}", f"{given[:1]}{family}", f"{given}_{family}", f"{family}.{given}")
    )
    return f"{local}{rng.randrange(100, 100_000)}@{rng.choice(_DOMAINS)}"


def new_phone(country: str, rng: random.Random) -> str:
    """Make up a telephone number in the international form without blanks."""
    area = rng.choice(_AREAS[country].split())
    if country in ("US", "CA"):
        return f"+1{area}555{rng.randrange(10_000):04d}"
    if country == "FR":
        return f"+33{area}{rng.randrange(10_000):04d}"
    if country == "GB":
        return f"+44{area}0{rng.randrange(1000):03d}"
    return f"+49{area}{rng.randrange(1000):03d}"


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalpha()) or "me"


def respell(contact: Contact, rng: random.Random) -> Contact:
    """Return the same person as another clerk, or another form, would have written them down.

    One of e-mail, telephone, or name with address stays recognisable; the rest may be misspelt, in another
    form, replaced or missing.
    """
    anchor = rng.choice(("email", "phone", "address"))
    first = rng.choice((_NICKNAMES.get(contact.first_name, contact.first_name), contact.first_name))
    last = contact.last_name
    if anchor == "address" or rng.random() < 0.6:
        email = rng.choice((new_email(contact.first_name, contact.last_name, rng), ""))
    else:
        email = contact.email
    if anchor != "address":
        first, last = rng.choice(((typo(first, rng), last), (first, typo(last, rng)), (first, last)))
    if anchor == "email":
        email = rng.choice((contact.email, contact.email.upper(), f" {contact.email}"))
    phone = contact.phone
    if anchor != "phone" and rng.random() < 0.5:
        phone = rng.choice((new_phone(contact.country, rng), ""))
    changed = replace(
        contact, first_name=first, last_name=last, email=email, phone=write_phone(phone, contact, rng)
    )
    return _recase(_readdress(changed, anchor == "address", rng), rng)


def _readdress(contact: Contact, keep: bool, rng: random.Random) -> Contact:
    street = contact.street
    for long, short in _STREETS.items():
        if rng.random() < 0.6:
            street = street.replace(long, short)
    if not keep and rng.random() < 0.25:
        return replace(contact, street="", city="", state="", postal_code="", country=contact.country)
    code = contact.postal_code
    if contact.country == "US" and rng.random() < 0.3:
        code = f"{code}-{rng.randrange(1000, 10_000)}"
    country = rng.choice((contact.country, contact.country, _LONG_COUNTRY[contact.country], ""))
    return replace(contact, street=street, postal_code=code, country=country)


def _recase(contact: Contact, rng: random.Random) -> Contact:
    names = ("first_name", "last_name", "street", "city")
    style = rng.choice((str, str, str.upper, str.lower))
    return replace(contact, **{name: style(getattr(contact, name)) for name in names})


def write_phone(phone: str, contact: Contact, rng: random.Random) -> str:
    """Write a telephone number in one of the forms that people use."""
    if not phone:
        return ""
    prefix = _PREFIX[contact.country]
    national = phone.removeprefix(prefix)
    if prefix == "+1":
        area, exchange, line = national[:3], national[3:6], national[6:]
        forms = (
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            national,
        )
        return rng.choice((*forms, phone))
    return rng.choice((phone, f"00{prefix[1:]} {national}", f"{prefix} {national}"))


def typo(word: str, rng: random.Random) -> str:
    """Misspell a word of four letters or more: letters swapped, lost, doubled, or a neighbouring key."""
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case _:
            return word[:at] + _NEIGHBOURS.get(word[at], "e") + word[at + 1 :]
