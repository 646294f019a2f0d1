"""How right the confidence in a predicted category is: of products like others, of new wordings, of kinds nobody has seen.

The Complete Journey's products that have a category; a seventh of the products, wordings or categories is hidden each time.
Run it as ``python benchmarks/categories.py``; ``--draws 4`` hides four times.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.demo.journey.complete_journey import read_products
from workbench.etl.members.categorize import predict_categories

_EDGES = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0]


def judge(products: pd.DataFrame, hidden: np.ndarray) -> pd.DataFrame:
    """Hide the category of some products; return the confidence in each guess, whether it is right, and if its wording is known."""
    guessed = predict_categories(products[~hidden], products[hidden].drop(columns="category")).products
    both = guessed.merge(
        products[["product_id", "category", "description"]], on="product_id", suffixes=("", "_true")
    )
    known = set(products.loc[~hidden, "description"].dropna())
    return pd.DataFrame(
        {
            "confidence": both["confidence"],
            "is_sure": both["is_sure"],
            "right": both["category"] == both["category_true"],
            "worded": both["description"].isin(known),
        }
    )


def draws(products: pd.DataFrame, column: str, times: int) -> Iterator[np.ndarray]:
    """Yield which products to hide: a seventh of the values of a column."""
    values = products[column].dropna().unique()
    for number in range(times):
        chosen = np.random.default_rng(number).choice(values, len(values) // 7, replace=False)
        yield products[column].isin(set(chosen)).to_numpy()


def told(found: pd.DataFrame) -> dict[str, object]:
    """Return what was stated and what was right, of all and of those that are assigned, and by bins of confidence."""
    sure = found[found["is_sure"]]
    bins = found.groupby(pd.cut(found["confidence"], _EDGES, include_lowest=True), observed=True)
    table = bins.agg(
        products=("right", "size"), stated=("confidence", "mean"), right=("right", "mean")
    ).round(3)
    return {
        "products": len(found),
        "stated": round(float(found["confidence"].mean()), 3),
        "right": round(float(found["right"].mean()), 3),
        "assigned": round(len(sure) / len(found), 3),
        "assigned_stated": round(float(sure["confidence"].mean()), 3),
        "assigned_right": round(float(sure["right"].mean()), 3),
        "bins": {str(name): row for name, row in table.to_dict("index").items()},
    }


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2)
    times = parser.parse_args().draws
    products = read_products()
    found = {
        name: pd.concat([judge(products, hidden) for hidden in draws(products, column, times)])
        for name, column in (
            ("products", "product_id"),
            ("wordings", "description"),
            ("categories", "category"),
        )
    }
    unseen = found.pop("categories")
    result = {name: told(each) for name, each in found.items()}
    result["new categories, new wording"] = told(unseen[~unseen["worded"]])
    result["new categories, wording known of others"] = told(unseen[unseen["worded"]])
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
