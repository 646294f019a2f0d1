"""How much a product is like what is known: what tells a wording that is new from a kind of product that nobody has seen.

A text model is as sure of a product of an unheard-of kind as of one that is only worded anew, or that shares its wording
with others. What differs is around the guess: whether the words of the description occur in the guessed category, or how
often the whole description does, and whether its manufacturer and department have products there, so described. A logistic
model weighs these with the text model's own chances, one for new wordings and one for known ones. It is fitted to guesses
about products, wordings and whole categories that the text model hadn't seen. Trees fitted to the same learn the categories
by heart: they let twice as many unheard-of kinds pass.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.libraries.seldom import seldom

UNHEARD_OF = 0.2
"""Share of products that is taken to be of kinds that nobody has seen, of new wordings and of known ones."""

ASSIGNED = 0.15
"""Share of the products of kinds that nobody has seen, in a known wording, that may get a category."""

CROWD = 5
"""How many times as many products of a wording as is likely may be without a category, so that it is still a known kind's."""

_LEAST_ASKED = 0.5
_WORD = re.compile(r"[a-z0-9]+")
_SURE = 1e-4


class Known:
    """What is known of categories: words of their descriptions, and whose products are in them.

    Args:
        products: description, category, manufacturer_id and department; missing values are None.
    """

    def __init__(self, products: pd.DataFrame) -> None:
        self._words: dict[Any, set[str]] = {}
        self._usual: Counter[str] = Counter()
        described = products[products["description"].notna()]
        self._descriptions = described["description"].nunique()
        for description, category in set(zip(described["description"], described["category"], strict=True)):
            self._words.setdefault(category, set()).update(words(description))
        for description in described["description"].unique():
            self._usual.update(set(words(description)))
        self._of = {
            name: (Counter(zip(products[name], products["category"], strict=True)), Counter(products[name]))
            for name in ("manufacturer_id", "department")
        }
        self._size = len(products)
        self._worded = Counter(products["description"])
        self._worded_in = Counter(zip(products["description"], products["category"], strict=True))
        self._worded_of = {
            name: (
                Counter(zip(products[name], products["description"], strict=True)),
                Counter(zip(products[name], products["description"], products["category"], strict=True)),
            )
            for name in self._of
        }

    def compare(self, products: pd.DataFrame, guess: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Return ten figures of each product and the category guessed for it.

        Args:
            products: as those known, without their category.
            guess: the likeliest category of each.
            chances: of the likeliest and of the second, a row each, 0 to 1.
        """
        best = np.clip(chances[:, 0], _SURE, 1 - _SURE)
        logit = np.log(best / (1 - best))
        covered = self._covered(products["description"], guess)
        in_maker, maker = self._shares("manufacturer_id", products, guess)
        in_department, department = self._shares("department", products, guess)
        of_maker = in_maker / (1 + maker)
        return np.column_stack(
            [
                logit, chances[:, 0] - chances[:, 1], covered, in_department / (1 + department), of_maker,
                np.log1p(in_maker), np.log1p(maker), logit * covered, logit * of_maker, covered * of_maker,
            ]
        )  # fmt: skip

    def agree(self, products: pd.DataFrame, guess: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Return twelve figures of each product whose description is known, and the category guessed for it.

        The arguments are those of :meth:`compare`.
        """
        best = np.clip(chances[:, 0], _SURE, 1 - _SURE)
        described = list(products["description"])
        worded = np.array([self._worded[each] for each in described], dtype=float)
        worded_in = np.array(
            [self._worded_in[each] for each in zip(described, guess, strict=True)], dtype=float
        )
        figures = [
            np.log(best / (1 - best)), chances[:, 0] - chances[:, 1], np.log1p(worded), np.log1p(worded_in),
            worded_in / (1 + worded),
        ]  # fmt: skip
        for name, (alike, alike_in) in self._worded_of.items():
            together, alone = self._shares(name, products, guess)
            whose = list(products[name])
            missing = products[name].isna().to_numpy()
            so_worded = np.array([alike[each] for each in zip(whose, described, strict=True)], dtype=float)
            in_guess = np.array(
                [alike_in[each] for each in zip(whose, described, guess, strict=True)], dtype=float
            )
            so_worded, in_guess = np.where(missing, 0, so_worded), np.where(missing, 0, in_guess)
            figures += [together / (1 + alone), in_guess / (1 + so_worded)]
            if name == "manufacturer_id":
                figures += [np.log1p(alone), np.log1p(together), np.log1p(in_guess)]
        return np.column_stack(figures)

    def is_crowded(self, products: pd.DataFrame) -> np.ndarray:
        """Return of each product whether far more of its wording are among these than the known ones make likely.

        As many are likely as there are of all products, in proportion; of fewer than half as many products as are known,
        what half as many would make. A kind that nobody has seen may come with a wording that a few others have, and
        then comes in numbers: a guess by those few is sure and wrong.
        """
        asked = Counter(products["description"])
        here = np.array([asked[each] for each in products["description"]], dtype=float)
        known = np.array([self._worded[each] for each in products["description"]], dtype=float)
        return here > CROWD * (1 + known * max(_LEAST_ASKED, len(products) / max(self._size, 1)))

    def _covered(self, descriptions: pd.Series, guess: np.ndarray) -> np.ndarray:
        """Return how much of each description the guessed category's own words cover, rare words counting more."""
        pairs = list(zip(descriptions, guess, strict=True))
        shares: dict[tuple[Any, Any], float] = {}
        for description, category in set(pairs):
            weights = {word: self._weight(word) for word in words(description or "")}
            whole = sum(weights.values())
            own = sum(weight for word, weight in weights.items() if word in self._words.get(category, ()))
            shares[description, category] = own / whole if whole else 0.0
        return np.array([shares[pair] for pair in pairs], dtype=float)

    def _weight(self, word: str) -> float:
        return float(np.log((2 + self._descriptions) / (1 + self._usual[word])))

    def _shares(self, name: str, products: pd.DataFrame, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs, alone = self._of[name]
        missing = products[name].isna().to_numpy()
        together = [pairs[pair] for pair in zip(products[name], guess, strict=True)]
        whole = [alone[value] for value in products[name]]
        return np.where(missing, 0, together).astype(float), np.where(missing, 0, whole).astype(float)


def words(description: str) -> list[str]:
    """Return the words of a description, in lower case."""
    return _WORD.findall(description.casefold())


@dataclass(frozen=True)
class Judged:
    """Guesses about products that a model hadn't seen: figures of :class:`Known`, whether right, and the group held out.

    ``is_unheard_of`` tells that all of the product's category was held out, so that no guess could be right.
    """

    figures: np.ndarray
    right: np.ndarray
    group: np.ndarray
    is_unheard_of: bool


@seldom
def fit(judged: list[Judged]) -> Any:
    """Return the logistic model of whether a guess is right; None if there are none, or all were right, or all wrong.

    A group of many products says more than one of few, but not as many times more: its products come right or wrong together.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not judged:
        return None
    figures = np.concatenate([each.figures for each in judged])
    right = np.concatenate([each.right for each in judged])
    if len(set(right)) < 2:
        return None
    weights = []
    for kind in (False, True):
        groups = [each.group for each in judged if each.is_unheard_of == kind]
        sizes = Counter(np.concatenate(groups)) if groups else {}
        raw = [np.array([sizes[value] ** -0.5 for value in group]) for group in groups]
        whole = sum(each.sum() for each in raw) or 1.0
        weights.append([each / whole * (UNHEARD_OF if kind else 1 - UNHEARD_OF) for each in raw])
    ordinary, unheard_of = (iter(each) for each in weights)
    ordered = np.concatenate([next(unheard_of if each.is_unheard_of else ordinary) for each in judged])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return model.fit(figures, right, logisticregression__sample_weight=ordered * len(ordered))


def bar(model: Any, judged: list[Judged]) -> float:
    """Return the confidence that all but 15 % of the products of categories held out stay below; 0 if none were."""
    unheard_of = [each.figures for each in judged if each.is_unheard_of]
    if model is None or not unheard_of:
        return 0.0
    return float(np.quantile(model.predict_proba(np.concatenate(unheard_of))[:, 1], 1 - ASSIGNED))
