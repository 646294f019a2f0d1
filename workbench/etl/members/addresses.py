"""Names and addresses in standard form, by the habits of the countries that are known.

Every function takes one value as it landed and returns its standard form, or None where there is nothing usable.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_PARTICLES = {
    "van",
    "von",
    "der",
    "den",
    "de",
    "di",
    "da",
    "du",
    "la",
    "le",
    "ter",
    "ten",
    "zu",
    "bin",
    "al",
    "of",
}
_ORDINALS = {"st", "nd", "rd", "th"}
_ROMAN = {"ii", "iii", "iv"}
_WORD = re.compile(r"[^\W\d_]+")
_US_STREETS = {
    "street": "St", "str": "St", "st": "St", "avenue": "Ave", "av": "Ave", "ave": "Ave",
    "road": "Rd", "rd": "Rd",
    "drive": "Dr", "dr": "Dr", "lane": "Ln", "ln": "Ln", "court": "Ct", "ct": "Ct", "boulevard": "Blvd",
    "blvd": "Blvd", "place": "Pl", "pl": "Pl", "square": "Sq", "sq": "Sq", "terrace": "Ter", "ter": "Ter",
    "parkway": "Pkwy", "pkwy": "Pkwy", "highway": "Hwy", "hwy": "Hwy", "circle": "Cir", "cir": "Cir",
    "trail": "Trl", "trl": "Trl", "plaza": "Plz", "plz": "Plz", "suite": "Ste", "ste": "Ste",
    "north": "N", "south": "S", "east": "E", "west": "W",
    "nw": "NW", "ne": "NE", "sw": "SW", "se": "SE",
}  # fmt: skip
_UNITS = {"apt", "apartment", "unit", "#"}
_STREETS = {
    "FR": {"av": "Avenue", "ave": "Avenue", "bd": "Boulevard", "bvd": "Boulevard", "blvd": "Boulevard",
           "pl": "Place"},
}  # fmt: skip
_COMMONWEALTH = {
    "street": "St", "avenue": "Ave", "road": "Rd", "drive": "Dr", "lane": "Ln", "court": "Ct", "square": "Sq",
    "place": "Pl", "crescent": "Cres", "terrace": "Ter", "highway": "Hwy", "parade": "Pde",
}  # fmt: skip
_STREETS |= dict.fromkeys(("GB", "IE", "AU", "NZ"), _COMMONWEALTH)
_GERMAN = ("DE", "AT", "CH")
_STATE_CODES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH "
    "OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR"
)
_US_STATES = frozenset(_STATE_CODES.split())
_POSTCODES = {
    "US": re.compile(r"(\d{5})(?:-?(\d{4}))?"),
    "CA": re.compile(r"([A-Z]\d[A-Z])(\d[A-Z]\d)"),
    "GB": re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2})"),
    "IE": re.compile(r"([A-Z]\d[\dW])([A-Z\d]{4})"),
    "NL": re.compile(r"(\d{4})([A-Z]{2})"),
    "SE": re.compile(r"(\d{3})(\d{2})"),
    "CZ": re.compile(r"(\d{3})(\d{2})"),
    "PL": re.compile(r"(\d{2})-?(\d{3})"),
    "PT": re.compile(r"(\d{4})-?(\d{3})"),
    "BR": re.compile(r"(\d{5})-?(\d{3})"),
    "JP": re.compile(r"(\d{3})-?(\d{4})"),
}
_HYPHENATED = {"US", "PL", "PT", "BR", "JP"}


# A byte-order mark, zero-width and soft-hyphen characters: what a copied cell brings along and nobody sees.
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))


def clean(value: object) -> str | None:
    """Return text in Unicode NFC with single blanks and nothing invisible; None for anything empty."""
    if not isinstance(value, str):
        return None
    return " ".join(unicodedata.normalize("NFC", value).translate(_INVISIBLE).split()) or None


def name(value: object) -> str | None:
    """Return a person's or a city's name in title case; mixed case that someone chose is kept."""
    text = clean(value)
    if text is None or not (text.isupper() or text.islower()):
        return text
    words = text.lower().split(" ")
    return " ".join(_word(word, later=at > 0, last=at == len(words) - 1) for at, word in enumerate(words))


def _word(word: str, *, later: bool, last: bool) -> str:
    if word in _PARTICLES and not last:
        return word
    if later and word in _ROMAN:
        return word.upper()
    return _WORD.sub(lambda part: _title(part, word), word)


def _title(part: re.Match[str], word: str) -> str:
    text = part.group()
    if part.start() and word[part.start() - 1].isdigit() and text in _ORDINALS:
        return text
    if part.start() and word[part.start() - 1] in "'\u2019" and len(text) == 1:
        return text
    if text.startswith("mc") and len(text) > 3:
        return "Mc" + text[2:].capitalize()
    return text.capitalize()


@cache
def _countries() -> dict[str, str]:
    """Folded names of countries in the languages addresses are often written in, to ISO 3166 alpha-2."""
    from babel import Locale
    from babel.core import get_global

    known = {"usa": "US", "u.s.a.": "US", "u.s.": "US", "united states of america": "US", "uk": "GB",
             "u.k.": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "deu": "DE",
             "gbr": "GB", "fra": "FR", "can": "CA", "the netherlands": "NL", "holland": "NL", "turkey": "TR",
             "czech republic": "CZ", "uae": "AE"}  # fmt: skip
    for language in ("en", "de", "fr", "es", "it", "nl"):
        for code, label in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ"}:
                known.setdefault(code.lower(), code)
                known.setdefault(label.casefold(), code)
    for alias, codes in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(codes) == 1 and codes[0].lower() in known:
            known.setdefault(alias.lower(), codes[0])
    return known


def country(value: object) -> str | None:
    """Return the ISO 3166 alpha-2 code of a country; the cleaned text where it isn't known."""
    text = clean(value)
    return None if text is None else _countries().get(text.casefold(), text)


def infer_country(state: str | None, code: str | None) -> str | None:
    """Tell the country of an address that names none, where its state and postal code leave no doubt."""
    text = (code or "").upper().replace(" ", "")
    if (state or "").upper() in _US_STATES and _POSTCODES["US"].fullmatch(text):
        return "US"
    return next((known for known in ("CA", "GB") if _POSTCODES[known].fullmatch(text)), None)


def state(value: object) -> str | None:
    """Return a state or region: codes of up to three letters in upper case, names in title case."""
    text = clean(value)
    return text.upper() if text and len(text) <= 3 else name(text)


def postal_code(value: object, region: str | None) -> str | None:
    """Return a postal code in upper case, spaced as its country does; a ZIP+4 keeps its four digits."""
    text = clean(value)
    if text is None:
        return None
    text = text.upper()
    found = _POSTCODES[region].fullmatch(text.replace(" ", "")) if region in _POSTCODES else None
    if not found:
        return text
    parts = [part for part in found.groups() if part]
    return ("-" if region in _HYPHENATED else " ").join(parts)


def street(value: object, region: str | None) -> str | None:
    """Return a street with one way of abbreviating: postal-service forms in English-speaking countries."""
    text = clean(value)
    if text is None:
        return None
    text = _german(name(text) or "") if region in _GERMAN else name(text) or ""
    if region in ("US", "CA", None):
        text = re.sub(r"#\s*", "# ", text)
    table = _US_STREETS if region in ("US", "CA", None) else _STREETS.get(region or "", {})
    words = []
    for at, word in enumerate(text.replace(",", " ").split()):
        bare = word.strip(".").lower()
        if bare in _UNITS and region in ("US", "CA", None):
            words.append("Apt")
        else:
            words.append(table.get(bare, word) if at else word)
    return re.sub(r"(?i)^p\.? ?o\.? box\b", "PO Box", " ".join(words)) or None


def _german(text: str) -> str:
    return re.sub(r"(?i)(?<=\w)(str\.|strasse|straße|str)(?=\s|$)", "straße", text)
