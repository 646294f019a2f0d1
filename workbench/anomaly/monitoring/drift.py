"""Whether recent days look like those that a model learned from: an effect size, and how likely chance makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

LEAST_DAYS = 14
"""Recent days without which nothing is said."""

LEAST_EFFECT = 0.2
"""Distance of two distributions (Kolmogorov-Smirnov, 0 to 1) below which they are much the same, however sure it is."""

LEAST_RATE = 0.1
"""Rise in the share of days with an alert below which it is no news."""

ERROR_RATE = 0.01
"""Chance of a false word about a model in its whole life, over all measures and all looks."""

LEAST_JUDGED = 10
"""Judged alerts without which nothing is said of a model's precision."""

MOST_FALSE = 0.5
"""Share of false alerts from which it counts."""

Status = Literal["ok", "drifted", "too_few"]


@dataclass(frozen=True)
class Precision:
    """How many of the alerts that were judged were right, and between which shares the true one likely lies."""

    right: int
    cases: int

    @property
    def share(self) -> float:
        """Of the judged alerts, 0 to 1; NaN without any."""
        return self.right / self.cases if self.cases else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson, which holds for few cases, too; all shares without any."""
        if not self.cases:
            return 0.0, 1.0
        z, n, share = 1.959964, self.cases, self.right / self.cases
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Finding:
    """What one measure says of a model.

    Attributes:
        measure: ``input``, ``score``, ``alert_rate``, ``error``, ``precision`` or ``challenger``.
        feature: the input, for ``input``; else empty.
        effect: how far it is off, in the measure's own unit; NaN where too few days are known.
        p_value: how likely chance makes an effect as large; None where that isn't a question of chance.
        limit: the effect from which it counts.
        status: ``drifted`` where effect and certainty both reach their limits.
        message: one sentence for a person.
        precision: of the measure ``precision``, whose effect is the share of false alerts.
    """

    measure: str
    feature: str
    effect: float
    p_value: float | None
    limit: float
    status: Status
    message: str
    precision: Precision | None = None


def allowed(looks: int, tests: int) -> float:
    """Return the chance of a false word that one test of this look may have.

    All looks at a model together keep to ``ERROR_RATE``: the k-th gets 6 / (pi k) ** 2 of it, which sums to one, and its
    tests share that (Bonferroni). So looking each hour for months raises no alarm that looking once would not.

    Args:
        looks: which look at the model this is, from 1.
        tests: number of tests in it.
    """
    return ERROR_RATE * 6 / (math.pi * looks) ** 2 / max(tests, 1)


def compare(
    measure: str,
    feature: str,
    reference: np.ndarray,
    recent: np.ndarray,
    days: tuple[int, int],
    chance: float,
    usually: str = "in training",
) -> Finding:
    """Compare two samples by the largest distance of their distribution functions.

    Values of one day depend on each other, so days are counted and not rows: the certainty is that of samples with one
    value a day.

    Args:
        measure: ``input`` or ``score``.
        feature: name of the input.
        reference: values that the model learned from; NaN is left out.
        recent: values since.
        days: number of days of each.
        chance: that a false word may have, from :func:`allowed`.
        usually: when the reference was.
    """
    from scipy.stats import kstwo

    reference, recent = reference[~np.isnan(reference)], recent[~np.isnan(recent)]
    what = f"the input {feature}" if feature else "the score"
    if min(days) < LEAST_DAYS or not len(reference) or not len(recent):
        return too_few(measure, feature, LEAST_EFFECT, what)
    effect = distance(reference, recent)
    size = days[0] * days[1] / (days[0] + days[1])
    p_value = float(kstwo.sf(effect, max(round(size), 1)))
    status: Status = "drifted" if effect >= LEAST_EFFECT and p_value < chance else "ok"
    usual, now = float(np.median(reference)), float(np.median(recent))
    return Finding(
        measure, feature, effect, p_value, LEAST_EFFECT, status,
        f"{what} is {now:.3g} on the usual one of the last {days[1]} days, and was {usual:.3g} {usually} "
        f"(distance {effect:.2f})",
    )  # fmt: skip


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest distance of the distribution functions of two samples, 0 to 1."""
    places = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(each), places, side="right") / len(each) for each in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def compare_rates(
    reference: tuple[int, int], recent: tuple[int, int], chance: float, usually: str = "in training"
) -> Finding:
    """Compare how many days have an alert with how many had one before.

    Args:
        reference: days with an alert, and all days, of training.
        recent: the same since.
        chance: that a false word may have, from :func:`allowed`.
        usually: when the reference was.
    """
    from scipy.stats import binom

    what = "the share of days with an alert"
    if min(reference[1], recent[1]) < LEAST_DAYS:
        return too_few("alert_rate", "", LEAST_RATE, what)
    # One more of each than there were: of a few hundred days without one it isn't known that there never is one.
    usual = (reference[0] + 1) / (reference[1] + 2)
    rate = recent[0] / recent[1]
    effect, p_value = rate - usual, float(binom.sf(recent[0] - 1, recent[1], usual))
    status: Status = "drifted" if effect >= LEAST_RATE and p_value < chance else "ok"
    message = f"{what} is {rate:.0%} of {recent[1]}, and was {usual:.0%} {usually}"
    return Finding("alert_rate", "", effect, p_value, LEAST_RATE, status, message)


def compare_errors(measure: str, what: str, recent: float, usual: float, limit: float, days: int) -> Finding:
    """Compare two errors of models by their ratio.

    Args:
        measure: ``error`` or ``challenger``.
        what: whose error it is.
        recent: the error of the last days.
        usual: the error that it is held against.
        limit: the ratio from which it counts.
        days: number of recent days.
    """
    if days < LEAST_DAYS or not usual > 0 or not math.isfinite(recent):
        return too_few(measure, "", limit, what)
    ratio = recent / usual
    message = f"{what} is {recent:.1%} of sales over the last {days} days, {ratio:.2f} times {usual:.1%}"
    return Finding(measure, "", ratio, None, limit, "drifted" if ratio >= limit else "ok", message)


def held_to(finding: Finding, chance: float) -> Finding:
    """Return a finding that no longer counts where chance makes it too easily.

    Args:
        finding: whose ``p_value`` is None where that isn't a question.
        chance: that a false word may have, from :func:`allowed`.
    """
    likely = finding.p_value is not None and finding.p_value >= chance
    return replace(finding, status="ok") if likely and finding.status == "drifted" else finding


def judge_precision(precision: Precision) -> Finding:
    """Say whether too many alerts were false: even the high end of the interval has more of them than right ones."""
    if not precision.cases:
        return replace(
            too_few("precision", "", MOST_FALSE, "precision"),
            message="precision: no alert has been judged yet", precision=precision,
        )  # fmt: skip
    low, high = precision.interval
    message = (
        f"{precision.right} of {precision.cases} judged alerts were right: precision {precision.share:.0%}, "
        f"likely {low:.0%} to {high:.0%}"
    )
    few = precision.cases < LEAST_JUDGED
    status: Status = "too_few" if few else "drifted" if 1 - high >= MOST_FALSE else "ok"
    return Finding(
        "precision", "", 1 - precision.share, None, MOST_FALSE, status, message, precision=precision
    )


def too_few(measure: str, feature: str, limit: float, what: str, of: str = "days") -> Finding:
    """Return what is said of a measure while too little of something is known."""
    return Finding(measure, feature, math.nan, None, limit, "too_few", f"{what}: too few {of} to say")
