"""Exact Shapley values of a tree's features, for the few rows that a person looks at.

What a tree expects where only some features of a row are known is the mean over the ways that the unknown ones leave
open, by how many training rows went each (Lundberg and others, 2020, https://doi.org/10.1038/s42256-019-0138-9, call it
path-dependent). For one leaf that is a product over the features on its way, so that a feature's Shapley value is the
integral of a polynomial, and Gauss' rule with enough nodes has it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_CELLS = 2_000_000


@dataclass(frozen=True)
class Paths:
    """The ways to the leaves of a tree: leaves x places, a feature on a way once; what is left of a row is filled up.

    Attributes:
        share: what each leaf says.
        feature: column asked for, -1 in what is filled up.
        above, upto: between which values it goes there, the upper included.
        others: share of the training rows, of those that came by, that went there too.
    """

    share: np.ndarray
    feature: np.ndarray
    above: np.ndarray
    upto: np.ndarray
    others: np.ndarray


def find_paths(tree: Any, share: np.ndarray) -> Paths:
    """Return the ways to the leaves of a tree of scikit-learn; ``share`` is what each of its nodes says."""
    cover = tree.weighted_n_node_samples
    ways: list[tuple[int, dict[int, tuple[float, float, float]]]] = []
    waiting: list[tuple[int, dict[int, tuple[float, float, float]]]] = [(0, {})]
    while waiting:
        node, way = waiting.pop()
        if tree.children_left[node] < 0:
            ways.append((node, way))
            continue
        column, threshold = int(tree.feature[node]), float(tree.threshold[node])
        above, upto, others = way.get(column, (-np.inf, np.inf, 1.0))
        for child, ends in (
            (tree.children_left[node], (above, min(upto, threshold))),
            (tree.children_right[node], (max(above, threshold), upto)),
        ):
            waiting.append((int(child), {**way, column: (*ends, others * float(cover[child] / cover[node]))}))
    places = max(1, max(len(way) for _, way in ways))
    paths = Paths(
        share[[node for node, _ in ways]],
        np.full((len(ways), places), -1),
        *(np.full((len(ways), places), value) for value in (-np.inf, np.inf, 1.0)),
    )
    for row, (_, way) in enumerate(ways):
        for place, (column, (above, upto, others)) in enumerate(way.items()):
            paths.feature[row, place] = column
            paths.above[row, place], paths.upto[row, place], paths.others[row, place] = above, upto, others
    return paths


def add_shapley(paths: Paths, X: np.ndarray, values: np.ndarray) -> None:
    """Add what each feature of rows contributes to what a tree says, its Shapley value, to ``values`` (rows x features)."""
    leaves, places = paths.feature.shape
    nodes, weights = np.polynomial.legendre.leggauss((places + 1) // 2)
    step = max(_CELLS // (leaves * places), 1)
    columns = [
        (column, paths.feature.ravel() == column) for column in np.unique(paths.feature) if column >= 0
    ]
    for begin in range(0, len(X), step):
        of_row = X[begin : begin + step][:, np.maximum(paths.feature, 0)]
        goes = ((of_row > paths.above) & (of_row <= paths.upto)) | (paths.feature < 0)
        total = np.zeros(goes.shape)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            factor = paths.others * (1 - node) + goes * node
            total += weight * factor.prod(axis=2, keepdims=True) / factor
        total *= (goes - paths.others) * paths.share[:, None]
        flat = total.reshape(len(of_row), -1)
        for column, mine in columns:
            values[begin : begin + step, column] += flat[:, mine].sum(axis=1)
