"""How much a command may be asked to list: the same for all of them."""

from __future__ import annotations

import math
from typing import Any

import typer

MOST = 1_000_000
LARGEST = 2**63 - 1
"""The largest whole number that a warehouse, or a queue, takes."""


def how_many(help_text: str, *, short: bool = True) -> Any:
    """Return the option ``--limit``, and ``-n`` with ``short``, of a command that lists."""
    return typer.Option("--limit", *["-n"] * short, min=1, max=MOST, help=help_text)


def finite(value: float) -> float:
    """Return a number that was given, for an option's ``callback``.

    Raises:
        typer.BadParameter: it is infinite, or none.
    """
    if not math.isfinite(value):
        raise typer.BadParameter(f"a number is wanted, not {value}")
    return value
