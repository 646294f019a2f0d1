"""How well the forests for tables find odd rows and faulty files; writes the tables of docs/user-guides/data-quality.md.

Rows: sets that scikit-learn ships, one class made rare, against an isolation forest and the distance to the fifth
neighbour: PyOD's where that is installed, else scikit-learn's. Files: days of the Complete Journey's real lines, eleven of
them held against those before with a fault of one kind in each, and all clean ones once. Measures: the same days landed
one after the other, clean, and what is outside its bounds. Seeds 0 to 9 are for tuning.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from workbench.anomaly.tables.forest import TableForest
from workbench.anomaly.tables.judgement import Reference
from workbench.anomaly.tables.profiles import profile_batches
from workbench.demo.journey import complete_journey
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import connect

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "user-guides" / "data-quality.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SEEDS = (10, 11, 12)
REFERENCE_DAYS = 30
CHANCE = 0.25 / 30


def sets(seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, rows and which of them are odd: a twentieth, drawn from the class that is made rare."""
    random = np.random.default_rng(seed)
    for name, load, rare in (
        ("breast cancer, malignant", load_breast_cancer, (0,)),
        ("wine, first", load_wine, (0,)), ("wine, second", load_wine, (1,)), ("wine, third", load_wine, (2,)),
        ("iris, setosa", load_iris, (0,)), ("iris, virginica", load_iris, (2,)),
        ("digits, 0", load_digits, (0,)), ("digits, 8", load_digits, (8,)),
    ):  # fmt: skip
        data = load()
        is_rare = np.isin(data.target, rare)
        count = max(5, int(0.05 * (~is_rare).sum()))
        odd = random.choice(np.flatnonzero(is_rare), count, replace=False)
        yield (
            name, np.concatenate([data.data[~is_rare], data.data[odd]]),
            np.concatenate([np.zeros((~is_rare).sum()), np.ones(count)]),
        )  # fmt: skip


def baselines(rows: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return the oddness of each row by the two baselines, on standardised columns."""
    scaled = StandardScaler().fit_transform(rows)
    try:
        from pyod.models.iforest import IForest
        from pyod.models.knn import KNN
    except ImportError:
        near = NearestNeighbors(n_neighbors=5).fit(scaled).kneighbors()[0][:, -1]
        return {"KNN": near, "IForest": -IsolationForest(random_state=seed).fit(scaled).score_samples(scaled)}
    return {
        "KNN": KNN(n_neighbors=5).fit(scaled).decision_scores_,
        "IForest": IForest(random_state=seed).fit(scaled).decision_scores_,
    }


def rank_rows() -> dict[str, dict[str, float]]:
    """Return the mean AUC over the seeds of each method on each set."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in SEEDS:
        for name, rows, odd in sets(seed):
            forest = TableForest(random_state=seed).fit(rows)
            scores = {"TableForest": -forest.score_samples(rows), **baselines(rows, seed)}
            for method, score in scores.items():
                found[name][method].append(float(roc_auc_score(odd, score)))
    means = {
        name: {method: float(np.mean(values)) for method, values in methods.items()}
        for name, methods in found.items()
    }
    overall = {method: float(np.mean([each[method] for each in means.values()])) for method in scores}
    return {**means, "mean": overall}


def days() -> list[pd.DataFrame]:
    """Return the lines of each day of half a year: real households, stores, products, amounts and times."""
    with duckdb.connect() as connection:
        complete_journey.read(connection, 180)
        lines = connection.execute(
            "SELECT 'T' || basket_id AS transaction_id, transaction_timestamp, 'C' || household_id AS customer_id, "
            "'P' || product_id AS product_id, 'S' || store_id AS store_id, quantity, "
            "round(sales_cents / 100.0 / greatest(quantity, 1), 2) AS unit_price, discount_cents / 100.0 AS discount_amount, "
            "CASE WHEN store_id % 9 = 0 THEN 'GBP' ELSE 'USD' END AS currency FROM sold "
            "ORDER BY transaction_timestamp, basket_id, product_id"
        ).df()
    return [day for _, day in lines.groupby(lines["transaction_timestamp"].dt.date)]


def some(day: pd.DataFrame, share: float, random: np.random.Generator) -> pd.Index:
    """Return a part of a day's rows, drawn."""
    return day.index[random.random(len(day)) < share]


def faults() -> dict[str, tuple[set[str], Callable[[pd.DataFrame, np.random.Generator], None]]]:
    """Return each kind of fault: the columns that may be named, and what it does to a day."""

    def put(column: str, change: Callable[[pd.Series], object], share: float = 1.0):  # type: ignore[no-untyped-def]
        def spoil(day: pd.DataFrame, random: np.random.Generator) -> None:
            rows = some(day, share, random)
            day.loc[rows, column] = change(day.loc[rows, column])

        return {column}, spoil

    def exchange(day: pd.DataFrame, random: np.random.Generator) -> None:
        day["quantity"], day["unit_price"] = day["unit_price"].copy(), day["quantity"].copy()

    def single(day: pd.DataFrame, random: np.random.Generator) -> None:
        day.loc[random.choice(day.index), "unit_price"] = 250_000.0

    return {
        "prices in cents, all": put("unit_price", lambda price: price * 100),
        "prices in cents, 5 %": put("unit_price", lambda price: price * 100, 0.05),
        "quantities times 10, 5 %": put("quantity", lambda quantity: quantity * 10, 0.05),
        "quantity and price exchanged": ({"quantity", "unit_price"}, exchange),
        "customers missing, 10 %": put("customer_id", lambda customer: None, 0.1),
        "another currency, 5 %": put("currency", lambda currency: "JPY", 0.05),
        "the other store's currency, 10 %": put(
            "currency", lambda currency: np.where(currency == "GBP", "USD", "GBP"), 0.1
        ),
        "one store for all": put("store_id", lambda store: "S367"),
        "ids of another form": put("product_id", lambda product: product.str[1:] + "-X"),
        "discounts negative, 20 %": put("discount_amount", lambda discount: -discount - 1, 0.2),
        "one price of 250,000": ({"unit_price"}, single),
    }


def find_faults() -> dict[str, object]:
    """Hold each day against the thirty before it, clean once and then with a fault, and count what is found."""
    every = days()
    alarms, judged = 0, 0
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for start in range(0, len(every) - REFERENCE_DAYS - 10, 20):
        known = every[start : start + REFERENCE_DAYS]
        rows = pd.concat(known, ignore_index=True)
        batches = np.repeat(np.arange(len(known)), [len(day) for day in known])
        step = max(len(rows) // 9000, 1)
        reference = Reference.learn(rows.iloc[::step], batches[::step], seed=start)
        assert reference is not None
        following = every[start + REFERENCE_DAYS : start + REFERENCE_DAYS + 10]
        alarms += sum(bool(reference.judge(day, CHANCE)) for day in following)
        judged += len(following)
        for number, (kind, (columns, spoil)) in enumerate(faults().items()):
            day = following[number % len(following)].reset_index(drop=True).astype({"quantity": float})
            spoil(day, np.random.default_rng([SEEDS[0], start, number]))
            named = [fault.column for fault in reference.judge(day, CHANCE)]
            found[kind].append((bool(named), bool(columns & set(named[:2]))))
    return {
        "clean files": judged, "false alarms": alarms, "false alarms a month of daily files": 30 * alarms / judged,
        "kinds": {
            kind: {"files": len(each), "found": float(np.mean([hit for hit, _ in each])), "named": float(np.mean([named for _, named in each]))}
            for kind, each in found.items()
        },
    }  # fmt: skip


def replay_measures() -> dict[str, object]:
    """Land the clean days as daily files, and count the checks of their measures that warn."""
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        os.environ |= {"WORKBENCH_HOME": folder, "WORKBENCH_LANDING_LOOK": "0"}
        warehouse, every = connect(create=True), days()
        for day in every:
            name = f"{day['transaction_timestamp'].iloc[0]:%Y-%m-%d}.csv"
            day.assign(line_number=day.groupby("transaction_id").cumcount() + 1).to_csv(
                f"{folder}/{name}", index=False
            )
            land(f"{folder}/{name}", "transactions")
        ingest(warehouse)
        # Each came on the day after its own.
        warehouse.execute(
            "UPDATE ops.batches SET ingested_at = came.at FROM (SELECT _batch_id, "
            "CAST(CAST(min(transaction_timestamp) AS DATE) AS TIMESTAMP) + INTERVAL 30 HOUR AS at "
            "FROM raw.transactions GROUP BY 1) AS came WHERE came._batch_id = batch_id"
        )
        found = profile_batches(warehouse)
    outside = found.outside.groupby(["batch_id", "measure"]).ngroups
    judged = found.rows[found.rows["usual"].notna()]
    files = judged["batch_id"].nunique()
    return {
        "files": files,
        "figures": len(judged),
        "checks that warn": outside,
        "a month": 30 * outside / files,
    }


def tables(ranked: dict[str, dict[str, float]], files: dict[str, object], measures: dict[str, object]) -> str:
    """Return the results as Markdown."""
    methods = list(ranked["mean"])
    lines = [f"| set | {' | '.join(methods)} |", f"|---|{'---:|' * len(methods)}"]
    lines += [
        f"| {name} | {' | '.join(f'{values[method]:.3f}' for method in methods)} |"
        for name, values in ranked.items()
    ]
    lines += ["", "| fault | files | found | column among the first two |", "|---|---:|---:|---:|"]
    kinds: dict[str, dict[str, float]] = files["kinds"]  # type: ignore[assignment]
    lines += [
        f"| {kind} | {each['files']:.0f} | {each['found']:.0%} | {each['named']:.0%} |"
        for kind, each in kinds.items()
    ]
    alarms = f"{files['false alarms']} of {files['clean files']} clean days raised an alert"
    month = f"{files['false alarms a month of daily files']:.2f} a month of daily files"
    told = (
        f"The {measures['figures']:,} figures of the same days, landed clean one after the other and held against those "
        f"before: {measures['checks that warn']} checks warn on {measures['files']} days, {measures['a month']:.2f} a month."
    )
    return "\n".join([*lines, "", f"{alarms}: {month}.", "", told])


def main() -> None:
    """Measure, print as JSON, and with ``--write`` put the tables into the guide."""
    ranked, files, measures = rank_rows(), find_faults(), replay_measures()
    print(json.dumps({"rows": ranked, "files": files, "measures": measures}, indent=2))
    if "--write" in sys.argv[1:]:
        text = GUIDE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        GUIDE.write_text(
            f"{before}{BEGIN}\n{tables(ranked, files, measures)}\n{END}{after}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
