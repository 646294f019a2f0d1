"""The confidence in a predicted category is the share of such predictions that are right, on real products."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.demo.journey.complete_journey import read_products
from workbench.etl.members.categorize import THRESHOLD, predict_categories
from workbench.etl.members.novelty import UNHEARD_OF


@pytest.fixture(scope="module")
def products() -> pd.DataFrame:
    """The Complete Journey's products that have a category."""
    return read_products()


def judged(products: pd.DataFrame, hidden: np.ndarray) -> pd.DataFrame:
    """Hide the category of some products; return the confidence in each guess, if it is assigned, and whether it is right."""
    guessed = predict_categories(products[~hidden], products[hidden].drop(columns="category")).products
    both = guessed.merge(products[["product_id", "category"]], on="product_id", suffixes=("", "_true"))
    return pd.DataFrame(
        {
            "confidence": both["confidence"],
            "is_sure": both["is_sure"],
            "right": both["category"] == both["category_true"],
        }
    )


def test_products_like_others_get_their_category_and_are_right_at_least_as_often_as_said(
    products: pd.DataFrame,
) -> None:
    hidden = np.random.default_rng(1).random(len(products)) < 0.15
    found = judged(products, hidden)
    assert len(found) > 10_000
    sure = found[found["is_sure"]]
    assert len(sure) / len(found) >= 0.85 and sure["right"].mean() >= 0.975
    # The confidence leaves room for kinds that nobody has seen, so it is low here, where there are none, and never high.
    assert 0 <= sure["right"].mean() - sure["confidence"].mean() < 0.05
    bins = found.groupby(pd.cut(found["confidence"], [0, 0.4, 0.7, 0.9, 1]), observed=True)
    means = bins.agg(confidence=("confidence", "mean"), right=("right", "mean"), count=("right", "size"))
    assert (means["right"] >= means["confidence"] - 0.02)[means["count"] >= 300].all(), means


def held_out(products: pd.DataFrame, column: str) -> pd.DataFrame:
    """Hide a seventh of the values of a column, twice; return each guess, and whether others have that wording (``worded``)."""
    values = products[column].dropna().unique()
    found = []
    for number in range(2):
        chosen = np.random.default_rng(number).choice(values, len(values) // 7, replace=False)
        hidden = products[column].isin(set(chosen))
        seen = set(products.loc[~hidden, "description"].dropna())
        guessed = predict_categories(products[~hidden], products[hidden].drop(columns="category")).products
        true = products[["product_id", "category", "description"]]
        both = guessed.merge(true, on="product_id", suffixes=("", "_true"))
        right, worded = both["category"] == both["category_true"], both["description"].isin(seen)
        found.append(both.assign(right=right, worded=worded, draw=number))
    return pd.concat(found)


def test_of_new_wordings_the_confidence_leaves_room_for_kinds_that_nobody_has_seen(
    products: pd.DataFrame,
) -> None:
    new, unseen = held_out(products, "description"), held_out(products, "category")
    unheard_of, alike = unseen[~unseen["worded"]], unseen[unseen["worded"]]
    assert len(alike) > 10_000 and (alike.groupby("draw")["is_sure"].mean() < 0.15).all()
    assert len(new) > 10_000 and len(unheard_of) > 10_000 and not unheard_of["right"].any()
    sure, wrong = new[new["confidence"] >= THRESHOLD], unheard_of[unheard_of["confidence"] >= THRESHOLD]
    # A new wording is hardly ever surer than it is right, and an unheard-of kind seldom gets a category.
    assert sure["right"].mean() >= sure["confidence"].mean() - 0.02
    surest = new[new["confidence"] >= 0.9]
    assert len(surest) > 200 and surest["right"].mean() >= surest["confidence"].mean() - 0.03
    assert len(wrong) / len(unheard_of) < 0.12
    # Of both, mixed as the model takes them to be, as many are right as it says.
    each = [(new, 1 - UNHEARD_OF), (unheard_of, UNHEARD_OF)]
    stated = sum(found["confidence"].mean() * share for found, share in each)
    right = sum(found["right"].mean() * share for found, share in each)
    assert stated == pytest.approx(right, abs=0.06)
