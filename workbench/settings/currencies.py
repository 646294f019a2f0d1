"""Which currencies there are."""

from __future__ import annotations

from functools import cache

USUAL = ("USD", "EUR", "GBP", "JPY", "CNY", "CAD", "CHF", "AUD")
"""Those of most amounts; whether one of them is a currency is told without the whole list."""


@cache
def currencies() -> frozenset[str]:
    """Return the ISO 4217 codes, present and past (source: Unicode CLDR, through Babel)."""
    from babel import Locale

    codes: list[str] = [str(code) for code in Locale("en").currencies]
    return frozenset(code for code in codes if len(code) == 3 and code.isascii() and code.isupper())


def is_currency(code: str) -> bool:
    """Return whether a code in capitals is a currency's."""
    return code in USUAL or code in currencies()
