"""The products workflow: unlisted products are found, and those without a category get one; and which are new."""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import sha256

import pandas as pd
import pyarrow as pa

from workbench.etl.incremental import Step, replace_changed
from workbench.etl.members import categorize, novelty
from workbench.etl.members.categorize import FEATURES, ModelReport, predict_categories
from workbench.etl.members.decisions import STANDING, STEP
from workbench.execution import timed
from workbench.schema import dataset, landed_last
from workbench.warehouse import Warehouse

_COLUMNS = (
    "product_id", "description", "brand", "manufacturer_id", "department", "category", "subcategory", "package_size",
    "list_price",
)  # fmt: skip
_PRODUCT = ", ".join(_COLUMNS)
# An entry that landed again counts once, as it landed last; one that deletes says nothing of what the product is.
_LATEST = f"""
    SELECT {_PRODUCT} FROM (
        SELECT {_PRODUCT}, row_number() OVER (PARTITION BY product_id ORDER BY updated_at DESC) AS place
        FROM ({landed_last(dataset("products"), [*_COLUMNS, "updated_at", "is_deleted"])}) AS entries
        WHERE NOT coalesce(is_deleted, false)
    ) AS versions WHERE place = 1
"""

# Products that are sold and not listed. Nearly all are listed, so the few ids that are not are found first, and only
# lines of receipts that name one are asked for their latest correction, which may name another product.
_UNLISTED = f"""
    WITH strangers AS (
        SELECT DISTINCT sold.product_id FROM raw.transactions AS sold
        LEFT JOIN ({_LATEST}) AS listed ON listed.product_id = sold.product_id
        WHERE listed.product_id IS NULL
    )
    SELECT DISTINCT product_id FROM (
        {
    landed_last(
        dataset("transactions"),
        ["product_id"],
        where="transaction_id IN (SELECT naming.transaction_id "
        "FROM raw.transactions AS naming WHERE naming.product_id IN (SELECT product_id FROM strangers))",
    )
}
    ) AS lines
    WHERE product_id IN (SELECT product_id FROM strangers)
"""

NEWEST_PACKAGE = """
    SELECT product_id, package_size, row_number() OVER (PARTITION BY product_id ORDER BY valid_from DESC) AS age
    FROM core.dim_product
"""
"""The package of each product, the newest version's aged 1: what tells apart many products of one name."""


@dataclass(frozen=True)
class ProductsResult:
    """How many products there are, by where their category is from, and how often the model was right.

    ``models`` tells the held-out accuracy of each model that was trained.
    """

    products: int
    categories_landed: int
    categories_decided: int
    categories_predicted: int
    categories_missing: int
    unlisted: int
    models: tuple[ModelReport, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "products": self.products,
            "products_unlisted": self.unlisted,
            "categories_landed": self.categories_landed,
            "categories_decided": self.categories_decided,
            "categories_predicted": self.categories_predicted,
            "categories_missing": self.categories_missing,
        }

    def frame(self) -> pd.DataFrame:
        """The figures as one row."""
        return pd.DataFrame([self.counts])

    def accuracy(self) -> pd.DataFrame:
        """One row a model: what it goes by, and how often it was right on held-out products."""
        return pd.DataFrame(self.models, columns=[field.name for field in fields(ModelReport)])


def classify_products(warehouse: Warehouse) -> ProductsResult:
    """Write ``staging.product_category`` for each product listed or sold.

    What landed is kept, and what people decided stands where nothing landed. A product without a category gets a predicted one where the confidence is at least 0.7,
    and its department only if none landed.
    """
    step = Step(
        warehouse, STEP, ["products", "transactions"], [categorize, novelty], fills="staging.product_category"
    )
    models: tuple[ModelReport, ...] = ()
    if step.is_needed:
        features, outer = ", ".join(FEATURES), ", ".join(f"known.{name}" for name in FEATURES)
        with timed("sql"):
            products = warehouse.frame(
                f"""
                SELECT known.product_id, is_unlisted, known.category, subcategory, {outer},
                       decided.category AS decided_category, decided.department AS decided_department FROM (
                    SELECT product_id, false AS is_unlisted, category, subcategory, {features} FROM ({_LATEST}) AS listed
                    UNION ALL
                    SELECT product_id, true, {", ".join("NULL" for _ in ("category", "subcategory", *FEATURES))}
                    FROM ({_UNLISTED}) AS unlisted
                ) AS known LEFT JOIN ({STANDING}) AS decided ON decided.product_id = known.product_id
                ORDER BY known.product_id
                """
            )
        products = products.astype(object).where(products.notna(), None)
        inputs = sha256(
            pd.util.hash_pandas_object(products.astype(str), index=False).to_numpy().tobytes()
        ).hexdigest()
        if step.is_known(inputs):
            # New lines of known products: whatever they are, it is the same.
            with timed("sql"):
                warehouse.run(lambda session: step.done(session, inputs), repeatable=True)
            step.skipped("staging.product_category")
        else:
            decided = products["category"].isna() & products["decided_category"].notna()
            products.loc[decided, "category"] = products.loc[decided, "decided_category"]
            bare = decided & products["department"].isna()
            products.loc[bare, "department"] = products.loc[bare, "decided_department"]
            known = products["category"].notna()
            with timed("model"):
                prediction = predict_categories(products[known], products[~known])
            models = prediction.models
            with timed("sql"):
                replace_changed(
                    warehouse, "staging.product_category", _table(_assign(products, decided, prediction.products)),
                    member="product_id", model="dim_product", kind="products", step=step, inputs=inputs,
                )  # fmt: skip
    else:
        step.skipped("staging.product_category")
    return _classified(warehouse, models)


def _classified(warehouse: Warehouse, models: tuple[ModelReport, ...]) -> ProductsResult:
    count = "CAST(coalesce(sum(CASE WHEN category_source = '{}' THEN 1 ELSE 0 END), 0) AS BIGINT)".format
    with timed("sql"):
        (row,) = warehouse.query(
            f"""
            SELECT count(*) AS products, {count("feed")} AS categories_landed, {count("decided")} AS categories_decided,
                   {count("predicted")} AS categories_predicted, {count("none")} AS categories_missing,
                   CAST(coalesce(sum(CASE WHEN latest.product_id IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS unlisted
            FROM staging.product_category AS assigned
            LEFT JOIN ({_LATEST}) AS latest ON latest.product_id = assigned.product_id
            """
        ).to_pylist()
    return ProductsResult(**{name: int(value) for name, value in row.items()}, models=models)


def _assign(products: pd.DataFrame, decided: pd.Series, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return product_category's columns: what landed or was decided, filled in where a prediction is confident enough."""
    result = products[["product_id", "department", "category", "subcategory"]].copy()
    landed = result["category"].notna()
    result["category_source"] = landed.map({True: "feed", False: "none"}).astype(object)
    result.loc[decided, "category_source"] = "decided"
    result["category_confidence"] = landed.map({True: 1.0, False: float("nan")})
    guesses = predicted.set_index("product_id")
    unsure = result["product_id"].isin(guesses.index[~guesses["is_sure"]])
    suggested = result["product_id"].where(unsure)
    result["suggested_category"] = suggested.map(guesses["category"].to_dict()).astype(object)
    result["suggested_confidence"] = suggested.map(guesses["confidence"].to_dict()).astype(float)
    sure = predicted[predicted["is_sure"]].set_index("product_id")
    chosen = result["product_id"].isin(sure.index)
    ids = result.loc[chosen, "product_id"]
    result.loc[chosen, "category"] = ids.map(sure["category"].to_dict())
    result.loc[chosen, "category_confidence"] = ids.map(sure["confidence"].to_dict())
    result.loc[chosen, "category_source"] = "predicted"
    usual = products[landed & products["department"].notna()].groupby("category")["department"]
    departments = usual.agg(lambda values: values.mode().iloc[0]).to_dict() if chosen.any() else {}
    bare = chosen & result["department"].isna()
    result.loc[bare, "department"] = result.loc[bare, "category"].map(departments)
    return result


def _table(result: pd.DataFrame) -> pa.Table:
    text = ("product_id", "department", "category", "subcategory", "category_source", "suggested_category")
    columns = {name: pa.array(result[name], pa.string(), from_pandas=True) for name in text}
    for name in ("category_confidence", "suggested_confidence"):
        columns[name] = pa.array(result[name], pa.float64(), from_pandas=True)
    return pa.table(columns)


def assigned_categories(warehouse: Warehouse, limit: int = 10) -> pd.DataFrame:
    """Return products that landed without a category and what they got, the most confident first."""
    found = warehouse.frame(
        f"""
        SELECT assigned.product_id, description, brand, package_size, assigned.department, assigned.category,
               category_source, category_confidence AS confidence
        FROM staging.product_category AS assigned
        LEFT JOIN ({_LATEST}) AS latest ON latest.product_id = assigned.product_id
        WHERE category_source <> 'feed'
        ORDER BY category_confidence DESC NULLS LAST, description NULLS LAST, assigned.product_id LIMIT {int(limit)}
        """
    )
    return found.assign(confidence=found["confidence"].round(3))


def new_products(warehouse: Warehouse, limit: int = 10) -> pd.DataFrame:
    """Return products first sold in the last 28 days of the data, the most sold first."""
    return warehouse.frame(
        f"""
        SELECT sold.product_id, description, brand, package_size AS package, sold.department, sold.category,
               first_sold, lines, is_unlisted
        FROM marts.product_performance AS sold LEFT JOIN ({NEWEST_PACKAGE}) AS newest
        ON newest.product_id = sold.product_id AND newest.age = 1
        WHERE is_new ORDER BY lines DESC, first_sold, sold.product_id LIMIT {int(limit)}
        """
    )
