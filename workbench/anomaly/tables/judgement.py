"""Judge a batch of rows by those of earlier batches: faults of whole columns, and single cells beyond belief."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import binom

from workbench.anomaly.monitoring.drift import distance
from workbench.anomaly.tables.cells import CellForest
from workbench.anomaly.tables.encoding import Feature, encode, learn_features
from workbench.execution import timed

LEAST_ROWS = 200
"""Earlier rows without which a batch isn't judged."""

IMPROBABLE = -math.log(0.001)
"""Surprise from which a cell is called improbable: one in a thousand usual cells is as odd."""

Kind = Literal["improbable", "missing", "unknown", "shifted", "extreme"]

_LEAST_SHARE = 0.02
_LEAST_SHIFT = 0.25
_MANY_TIMES = 5.0
_FAR_BEYOND = math.log(3)
_LEAST_COMPARED = 30


@dataclass(frozen=True)
class Fault:
    """What is wrong with one column of a batch.

    Attributes:
        kind: ``improbable`` (too many cells that don't go with the others of their rows), ``missing`` (too many are),
            ``shifted`` (its values are distributed otherwise) or ``extreme`` (a cell far beyond all that was seen).
        column: name of the column.
        share, usual: share of the rows concerned, and in earlier batches; for ``shifted`` the distance of the
            distributions, 0 to 1.
        rows: how many rows are concerned.
        row: place of the worst of them among the rows that were judged; None where no single row is to blame.
        message: one sentence for a person.
    """

    kind: Kind
    column: str
    share: float
    usual: float
    rows: int
    row: int | None
    message: str


@dataclass(frozen=True)
class Reference:
    """What earlier batches look like: the forest, and how far one of them strays from the others.

    The forest learns from the older two thirds of the rows; the batches of the newer third tell how many cells of
    batches like those are improbable to it, so that what changes slowly is no fault. Nor is what sets one batch apart
    from another anyway, such as the weekday or the store of a file.

    Attributes:
        features: the columns as numbers.
        forest: fitted to the older rows.
        rows: all rows as numbers; shape (rows, features).
        improbable: largest share of improbable cells of a newer batch; shape (features,).
        missing: largest share of missing cells of a batch; shape (features,).
        unknown: largest share of values of a newer batch that no older row has, of texts; shape (features,).
        shift: largest distance of a batch's distribution from that of the others; shape (features,).
        surprise: largest surprise of a cell of the newer third, in nats; shape (features,).
    """

    features: tuple[Feature, ...]
    forest: CellForest
    rows: np.ndarray
    improbable: np.ndarray
    missing: np.ndarray
    unknown: np.ndarray
    shift: np.ndarray
    surprise: np.ndarray

    @classmethod
    def learn(
        cls, rows: pd.DataFrame, batches: np.ndarray, *, trees: int = 20, seed: int = 0
    ) -> Reference | None:
        """Learn from the rows of earlier batches.

        Args:
            rows: the oldest first.
            batches: which batch each is of; shape (rows,).
            trees: of each forest.
            seed: of the forests.

        Returns:
            None where there are too few rows, or none has a value.
        """
        older = len(rows) * 2 // 3
        features = learn_features(rows.iloc[:older]) if len(rows) >= LEAST_ROWS else ()
        if not features:
            return None
        matrix = encode(rows, features)
        with timed("model"):
            forest = CellForest(trees=trees, random_state=seed, n_jobs=2).fit(matrix[:older])
        newer = np.arange(len(rows)) >= older
        odd = np.full(matrix.shape, np.nan)
        surprise = forest.cell_surprise(matrix[newer])
        odd[newer] = surprise >= IMPROBABLE
        parts = [part for part in _parts(batches, np.ones(len(rows), dtype=bool)) if len(part) < len(rows)]
        # Of one batch only, its own beginning and end are held against each other.
        halves = [np.arange(older), np.flatnonzero(newer)]
        return cls(
            features, forest, matrix,
            np.max([_share(odd[part]) for part in _parts(batches, newer)], axis=0),
            np.max([_share(np.isnan(matrix[part])) for part in (parts or halves)], axis=0),
            np.max([_share(_unknown(matrix[part], features)) for part in _parts(batches, newer)], axis=0),
            np.max([_distances(matrix, part) for part in (parts or halves)], axis=0),
            surprise.max(axis=0),
        )  # fmt: skip

    def judge(self, rows: pd.DataFrame, chance: float) -> list[Fault]:
        """Return the faults of a batch, the worst first, one a column.

        Args:
            rows: the batch, or a sample of it.
            chance: of a false word that the whole batch may have, 0 to 1.
        """
        return self.judge_each(rows, np.zeros(len(rows), dtype=int), chance)[0]

    def judge_each(self, rows: pd.DataFrame, batches: np.ndarray, chance: float) -> dict[Any, list[Fault]]:
        """Return the faults of each of several batches, as :meth:`judge` does of one; to ask the forest once is quicker.

        Args:
            rows: of all of them.
            batches: which batch each is of; shape (rows,).
            chance: of a false word that each batch may have, 0 to 1.
        """
        matrix = encode(rows, self.features)
        surprise = self.forest.cell_surprise(matrix)
        parts = {batch: batches == batch for batch in dict.fromkeys(batches.tolist())}
        return {batch: self._faults(matrix[part], surprise[part], chance) for batch, part in parts.items()}

    def _faults(self, matrix: np.ndarray, surprise: np.ndarray, chance: float) -> list[Fault]:
        each = chance / (5 * len(self.features))
        found: dict[str, Fault] = {}
        for place, feature in enumerate(self.features):
            faults = [self._missing(matrix, place, each)]
            # When a file was made is no fault of it.
            if feature.kind != "time":
                faults += [
                    self._unheard_of(matrix, place, each),
                    self._shifted(matrix, place, each),
                    self._improbable(surprise, matrix, place, each),
                    self._extreme(surprise, matrix, place, each),
                ]
            for fault in faults:
                if fault and feature.column not in found:
                    found[feature.column] = fault
        # What follows from another column's fault is surprising too, but less so.
        weight = {column: self._weight(surprise, column) for column in found}
        return sorted(found.values(), key=lambda fault: -weight[fault.column])

    def _weight(self, surprise: np.ndarray, column: str) -> float:
        places = [place for place, feature in enumerate(self.features) if feature.column == column]
        return float(surprise[:, places].sum())

    def _missing(self, matrix: np.ndarray, place: int, chance: float) -> Fault | None:
        count, usual = int(np.isnan(matrix[:, place]).sum()), float(self.missing[place])
        share = count / len(matrix)
        if share < usual + 0.02 or not _is_more(count, len(matrix), usual, chance):
            return None
        column = self.features[place].column
        message = (
            f"{column} is missing in {share:.1%} of {len(matrix):,} rows, usually in {usual:.1%} at most"
        )
        return Fault("missing", column, share, usual, count, None, message)

    def _unheard_of(self, matrix: np.ndarray, place: int, chance: float) -> Fault | None:
        unknown = _unknown(matrix, self.features)[:, place]
        count, share, usual = int(unknown.sum()), float(unknown.mean()), float(self.unknown[place])
        if share < max(usual + _LEAST_SHARE, _MANY_TIMES * usual) or not _is_more(
            count, len(matrix), usual, chance
        ):
            return None
        feature = self.features[place]
        what = f"the {feature.part} of {feature.column}" if feature.part == "shape" else feature.column
        message = f"{what} was never there before in {share:.1%} of {len(matrix):,} rows, usually in {usual:.1%} at most"
        return Fault("unknown", feature.column, share, usual, count, int(unknown.argmax()), message)

    def _shifted(self, matrix: np.ndarray, place: int, chance: float) -> Fault | None:
        learned, seen = (part[~np.isnan(part)] for part in (self.rows[:, place], matrix[:, place]))
        if min(len(learned), len(seen)) < _LEAST_COMPARED:
            return None
        usual, far = float(self.shift[place]), distance(learned, seen)
        # The bound of Dvoretzky, Kiefer and Wolfowitz on how far chance alone takes so many rows.
        by_chance = math.sqrt(math.log(2 / chance) / 2 / len(seen))
        if far < max(_LEAST_SHIFT, 2 * usual + by_chance):
            return None
        feature = self.features[place]
        was, now = (feature.shown(float(np.median(part))) for part in (learned, seen))
        message = (
            f"{feature.title} is distributed otherwise (distance {far:.2f}, usually {usual:.2f} at most)"
        )
        message += f": {now} in the middle, {was} before" if was != now else ""
        return Fault("shifted", feature.column, far, usual, len(seen), None, message)

    def _improbable(
        self, surprise: np.ndarray, matrix: np.ndarray, place: int, chance: float
    ) -> Fault | None:
        odd = surprise[:, place] >= IMPROBABLE
        count, share, usual = int(odd.sum()), float(odd.mean()), float(self.improbable[place])
        if share < max(_LEAST_SHARE, _MANY_TIMES * usual) or not _is_more(count, len(odd), usual, chance):
            return None
        worst = int(surprise[:, place].argmax())
        message = (
            f"{self.features[place].title} doesn't go with the rest of the row in {share:.1%} of {len(odd):,} rows, "
            f"usually in {usual:.1%} at most; for example {self._example(matrix, worst, place)}"
        )
        return Fault("improbable", self.features[place].column, share, usual, count, worst, message)

    def _extreme(self, surprise: np.ndarray, matrix: np.ndarray, place: int, chance: float) -> Fault | None:
        if self.features[place].kind != "number" or self.features[place].part:
            return None
        # Where rows as usual had the like, the tail is longer than it looks.
        belief = max(math.log(len(surprise) / chance), 1.5 * float(self.surprise[place]))
        # Numbers are logarithms of size here, so that this is three times the largest that was seen.
        far = np.abs(matrix[:, place]) > np.nanmax(np.abs(self.rows[:, place])) + _FAR_BEYOND
        beyond = far & (surprise[:, place] > belief)
        if not beyond.any():
            return None
        worst, count = int(np.where(beyond, surprise[:, place], 0).argmax()), int(beyond.sum())
        message = (
            f"{count:,} row{'' if count == 1 else 's'} beyond belief: {self._example(matrix, worst, place)}"
        )
        return Fault("extreme", self.features[place].column, count / len(beyond), 0.0, count, worst, message)

    def _example(self, matrix: np.ndarray, row: int, place: int) -> str:
        feature = self.features[place]
        known = place in self.forest.targets_
        expected = self.forest.expected(matrix[[row]], place)[0] if known else float("nan")
        return (
            f"{feature.title} {feature.shown(matrix[row, place])} where {feature.shown(expected)} is expected"
        )


def _parts(batches: np.ndarray, among: np.ndarray) -> list[np.ndarray]:
    """Return the places of each batch's rows among those, where enough of them are to be compared; else all of them."""
    found = [np.flatnonzero(among & (batches == each)) for each in pd.unique(batches[among])]
    return [part for part in found if len(part) >= _LEAST_COMPARED] or [np.flatnonzero(among)]


def _unknown(matrix: np.ndarray, features: tuple[Feature, ...]) -> np.ndarray:
    """Mark the cells that hold a text or shape that wasn't there when the features were learned."""
    marks = np.zeros(matrix.shape, dtype=bool)
    for place, feature in enumerate(features):
        if feature.values:
            marks[:, place] = matrix[:, place] == (0 if feature.part == "frequency" else -1)
    return marks


def _share(marks: np.ndarray) -> np.ndarray:
    """Return the share of marked rows a column, which isn't zero because few rows were seen; shape (columns,)."""
    shares: np.ndarray = (marks.sum(axis=0) + 1) / (len(marks) + 2)
    return shares


def _distances(matrix: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return how far the distribution of some rows is from that of the others, a column; shape (columns,)."""
    rest = np.ones(len(matrix), dtype=bool)
    rest[part] = False
    far = np.zeros(matrix.shape[1])
    for place in range(matrix.shape[1]):
        here, there = matrix[part, place], matrix[rest, place]
        here, there = here[~np.isnan(here)], there[~np.isnan(there)]
        if min(len(here), len(there)) >= _LEAST_COMPARED:
            far[place] = distance(here, there)
    return far


def _is_more(count: int, rows: int, usual: float, chance: float) -> bool:
    return bool(binom.sf(count - 1, rows, min(usual, 1.0)) < chance)
