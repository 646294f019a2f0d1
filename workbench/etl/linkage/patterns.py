"""How alike two entries are, as one number: the digits of a pattern are the levels on which their details agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.etl.linkage.comparisons import COMPARISONS

RARITIES = range(2, 21)
"""How rare a weighed value is: of rarity r is what a share of about 2 ** -r of the entries has."""


def width(number: int) -> int:
    """Return how many values a digit has: one for a missing detail, one a level, and of a weighed first level one a rarity."""
    comparison = COMPARISONS[number]
    return 1 + len(comparison.levels) + (len(RARITIES) - 1 if comparison.weighed else 0)


def levels(number: int) -> NDArray[np.int64]:
    """Return the level that each value of a digit stands for, -1 for a missing detail."""
    comparison = COMPARISONS[number]
    first = len(RARITIES) if comparison.weighed else 1
    return np.concatenate([[-1], np.zeros(first, int), np.arange(1, len(comparison.levels))])


def digits(patterns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the digits of patterns, in the order of COMPARISONS: shape (patterns, comparisons)."""
    found = np.empty((len(patterns), len(COMPARISONS)), dtype=np.int64)
    rest = patterns.copy()
    for number in reversed(range(len(COMPARISONS))):
        rest, found[:, number] = np.divmod(rest, width(number))
    return found


def expression() -> str:
    """Return the pattern of two records ``l`` and ``r`` as an expression in DuckDB's SQL.

    A weighed column has its rarity beside it, as ``<column>_rarity``.
    """
    code = "CAST(0 AS BIGINT)"
    for number in range(len(COMPARISONS)):
        code = f"({code}) * {width(number)} + ({_digit(number)})"
    return code


def _digit(number: int) -> str:
    comparison = COMPARISONS[number]
    column, more = comparison.column, width(number) - 1 - len(comparison.levels)
    cases = []
    for at, level in enumerate(comparison.levels):
        value = str(1 + at + (more if at else 0))
        if at == 0 and comparison.weighed:
            value = f"1 + l.{column}_rarity - {RARITIES[0]}"
        cases.append(f"WHEN {level.condition} THEN {value}" if level.condition else f"ELSE {value}")
    return f"CASE WHEN l.{column} IS NULL OR r.{column} IS NULL THEN 0 {' '.join(cases)} END"
