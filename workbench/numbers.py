"""How numbers are written for people: one style for tables, axes, headlines and messages.

Commas between thousands and a point before decimals; amounts in whole units from 100 on, else to the hundredth;
a column has one number of decimals; what is missing is left empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_WHOLE_FROM = 100
_UNREADABLE = 1e15


def count(value: Any) -> str:
    """Write a whole number: ``1,234``."""
    return "" if _missing(value) else f"{int(value):,}"


def many(count: float, one: str, several: str = "") -> str:
    """Return how many there are of something, with its word for one or for several: ``1 row``, ``2,400 rows``."""
    return f"{count:,.0f} {one if round(count) == 1 else several or one + 's'}"


def there_are(count: float, one: str, several: str = "") -> str:
    """Return that there are so many of something: ``there is 1 day``, ``there are 60 days``."""
    return f"there {'is' if round(count) == 1 else 'are'} {many(count, one, several)}"


def money(value: Any, currency: str = "") -> str:
    """Write an amount, before its currency if that is given: ``4,719,867 USD``, ``3.50 USD``."""
    (text,) = amounts([value])
    return f"{text} {currency}".rstrip() if text else ""


def amounts(values: Iterable[Any]) -> list[str]:
    """Write amounts of one column: in whole units if the largest is 100 or more or all are whole, else to the hundredth."""
    every = list(values)
    known = [abs(float(value)) for value in every if not _missing(value)]
    decimals = 0 if max(known, default=0.0) >= _WHOLE_FROM or all(map(float.is_integer, known)) else 2
    return ["" if _missing(value) else _fixed(value, decimals) for value in every]


def share(value: Any) -> str:
    """Write a share, 0 to 1, as ``12.3%``."""
    return "" if _missing(value) else f"{_fixed(100 * float(value), 1)}%"


def number(value: Any) -> str:
    """Write a measure of any size, to four digits or the whole unit: ``0.1783``, ``15,402``."""
    if _missing(value):
        return ""
    value = float(value)
    if abs(value) >= 1000 or value == round(value):
        return _fixed(value, 0)
    return f"{value:.4g}"


def measures(values: Iterable[Any]) -> list[str]:
    """Write measures of one column, with one number of decimals if that shows each of them."""
    every = list(values)
    known = [abs(float(value)) for value in every if not _missing(value)]
    largest = max(known, default=0.0)
    decimals = 3 if largest < 1 else 2 if largest < 10 else 1 if largest < 100 else 0
    if all(map(float.is_integer, known)) or any(0 < value < 0.5 * 10**-decimals for value in known):
        return [number(value) for value in every]
    return ["" if _missing(value) else _fixed(value, decimals) for value in every]


@dataclass(frozen=True)
class Scale:
    """What an axis counts in: ``divisor`` units, called ``word`` (empty for single units)."""

    divisor: float
    word: str

    def of(self, unit: str) -> str:
        """Name the unit of the axis: ``million USD``."""
        return f"{self.word} {unit}".strip()

    def tick(self, value: float, _position: int | None = None) -> str:
        """Write a value of the axis, as matplotlib asks for it."""
        scaled = value / self.divisor
        return _fixed(scaled, 0) if scaled == round(scaled) else f"{scaled:,.6g}"

    def bars(self, values: Iterable[Any]) -> list[str]:
        """Write the values of bars at their ends."""
        if self.divisor == 1:
            return amounts(values)
        return [f"{float(value) / self.divisor:,.2f}" for value in values]


def scale(values: Iterable[Any]) -> Scale:
    """Return what to count in so that the largest value has at most seven digits."""
    largest = max((abs(float(value)) for value in values if not _missing(value)), default=0.0)
    for divisor, word in _SCALES:
        if largest >= 10 * divisor:
            return Scale(divisor, word)
    return Scale(1.0, "")


def _fixed(value: Any, decimals: int) -> str:
    if abs(float(value)) >= _UNREADABLE:
        return f"{float(value):.4g}"
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{exact:,f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _missing(value: Any) -> bool:
    return value is None or str(value) in ("nan", "NaN", "NaT", "<NA>")


__all__ = ["Scale", "amounts", "count", "measures", "money", "number", "scale", "share"]
