"""Numbers with more digits than a float holds, which a text had and a Decimal wants."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


class Written(float):
    """A number as a float; ``digits`` are all that were written of it."""

    digits: Decimal


def number(value: float, text: str) -> float:
    """Return a number that was read from a text, with its digits where a float has lost some."""
    try:
        digits = Decimal(text)
    except InvalidOperation:
        return value
    if not digits.is_finite() or digits == Decimal(repr(value)):
        return value
    kept = Written(value)
    kept.digits = digits
    return kept
