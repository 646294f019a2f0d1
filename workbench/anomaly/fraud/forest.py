"""A forest that says how likely a transaction is fraud, and which of its features say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.anomaly.fraud.shapley import add_shapley, find_paths

_SURE = 1e-4
_LEAST_TO_CALIBRATE = 10
_CHUNK = 8_192


@dataclass(frozen=True)
class Explanation:
    """Why a forest says what it says, for some rows.

    ``baseline`` plus the sum of a row of ``contributions`` (rows x features) is that row's ``share``: what its trees
    say on average, before it is calibrated. ``top`` has the columns of the ``top_k`` contributions that raise it most,
    the strongest first.
    """

    baseline: float
    contributions: np.ndarray
    share: np.ndarray
    top: np.ndarray


class FraudForest(ClassifierMixin, BaseEstimator):
    """A random forest for rare frauds among many genuine rows, with calibrated probabilities.

    Of the genuine rows a part is drawn and weighs more for it, which costs no precision and saves most of the time.
    The last rows are held out at first to see which probabilities come true, so rows are to be given in the order of
    time; then the forest learns from all. What is unknown (NaN) is a value of its own.

    Args:
        n_estimators: number of trees.
        min_samples_leaf: rows that a leaf has at least.
        max_depth: levels of a tree at most; ten are as good as more, and judge three times as many rows a second.
        max_features: share of the features that each split looks at.
        genuine_share: share of the genuine rows that are drawn, above 0 to 1.
        most_rows: rows to grow trees on, frauds included; where there are more, fewer of the genuine ones are drawn, but
            no fewer than there are frauds, which are all kept. None for no bound.
        calibration_share: share of the rows, at the end, on which probabilities are calibrated; 0 for none.
        alert_share: share of the held-out rows that ``predict`` shall call fraud, its threshold being set so; by None
            it calls fraud what is more likely fraud than not.
        random_state: seed.
        n_jobs: processors.

    Attributes:
        classes_: the two classes, the second of which is fraud.
        forest_: the fitted :class:`~sklearn.ensemble.RandomForestClassifier`.
        slope_, intercept_: of the calibration: fraud's log-odds are ``slope_`` times those of the trees plus it.
        threshold_: the probability from which ``predict`` says fraud.
        n_drawn_: rows that the trees were grown on.
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        min_samples_leaf: int = 5,
        max_depth: int | None = 10,
        max_features: float = 0.3,
        genuine_share: float = 0.25,
        most_rows: int | None = 1_000_000,
        calibration_share: float = 0.2,
        alert_share: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.max_features = max_features
        self.genuine_share = genuine_share
        self.most_rows = most_rows
        self.calibration_share = calibration_share
        self.alert_share = alert_share
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> FraudForest:
        """Learn from rows in the order of time.

        Raises:
            ValueError: there aren't exactly two classes, or a parameter is out of range.
        """
        if not 0 < self.genuine_share <= 1:
            raise ValueError(f"genuine_share is {self.genuine_share}; it must be above 0 and at most 1")
        if self.most_rows is not None and self.most_rows < 1:
            raise ValueError(f"most_rows is {self.most_rows}; it must be at least 1, or None")
        if not 0 <= self.calibration_share < 1:
            raise ValueError(f"calibration_share is {self.calibration_share}; it must be from 0 to below 1")
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if type_of_target(y, input_name="y") != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}."
            )
        if len(self.classes_) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        fraud = y == self.classes_[1]
        self.slope_, self.intercept_, self.threshold_ = 1.0, 0.0, 0.5
        begin = len(X) - int(len(X) * self.calibration_share)
        later = slice(begin, None)
        if _both(fraud[:begin], 1) and _both(fraud[later], _LEAST_TO_CALIBRATE):
            self.forest_ = self._grow(X[:begin], fraud[:begin])
            self._calibrate(self._share(X[later]), fraud[later])
        self.forest_ = self._grow(X, fraud)
        return self

    def _grow(self, X: np.ndarray, fraud: np.ndarray) -> RandomForestClassifier:
        random = check_random_state(self.random_state)
        kept = fraud | (random.random_sample(len(X)) < self._share_to_draw(fraud))
        if fraud[kept].all():
            kept[:] = True
        self.n_drawn_ = int(kept.sum())
        share = kept[~fraud].mean()
        forest = RandomForestClassifier(
            self.n_estimators, min_samples_leaf=self.min_samples_leaf, max_depth=self.max_depth,
            max_features=self.max_features,
            random_state=random.randint(2**31 - 1), n_jobs=self.n_jobs,
        )  # fmt: skip
        return forest.fit(_filled(X[kept]), fraud[kept], np.where(fraud, 1.0, 1 / share)[kept])

    def _share_to_draw(self, fraud: np.ndarray) -> float:
        frauds = int(fraud.sum())
        if self.most_rows is None:
            return self.genuine_share
        return min(self.genuine_share, max(self.most_rows - frauds, frauds) / max(len(fraud) - frauds, 1))

    def _calibrate(self, share: np.ndarray, fraud: np.ndarray) -> None:
        line = LogisticRegression(C=1e6).fit(_log_odds(share)[:, None], fraud)
        # A line that falls would turn the order of the rows around, by which they are ranked.
        if line.coef_[0, 0] > 0:
            self.slope_, self.intercept_ = float(line.coef_[0, 0]), float(line.intercept_[0])
        if self.alert_share is not None:
            self.threshold_ = float(np.quantile(self._calibrated(share), 1 - self.alert_share))

    def _share(self, X: np.ndarray) -> np.ndarray:
        found = self.forest_.predict_proba(_filled(X))
        return np.asarray(found[:, 1] if found.shape[1] == 2 else np.zeros(len(X)))

    def _calibrated(self, share: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(self.slope_ * _log_odds(share) + self.intercept_))))

    def _rows(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(
            validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        )

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how likely each row is fraud, 0 to 1; higher is more suspicious."""
        return self._calibrated(self._share(self._rows(X)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of both classes, rows x 2."""
        fraud = self.score_samples(X)
        return np.column_stack([1 - fraud, fraud])

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row: the second where it is at least as likely as ``threshold_``."""
        is_fraud = self.score_samples(X) >= self.threshold_
        return self.classes_[is_fraud.astype(int)]

    def explain(self, X: Any, top_k: int = 3) -> Explanation:
        """Share what the trees say of each row out among its features.

        On its way from the root of a tree to a leaf, what is expected of a row changes with each node; the change is
        the contribution of the feature that the node asked for. They sum up exactly.
        """
        X = _filled(self._rows(X))
        contributions = np.zeros((len(X), self.n_features_in_))
        trees = [_Tree(each.tree_) for each in self.forest_.estimators_]
        for begin in range(0, len(X), _CHUNK):
            for tree in trees:
                tree.attribute(X[begin : begin + _CHUNK], contributions[begin : begin + _CHUNK])
        contributions /= len(trees)
        baseline = float(np.mean([tree.share[0] for tree in trees]))
        top = np.argsort(-contributions, axis=1, kind="stable")[:, :top_k]
        return Explanation(baseline, contributions, baseline + contributions.sum(axis=1), top)

    def shapley(self, X: Any, top_k: int = 3) -> Explanation:
        """Share what the trees say of each row out among its features by their Shapley values, for a few rows.

        They sum up exactly as those of :meth:`explain` do, and don't depend on the order in which the trees ask. A row
        takes a hundred times as long.
        """
        X = _filled(self._rows(X)).astype(np.float32)
        contributions = np.zeros((len(X), self.n_features_in_))
        trees = self.forest_.estimators_
        for each in trees:
            add_shapley(find_paths(each.tree_, _Tree(each.tree_).share), X, contributions)
        contributions /= len(trees)
        baseline = float(np.mean([_Tree(each.tree_).share[0] for each in trees]))
        top = np.argsort(-contributions, axis=1, kind="stable")[:, :top_k]
        return Explanation(baseline, contributions, baseline + contributions.sum(axis=1), top)

    def alike(self, X: Any, others: Any) -> np.ndarray:
        """Return how alike rows are to the forest: the share of trees that put both into one leaf, rows x others."""
        leaves = self.forest_.apply(_filled(self._rows(X)))
        among = self.forest_.apply(_filled(self._rows(others)))
        return np.stack([(among == row).mean(axis=1) for row in leaves])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags


class _Tree:
    """The nodes of one tree, and the share of fraud that each expects."""

    def __init__(self, tree: Any) -> None:
        self.left, self.right = tree.children_left, tree.children_right
        self.feature, self.threshold = tree.feature, tree.threshold
        value = tree.value[:, 0, :]
        self.share = value[:, 1] / value.sum(axis=1) if value.shape[1] == 2 else np.zeros(len(value))

    def attribute(self, X: np.ndarray, contributions: np.ndarray) -> None:
        """Add the changes on the way of each row to what its features contribute, all rows a level at a time."""
        rows = np.arange(len(X))
        node = np.zeros(len(X), dtype=np.int64)
        while True:
            inner = self.left[node] >= 0
            if not inner.any():
                return
            rows, node = rows[inner], node[inner]
            feature = self.feature[node]
            below = X[rows, feature] <= self.threshold[node]
            child = np.where(below, self.left[node], self.right[node])
            contributions[rows, feature] += self.share[child] - self.share[node]
            node = child


def threshold_for_budget(scores: np.ndarray, days: np.ndarray, alerts_a_day: float) -> float:
    """Return the lowest score that no more rows reach than ``alerts_a_day`` times the number of days.

    ``days`` says of each score on which day its row was. Without any scores nothing reaches what is returned.
    """
    count = int(alerts_a_day * len(np.unique(days)))
    if count >= len(scores):
        return 0.0 if len(scores) else float("inf")
    ranked = np.sort(scores)[::-1]
    above = ranked[ranked > ranked[count]]
    return float(above[-1]) if len(above) else float(np.nextafter(ranked[0], np.inf))


def is_worth_a_look(scores: np.ndarray, amounts: np.ndarray, cost_of_a_look: float) -> np.ndarray:
    """Return where the money that is likely lost is more than a look at the transaction costs."""
    return np.asarray(scores * np.abs(amounts) > cost_of_a_look)


def _both(fraud: np.ndarray, least: int) -> bool:
    """Return whether there are that many of frauds and of genuine rows."""
    return min(int(fraud.sum()), int((~fraud).sum())) >= least


def _filled(X: np.ndarray) -> np.ndarray:
    # Nothing that is known is that small.
    return np.nan_to_num(X, nan=-1e6, posinf=None, neginf=None)


def _log_odds(share: np.ndarray) -> np.ndarray:
    kept = np.clip(share, _SURE, 1 - _SURE)
    return np.asarray(np.log(kept / (1 - kept)))
