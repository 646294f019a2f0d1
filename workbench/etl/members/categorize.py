"""Predict the category of a product from what is known of it: a small text model with a checked confidence.

Naive-Bayes models are trained as needed: with and without descriptions and departments. A confidence is the
share of such products that a model got right which hadn't seen them. Two shares are told apart: of products whose
description others have too, and of products whose wording is new, each by how much they are like what is known
(:mod:`workbench.etl.members.novelty`), where some are taken to be of kinds that nobody has seen. Products without a
description are judged by the model's score alone. The same products always give the same model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.etl.members import novelty
from workbench.libraries.seldom import seldom

THRESHOLD = 0.7
"""Confidence from which a predicted category is assigned, where none higher is learnt to be needed."""

FEATURES = ("description", "brand", "manufacturer_id", "department", "package_size", "list_price")
_FEWEST = 50
_MOST = 16_000
_SMOOTHING = 0.02
_FOLDS = 3
Unseen = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Which products a model hadn't seen, what it guessed, and its chances of that and of the second guess, a row each."""
Others = dict[tuple[str, int], novelty.Known]
"""What is known of the products that aren't held out, by the column by whose values they are, and the third."""
_TOKEN = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Categorizer:
    """A trained model: ``accuracy`` and ``held_out`` tell how often it was right, on how many unseen products.

    ``familiar`` turns what ``known`` says of products whose description it was trained on into confidences, ``strange``
    what it says of others; ``by_score`` does with nothing but scores, where there is no description or nothing to tell.
    ``least`` is the confidence in a known wording's category from which it is assigned: 0.7, or more where more of the
    categories held out would have got one. Where far more products of a wording want a category than have one, none does.
    """

    vectorizer: Any
    classifier: Any
    by_score: Any
    familiar: Any
    least: float
    strange: Any
    known: novelty.Known
    descriptions: frozenset[str]
    accuracy: float
    trained_on: int
    held_out: int

    def predict(self, tokens: list[list[str]], products: pd.DataFrame) -> pd.DataFrame:
        """Return a row a product: the likeliest category, the confidence in it (0 to 1), and whether it is sure enough."""
        category, chances = _best(self.classifier, self.vectorizer.transform(tokens))
        confidence = self.by_score.predict(chances[:, 0])
        least = np.full(len(products), THRESHOLD)
        if self.descriptions:
            worded = products["description"].isin(self.descriptions).to_numpy()
            least[worded] = self.least
            least[worded & self.known.is_crowded(products)] = np.inf
            for chosen, model, figures in (
                (worded, self.familiar, self.known.agree),
                (~worded, self.strange, self.known.compare),
            ):
                if model is not None and chosen.any():
                    found = figures(products[chosen], category[chosen], chances[chosen])
                    confidence[chosen] = model.predict_proba(found)[:, 1]
        return pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy(),
                "category": category,
                "confidence": confidence,
                "is_sure": confidence >= least,
            }
        )


@dataclass(frozen=True)
class ModelReport:
    """How often one model was right: of ``held_out`` products like those it is for."""

    described: bool
    with_department: bool
    accuracy: float
    trained_on: int
    held_out: int
    asked_for: int


@dataclass(frozen=True)
class Prediction:
    """Categories for products without one (product_id, category, confidence, is_sure), and the models they are from."""

    products: pd.DataFrame
    models: tuple[ModelReport, ...]


def predict_categories(known: pd.DataFrame, wanted: pd.DataFrame) -> Prediction:
    """Predict a category for each wanted product from the products whose category is known.

    A department in which hardly any category is known tells nothing, so its products get a model without it.

    Args:
        known: product_id, category and FEATURES; missing values are None or NaN.
        wanted: product_id and FEATURES.

    Returns:
        A prediction for those products that anything but a price is known of.
    """
    parts: list[pd.DataFrame] = []
    models: list[ModelReport] = []
    others: Others = {}
    known_in = known["department"].value_counts()
    familiar = wanted["department"].isin(known_in[known_in >= _FEWEST].index)
    described = wanted["description"].notna()
    for text in (True, False):
        for placed in (True, False):
            names = [
                name
                for name in FEATURES
                if (placed or name != "department") and (text or name != "description")
            ]
            has_others = wanted[[name for name in names if name != "list_price"]].notna().any(axis=1)
            group = wanted[(described == text) & (familiar == placed) & has_others]
            model = None if group.empty else train(known, names, others)
            if model is None:
                continue
            parts.append(model.predict(_tokens(group, names), group))
            models.append(
                ModelReport(text, placed, model.accuracy, model.trained_on, model.held_out, len(group))
            )
    empty = pd.DataFrame(
        {"product_id": [], "category": [], "confidence": [], "is_sure": np.array([], dtype=bool)}
    )
    return Prediction(pd.concat(parts, ignore_index=True) if parts else empty, tuple(models))


@seldom
def train(known: pd.DataFrame, features: list[str], others: Others) -> Categorizer | None:
    """Train on up to 16,000 products chosen by hash; None if there are fewer than 50, or fewer than 2 categories.

    Args:
        known: product_id, category and FEATURES; those without a description are left out if it is a feature.
        features: the names among FEATURES that may be used.
        others: what was found for another model of the same products, and is for the next.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB

    described = "description" in features
    sample = known[known["description"].notna()] if described else known
    sample = (
        sample.assign(_draw=sample["product_id"].map(_hash)).sort_values(["_draw", "product_id"]).head(_MOST)
    )
    if len(sample) < _FEWEST or sample["category"].nunique() < 2:
        return None
    labels = sample["category"].to_numpy(dtype=object)
    vectorizer = TfidfVectorizer(analyzer=_as_it_is, sublinear_tf=True, dtype=np.float32)
    matrix = vectorizer.fit_transform(_tokens(sample, features))
    columns = ("product_id", "description", "category") if described else ("product_id",)
    held_out = {name: list(_unseen(matrix, labels, sample[name])) for name in columns}
    by_score = _calibrate(held_out["product_id"], labels)
    if by_score is None:
        return None
    familiar, least, strange, right = None, THRESHOLD, None, by_score[1]
    if described:
        alike = list(_judge(held_out, ("product_id", "category"), labels, sample, others, worded=True))
        familiar = novelty.fit(alike)
        least = max(least, novelty.bar(familiar, alike))
        anew = list(_judge(held_out, ("description", "category"), labels, sample, others, worded=False))
        rights = [each.right for each in anew if not each.is_unheard_of]
        strange = novelty.fit(anew) if rights else None
        if strange is None:
            return None
        right = np.concatenate(rights)
    final = MultinomialNB(alpha=_SMOOTHING).fit(matrix, labels)
    descriptions = frozenset(sample["description"]) if described else frozenset()
    return Categorizer(
        vectorizer, final, by_score[0], familiar, least, strange, novelty.Known(sample), descriptions, float(right.mean()),
        len(sample), len(right),
    )  # fmt: skip


@seldom
def _calibrate(unseen: Sequence[Unseen], labels: np.ndarray) -> tuple[Any, np.ndarray] | None:
    """Return what turns a score into a confidence, and whether each product was guessed right; None if none could be."""
    from sklearn.isotonic import IsotonicRegression

    scores, rights = [], []
    for held, guess, chances in unseen:
        scores.append(chances[:, 0])
        rights.append(guess == labels[held])
    if not scores:
        return None
    right = np.concatenate(rights)
    isotonic = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return isotonic.fit(np.concatenate(scores), right), right


def _judge(
    held_out: Mapping[str, Sequence[Unseen]],
    by: Iterable[str],
    labels: np.ndarray,
    sample: pd.DataFrame,
    others: Others,
    *,
    worded: bool,
) -> Iterator[novelty.Judged]:
    """Yield guesses about what was held out, by each column: those whose wording the others have too, or those whose have not."""
    for name in by:
        for third, (held, guess, chances) in enumerate(held_out[name]):
            unseen = sample[held]
            chosen = unseen["description"].isin(set(sample["description"][~held])).to_numpy() == worded
            if not chosen.any():
                continue
            unseen, guess, chances = unseen[chosen], guess[chosen], chances[chosen]
            if (likeness := others.get((name, third))) is None:
                likeness = others[name, third] = novelty.Known(sample[~held])
            figures = (likeness.agree if worded else likeness.compare)(unseen, guess, chances)
            group = unseen["product_id" if worded else "description"].to_numpy(dtype=object)
            yield novelty.Judged(figures, guess == labels[held][chosen], group, name == "category")


@seldom
def _unseen(matrix: Any, labels: np.ndarray, group: pd.Series) -> Iterator[Unseen]:
    """Yield for each third of the groups which products are in it, and what a model of the others makes of them."""
    from sklearn.naive_bayes import MultinomialNB

    fold = group.map(lambda value: _hash(f"held out/{value}") % _FOLDS).to_numpy()
    # Numbers are told apart sooner than texts, and are in the same order.
    names, numbers = np.unique(labels, return_inverse=True)
    for third in range(_FOLDS):
        held = fold == third
        if held.any() and len(set(labels[~held])) >= 2:
            trial = MultinomialNB(alpha=_SMOOTHING).fit(matrix[~held], numbers[~held])
            guess, chances = _best(trial, matrix[held])
            yield held, names[guess], chances


def _best(classifier: Any, matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest category of each row, and the chances of that and of the second, a row each."""
    best, chances = [], []
    for start in range(0, matrix.shape[0], 5_000):
        found = classifier.predict_proba(matrix[start : start + 5_000])
        best.append(classifier.classes_[found.argmax(axis=1)])
        chances.append(np.partition(found, -2, axis=1)[:, :-3:-1])
    return np.concatenate(best), np.concatenate(chances).astype(float)


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens


def _hash(value: object) -> int:
    return int.from_bytes(hashlib.blake2b(str(value).encode(), digest_size=6).digest())


def _tokens(products: pd.DataFrame, features: list[str]) -> list[list[str]]:
    """Return the tokens of each product: its fields as they are, its description in words and pieces."""
    rows: list[list[str]] = [[] for _ in range(len(products))]
    for name in features:
        values = products[name].astype(object).where(products[name].notna(), None)
        tokens = {value: _field(name, value) for value in values.unique()}
        for row, value in zip(rows, values, strict=True):
            row += tokens[value]
    return rows


def _field(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if name == "description":
        return _describe(value)
    if name == "list_price":
        return [f"price={round(2 * np.log2(max(float(value), 0.01)))}"]
    if name == "package_size":
        return [f"size={value}", "unit=" + re.sub(r"[\d.,\s]+", "", value)]
    return [f"{name}={value}"]


def _describe(text: str) -> list[str]:
    """Return the words of a description and their three- and four-letter pieces."""
    tokens = []
    for word in _TOKEN.findall(text.casefold()):
        padded = f" {word} "
        tokens.append(word)
        tokens += [padded[at : at + size] for size in (3, 4) for at in range(len(padded) - size + 1)]
    return tokens
