"""The confidence in a predicted category is the share of such predictions that are right, on real products."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from workbench.demo.complete_journey import source
from workbench.etl.members.categorize import predict_categories


@pytest.fixture(scope="module")
def products() -> pd.DataFrame:
    """The Complete Journey's products that have a category."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""
            SELECT CAST(product_id AS VARCHAR) AS product_id, product_category AS category,
                   product_type AS description, brand, CAST(manufacturer_id AS VARCHAR) AS manufacturer_id,
                   department, package_size, CAST(NULL AS DOUBLE) AS list_price
            FROM {source("products")} WHERE product_category IS NOT NULL ORDER BY product_id
            """
        ).df()
    return found.astype(object).where(found.notna(), None)


def judged(products: pd.DataFrame, hidden: np.ndarray) -> pd.DataFrame:
    """Hide the category of some products; return the confidence in each guess, and whether it is right."""
    guessed = predict_categories(products[~hidden], products[hidden].drop(columns="category")).products
    both = guessed.merge(products[["product_id", "category"]], on="product_id", suffixes=("", "_true"))
    return pd.DataFrame(
        {"confidence": both["confidence"], "right": both["category"] == both["category_true"]}
    )


def test_of_products_like_others_as_many_are_right_as_the_confidence_says(products: pd.DataFrame) -> None:
    hidden = np.random.default_rng(1).random(len(products)) < 0.15
    found = judged(products, hidden)
    assert len(found) > 10_000
    assert found["confidence"].mean() == pytest.approx(found["right"].mean(), abs=0.02)
    bins = found.groupby(pd.cut(found["confidence"], [0, 0.4, 0.7, 0.9, 1]), observed=True)
    means = bins.agg(confidence=("confidence", "mean"), right=("right", "mean"), count=("right", "size"))
    off = (means["confidence"] - means["right"]).abs()
    assert (off[means["count"] >= 300] < 0.08).all(), means


def test_of_products_with_a_new_wording_too_on_the_average(products: pd.DataFrame) -> None:
    wordings = products["description"].dropna().unique()
    found = []
    for number in range(3):
        chosen = np.random.default_rng(number).choice(wordings, len(wordings) // 7, replace=False)
        found.append(judged(products, products["description"].isin(chosen).to_numpy()))
    sure = pd.concat(found).query("confidence >= 0.6")
    # A few wordings cover hundreds of products each, so one draw of them says little.
    assert sure["confidence"].mean() == pytest.approx(sure["right"].mean(), abs=0.07)
