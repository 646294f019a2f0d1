"""The weights of a linkage, estimated from the customers: Fellegi-Sunter with expectation maximisation.

A pair is one of three: one person, two people of one household, or strangers. A household shares its family name and
address, and sometimes a number or an e-mail address, but neither given names nor days of birth; without it, families would
teach the model that one person may have two given names. What is assumed beforehand counts as a few pairs that were seen,
so that few customers do no harm, and many are heard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.etl.linkage.comparisons import COMPARISONS
from workbench.etl.linkage.patterns import digits, levels, rarities

_Numbers = NDArray[np.float64]
_SEEN_OF_PERSONS, _SEEN_OF_STRANGERS, _SEEN_MATCHES = 20.0, 5.0, 10.0
_ROUNDS, _CONVERGED = 200, 1e-6


@dataclass(frozen=True)
class Model:
    """How likely each level of each comparison is, for each of the three kinds of pairs, and how likely these are.

    ``largest`` is the largest block of each rule that is compared. ``customers`` and ``filled`` (columns that a twentieth of
    entries fill) say what it was estimated from.
    """

    person: list[list[float]]
    household: list[list[float]]
    chance: list[list[float]]
    one_person: float
    one_household: float
    customers: int = 0
    largest: Mapping[str, int] = field(default_factory=dict)
    filled: Sequence[str] = ()

    def probability(self, patterns: NDArray[np.int64]) -> _Numbers:
        """Return how likely pairs with these patterns are one person, 0 to 1."""
        return shares(self, digits(patterns))[:, 0]

    def to_json(self) -> str:
        """Return the model as text."""
        return json.dumps(vars(self) | {"largest": dict(self.largest), "filled": list(self.filled)})

    @staticmethod
    def from_json(text: str) -> Model:
        """Return the model that a text is of."""
        return Model(**json.loads(text))

    def frame(self) -> pd.DataFrame:
        """The weights: comparison, level, one_person, household, chance, and evidence in bits for one person."""
        rows = []
        for comparison, person, home, chance in zip(
            COMPARISONS, self.person, self.household, self.chance, strict=True
        ):
            for level, m, h, u in zip(comparison.levels, person, home, chance, strict=True):
                at_home = h if comparison.shared_at_home else u
                rows.append((comparison.name, level.name, m, at_home, u, float(np.log2(m / u))))
        return pd.DataFrame(
            rows, columns=["comparison", "level", "one_person", "household", "chance", "evidence"]
        )


@dataclass(frozen=True)
class Seen:
    """What a model is estimated from.

    Args:
        candidates: pattern and n, how many candidate pairs have it.
        drawn: the same of pairs drawn at random.
        same: of each comparison, how many of all pairs agree on its first level.
        filled: of each comparison, how many of all pairs have a value on both sides.
        customers: how many there are.
    """

    candidates: pd.DataFrame
    drawn: pd.DataFrame
    same: Sequence[float]
    filled: Sequence[float]
    customers: int


def shares(model: Model, found: NDArray[np.int64]) -> _Numbers:
    """Return the shares of one person, one household and strangers in each pattern, given by its digits."""
    strangers = 1 - model.one_person - model.one_household
    logs = np.tile(np.log([model.one_person, model.one_household, strangers]), (len(found), 1))
    for number, comparison in enumerate(COMPARISONS):
        at = found[:, number]
        chance = np.log(_by_digit(number, model.chance[number], by_chance=True))[at]
        logs[:, 0] += np.log(_by_digit(number, model.person[number]))[at]
        logs[:, 1] += (
            np.log(_by_digit(number, model.household[number]))[at] if comparison.shared_at_home else chance
        )
        logs[:, 2] += chance
    likely = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def _by_digit(number: int, values: Sequence[float], *, by_chance: bool = False) -> _Numbers:
    table = np.concatenate([[1.0], np.asarray(values)[levels(number)[1:]]])
    if by_chance:
        rarity = rarities(number)
        table = np.where(rarity > 0, 2.0 ** -(rarity + 0.5), table)
    return table


def assumed(customers: int) -> Model:
    """Return the model before anything was seen."""
    expected = min(1e-4, max(1e-9, 0.1 / max(customers, 1)))
    person, household, chance = (
        [
            _whole(np.array([max(value(level), 1e-6) for level in comparison.levels])).tolist()
            for comparison in COMPARISONS
        ]
        for value in (attrgetter("m"), attrgetter("household"), attrgetter("u"))
    )
    return Model(person, household, chance, expected, expected, customers)


def estimate(seen: Seen) -> Model:
    """Estimate a model by expectation maximisation."""
    model = before = assumed(seen.customers)
    pairs = max(1.0, seen.customers * (seen.customers - 1) / 2)
    found = digits(seen.candidates["pattern"].to_numpy(np.int64))
    counts = seen.candidates["n"].to_numpy(float)[:, None]
    at = [levels(number)[found[:, number]] for number in range(len(COMPARISONS))]
    drawn = digits(seen.drawn["pattern"].to_numpy(np.int64))
    strangers = [
        _sums(levels(number)[drawn[:, number]], seen.drawn["n"].to_numpy(float), len(comparison.levels))
        for number, comparison in enumerate(COMPARISONS)
    ]
    for _ in range(_ROUNDS):
        weights = shares(model, found) * counts
        person, household, chance = [], [], []
        for number, comparison in enumerate(COMPARISONS):
            size = len(comparison.levels)
            ones, homes = (_sums(at[number], weights[:, kind], size) for kind in (0, 1))
            person.append(_mixed(ones, np.array(before.person[number]), _SEEN_OF_PERSONS))
            household.append(_mixed(homes, np.array(before.household[number]), _SEEN_OF_PERSONS))
            known = np.array(before.chance[number])
            # Every pair that agrees is counted, those of one person and one household taken off.
            same = max(0.0, seen.same[number] - ones[0] - homes[0] * comparison.shared_at_home)
            of = max(1.0, seen.filled[number] - ones.sum())
            first = (same + _SEEN_OF_STRANGERS) / (of + _SEEN_OF_STRANGERS / known[0])
            rest = _mixed(strangers[number][1:], _whole(known[1:]), _SEEN_OF_STRANGERS)
            chance.append([float(first), *(rest * (1 - first)).tolist()])
        one, home = (
            float((weights[:, kind].sum() + _SEEN_MATCHES) / (pairs + _SEEN_MATCHES / before.one_person))
            for kind in (0, 1)
        )
        moved = abs(one - model.one_person) / one
        model = Model([row.tolist() for row in person], [row.tolist() for row in household], chance, one, home,
                      seen.customers)  # fmt: skip
        if moved < _CONVERGED:
            break
    return model


def _whole(values: _Numbers) -> _Numbers:
    return np.asarray(values / values.sum())


def _sums(at: NDArray[np.int64], weights: _Numbers, size: int) -> _Numbers:
    """Return the weight of each level; what is missing has none."""
    return np.asarray(np.bincount(at[at >= 0], weights[at >= 0], minlength=size), dtype=np.float64)


def _mixed(counted: _Numbers, before: _Numbers, as_many: float) -> _Numbers:
    """Return shares of what was counted, and of what was assumed as if so many had been seen."""
    return np.asarray((counted + as_many * before) / (counted.sum() + as_many))
