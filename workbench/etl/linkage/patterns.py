"""How alike two entries are, as one number: the digits of a pattern are the levels on which their details agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.etl.linkage.comparisons import COMPARISONS, Level

RARITIES = range(2, 21)
"""How rare a value is: of rarity r is what a share of about 2 ** -r of the entries has."""

RARE = {
    "given": "given", "family": "family", "born": "born", "postal": "postal", "city": "city",
    "full": "CASE WHEN length(given) + length(family) < 60 THEN given || ' ' || family END",
}  # fmt: skip
"""The values whose rarity counts, by name, as expressions over match keys."""


def _values(level: Level) -> int:
    return len(RARITIES) if level.rarity else 1


def _starts(number: int) -> list[int]:
    """Return the first value that stands for each level; 0 is a missing detail."""
    starts = [1]
    for level in COMPARISONS[number].levels[:-1]:
        starts.append(starts[-1] + _values(level))
    return starts


def width(number: int) -> int:
    """Return how many values a digit has: one for a missing detail, one a level, or one a rarity of it."""
    return 1 + sum(_values(level) for level in COMPARISONS[number].levels)


def levels(number: int) -> NDArray[np.int64]:
    """Return the level that each value of a digit stands for, -1 for a missing detail."""
    sizes = [_values(level) for level in COMPARISONS[number].levels]
    return np.concatenate([[-1], np.repeat(np.arange(len(sizes)), sizes)])


def rarities(number: int) -> NDArray[np.int64]:
    """Return the rarity that each value of a digit stands for, 0 where it has none."""
    each = [list(RARITIES) if level.rarity else [0] for level in COMPARISONS[number].levels]
    return np.concatenate([[0], *each])


def digits(patterns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the digits of patterns, in the order of COMPARISONS: shape (patterns, comparisons)."""
    found = np.empty((len(patterns), len(COMPARISONS)), dtype=np.int64)
    rest = patterns.copy()
    for number in reversed(range(len(COMPARISONS))):
        rest, found[:, number] = np.divmod(rest, width(number))
    return found


def expression() -> str:
    """Return the pattern of two records ``l`` and ``r`` as an expression in DuckDB's SQL.

    A record has the rarities of its values beside them, as ``<name>_rarity`` for each name of RARE.
    """
    code = "CAST(0 AS BIGINT)"
    for number in range(len(COMPARISONS)):
        code = f"({code}) * {width(number)} + ({_digit(number)})"
    return code


def reweighed(pattern: str) -> str:
    """Return the expression for a pattern of ``l`` and ``r`` whose rarities have changed since."""
    code, place = pattern, 1
    for number in reversed(range(len(COMPARISONS))):
        digit = f"{pattern} // {place} % {width(number)}"
        for start, level in zip(_starts(number), COMPARISONS[number].levels, strict=True):
            if level.rarity:
                code += (
                    f" + CASE WHEN {digit} BETWEEN {start} AND {start + len(RARITIES) - 1} "
                    f"THEN {place} * ({start - RARITIES[0]} + {level.rarity} - {digit}) ELSE 0 END"
                )
        place *= width(number)
    return code


def _digit(number: int) -> str:
    comparison = COMPARISONS[number]
    cases = []
    for start, level in zip(_starts(number), comparison.levels, strict=True):
        value = f"{start - RARITIES[0]} + {level.rarity}" if level.rarity else str(start)
        cases.append(f"WHEN {level.condition} THEN {value}" if level.condition else f"ELSE {value}")
    return f"CASE WHEN l.{comparison.column} IS NULL OR r.{comparison.column} IS NULL THEN 0 {' '.join(cases)} END"
