"""How well and how fast fraud is found, on simulated transactions of the handbook's size.

    python benchmarks/fraud.py                     # prints the tables
    python benchmarks/fraud.py --write             # and puts them into docs/user-guides/fraud.md
    python benchmarks/fraud.py --large --write     # ten million rows to learn from instead: 8 GB, up to an hour

Detectors are measured by the handbook's schedule (learn from seven days, wait seven days for labels, judge seven days;
four folds; customers whose fraud is known are left out) on seeds that nothing was tuned on. The features are timed
against DuckDB's windows over ranges, which work out fewer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score

from workbench.anomaly.fraud.backtest import Schedule, folds, interval, measure
from workbench.anomaly.fraud.behaviour.features import CLASSIC, FEATURES, build_features
from workbench.anomaly.fraud.behaviour.known import DAY, HISTORY_DAYS, Transactions, Verdicts
from workbench.anomaly.fraud.forest import FraudForest
from workbench.anomaly.fraud.simulator import Simulated, simulate

GUIDE = Path(__file__).parent.parent / "docs/user-guides/fraud.md"
BEGIN, END = "<!-- python benchmarks/fraud.py --write -->\n", "<!-- until here -->\n"
LARGE_BEGIN, LARGE_END = (
    "<!-- python benchmarks/fraud.py --large --write -->\n",
    "<!-- until here, large -->\n",
)
LARGE_TREES = 8

WINDOWS_IN_SQL = """
WITH windows AS (
    SELECT n, amount,
        {customer},
        {store}
    FROM sold
    WINDOW {names}
)
SELECT {sums} FROM windows
"""


@dataclass(frozen=True)
class Case:
    """Simulated transactions as the detectors get them."""

    simulated: Simulated
    transactions: Transactions
    verdicts: Verdicts


def case(seed: int, days: int = 183) -> Case:
    """Simulate; each fraud is known after seven days."""
    simulated = simulate(seed=seed, days=days)
    rows = np.flatnonzero(simulated.is_fraud)
    return Case(
        simulated,
        Transactions(simulated.time, simulated.customer, simulated.store, simulated.amount),
        Verdicts(rows, simulated.time[rows] + 7 * DAY, np.ones(len(rows), dtype=bool)),
    )


def cpu(work: Callable[[], object]) -> float:
    """Return the processor seconds that something takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def quality(seeds: list[int]) -> list[str]:
    """Measure ours, the classic features, and who knows what can be seen; return the lines of a table."""
    classic = [FEATURES.index(name) for name in CLASSIC]
    found: dict[str, list[dict[str, float]]] = {"ours": [], "classic": [], "oracle": []}
    for seed in seeds:
        one = case(seed)
        features = build_features(one.transactions, one.verdicts)
        fraud, day, visible = one.simulated.is_fraud, one.simulated.day, one.simulated.visible()
        for fold in folds(one.transactions, one.verdicts, Schedule(), block_customers=True):
            scores = {
                name: FraudForest(random_state=seed, n_jobs=-1)
                .fit(features[fold.train][:, columns], fold.label)
                .score_samples(features[fold.test][:, columns])
                for name, columns in (("ours", slice(None)), ("classic", classic))
            } | {"oracle": visible[fold.test].astype(float)}
            for name, score in scores.items():
                at = fold.test
                found[name].append(measure(score, fraud[at], day[at], one.simulated.customer[at]))
    means = {
        name: {key: float(np.mean([each[key] for each in values])) for key in values[0]}
        for name, values in found.items()
    }
    gain = means["ours"]["ap"] / means["classic"]["ap"] - 1
    short = means["ours"]["ap"] / means["oracle"]["ap"] - 1
    folds_in_all = len(found["ours"])
    titles = {
        "ours": f"**FraudForest**, {len(FEATURES)} features",
        "classic": "the same forest on the handbook's 15 features",
        "oracle": "oracle: sees every fraud that can be seen",
    }
    rows = [
        f"| {title} | {means[name]['auc']:.3f} | {means[name]['ap']:.3f} | {means[name]['card_precision']:.3f} |"
        for name, title in titles.items()
    ]
    return [
        "| detector | AUC | AP | card precision at 100 |",
        "|---|---|---|---|",
        *rows,
        "| published, on the handbook's own data: random forest, one fold | .867 | .658 | .287 |",
        "| published, on the handbook's own data: random forest, four folds | .870 | .678 | .299 |",
        "",
        f"Means of {folds_in_all} folds: seeds {', '.join(map(str, seeds))}, four folds each. FraudForest's AP is "
        f"{gain:+.1%} against the 15 features and {short:+.1%} against the oracle; over seeds its AP is "
        + ", ".join(
            f"{np.mean([each['ap'] for each in found['ours'][4 * at : 4 * at + 4]]):.3f}"
            for at in range(len(seeds))
        )
        + ".",
    ]


def in_sql(transactions: Transactions, fraud: np.ndarray) -> Callable[[], object]:
    """Return the windows over ranges in DuckDB: counts and sums by customer; counts and frauds by store, delayed."""
    import pyarrow as pa

    connection = duckdb.connect()
    table = pa.table(
        {
            "n": np.arange(len(transactions)), "t": transactions.time, "customer": transactions.customer,
            "store": transactions.store, "amount": transactions.amount, "fraud": fraud.astype(np.int32),
        }
    )  # fmt: skip
    connection.register("simulated", table)
    connection.execute("CREATE TABLE sold AS SELECT * FROM simulated")
    names, customer, store, columns = [], [], [], []
    for days in (1, 7, 30):
        names.append(
            f"c{days} AS (PARTITION BY customer ORDER BY t RANGE BETWEEN {days * DAY} PRECEDING AND CURRENT ROW)"
        )
        names.append(
            f"s{days} AS (PARTITION BY store ORDER BY t RANGE BETWEEN {(7 + days) * DAY} PRECEDING "
            f"AND {7 * DAY} PRECEDING)"
        )
        customer.append(f"count(*) OVER c{days} AS cc{days}, avg(amount) OVER c{days} AS cm{days}")
        store.append(f"count(*) OVER s{days} AS sc{days}, sum(fraud) OVER s{days} AS sf{days}")
        columns += [f"cc{days}", f"cm{days}", f"sc{days}", f"sf{days}"]
    statement = WINDOWS_IN_SQL.format(
        customer=", ".join(customer), store=", ".join(store), names=", ".join(names),
        sums=", ".join(f"sum({name})" for name in columns),
    )  # fmt: skip
    return lambda: connection.execute(statement).fetchall()


def speed(seed: int) -> list[str]:
    """Time features and scoring; return the lines of a table."""
    one = case(seed)
    sold, fraud = one.transactions, one.simulated.is_fraud
    ours = min(cpu(lambda: build_features(sold, one.verdicts)) for _ in range(3))
    windows = min(cpu(in_sql(sold, fraud)) for _ in range(2))
    features = build_features(sold, one.verdicts)
    fold = next(folds(sold, one.verdicts, Schedule(train=21, folds=1)))
    learned, labels = features[fold.train], fold.label
    forest = FraudForest(random_state=0).fit(learned, labels)
    filled = np.nan_to_num(learned, nan=-1)
    deep = RandomForestClassifier(200, max_depth=12, random_state=0).fit(filled, labels)
    test, truth = features[fold.test], fraud[fold.test]
    filled_test = np.nan_to_num(test, nan=-1)
    ap = average_precision_score(truth, forest.score_samples(test))
    ap_deep = average_precision_score(truth, deep.predict_proba(filled_test)[:, 1])
    scoring = min(cpu(lambda: forest.score_samples(test)) for _ in range(3))
    deep_scoring = min(cpu(lambda: deep.predict_proba(filled_test)) for _ in range(3))
    alerted = test[np.argsort(-forest.score_samples(test))[:2_000]]
    explaining = cpu(lambda: forest.explain(alerted))
    newest = np.flatnonzero(one.simulated.day == one.simulated.day.max())
    recent = np.flatnonzero(sold.time >= sold.time[newest].min() - HISTORY_DAYS * DAY)
    place = np.full(len(sold), -1)
    place[recent] = np.arange(len(recent))
    told = place[one.verdicts.row] >= 0
    part = Transactions(sold.time[recent], sold.customer[recent], sold.store[recent], sold.amount[recent])
    known = Verdicts(place[one.verdicts.row][told], one.verdicts.known_at[told], one.verdicts.is_fraud[told])
    a_day = cpu(lambda: forest.score_samples(build_features(part, known, rows=place[newest])))
    return [
        "| what | ours | against | ratio |",
        "|---|---|---|---|",
        f"| features of {len(sold):,} transactions, processor seconds | {ours:.1f} ({len(FEATURES)} features) | "
        f"{windows:.1f}, DuckDB's windows over ranges (12 features) | {ours / windows:.2f} |",
        f"| scoring, rows a second on one processor | {len(test) / scoring:,.0f} (AP {ap:.3f}) | "
        f"{len(test) / deep_scoring:,.0f}, 200 trees of depth 12 (AP {ap_deep:.3f}) | "
        f"{deep_scoring / scoring:.1f} |",
        f"| explaining a row, milliseconds | {1_000 * explaining / len(alerted):.2f} | | |",
        f"| a day of {len(newest):,} new transactions, features and scores, seconds | {a_day:.2f} | | |",
    ]


@dataclass(frozen=True)
class Split:
    """Features and labels to learn from, and what is judged a week after."""

    features: np.ndarray
    label: np.ndarray
    test: np.ndarray
    fraud: np.ndarray
    day: np.ndarray


def split(seed: int) -> Split:
    """Simulate three times the handbook's customers and stores for a year; learn from all but the last two weeks."""
    simulated = simulate(customers=15_000, stores=30_000, days=365, seed=seed, compromises=3)
    rows = np.flatnonzero(simulated.is_fraud)
    sold = Transactions(simulated.time, simulated.customer, simulated.store, simulated.amount)
    told = Verdicts(rows, simulated.time[rows] + 7 * DAY, np.ones(len(rows), dtype=bool))
    day = simulated.day
    learned, judged = int(np.searchsorted(day, 351)), int(np.searchsorted(day, 358))
    features = build_features(sold, told)
    label = told.as_of(358 * DAY, len(sold))[:learned]
    return Split(features[:learned], label, features[judged:], simulated.is_fraud[judged:], day[judged:])


def learn_from(part: Split, forest: FraudForest) -> dict[str, float]:
    """Learn in a process of its own; return average precision with its interval, processor seconds and peak memory."""

    def work() -> None:
        seconds = cpu(lambda: forest.fit(part.features, part.label))
        score = forest.score_samples(part.test)
        low, high = interval(score, part.fraud, part.day)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        theirs.send(
            {
                "ap": average_precision_score(part.fraud, score), "low": low, "high": high,
                "seconds": seconds, "peak": peak, "rows": forest.n_drawn_,
            }
        )  # fmt: skip

    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    found: dict[str, float] = ours.recv()
    process.join()
    return found


def large(seed: int) -> list[str]:
    """Learn from ten million rows, and from samples of them; return the lines of a table."""
    part = split(seed)
    common = {"n_estimators": LARGE_TREES, "calibration_share": 0, "random_state": seed, "n_jobs": -1}
    lines = []
    for title, sample in (
        ("**as shipped**: a million at most", {}),
        ("all", {"most_rows": None, "genuine_share": 1.0}),
    ):
        found = learn_from(part, FraudForest(**common, **sample))
        lines.append(
            f"| {title} | {found['rows']:,} | {found['ap']:.3f} ({found['low']:.3f} to {found['high']:.3f}) | "
            f"{found['seconds']:,.0f} | {found['peak']:.1f} |"
        )
        print(lines[-1], flush=True)
    return [
        "| rows to learn from | grown on | AP (95 % of days drawn anew) | processor seconds | peak memory, GB |",
        "|---|---:|---|---:|---:|",
        *lines,
        "",
        f"{len(part.label):,} transactions of a year to learn from, {part.label.sum():,} of them fraud, by 15,000 "
        f"customers at 30,000 stores; {len(part.test):,} of a week to judge. {LARGE_TREES} trees each, uncalibrated; peak "
        f"memory includes {part.features.nbytes / 2**30:.1f} GB of features. Seed {seed}.",
    ]


def main() -> None:
    """Print the tables, and write them where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", default="11,12,13", help="seeds of the simulations, with commas between")
    parser.add_argument("--write", action="store_true", help="put the tables into the guide")
    parser.add_argument("--large", action="store_true", help="learn from ten million rows, and nothing else")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    table = large(seeds[0]) if options.large else [*speed(seeds[0]), "", *quality(seeds)]
    lines = "\n".join(table) + "\n"
    print(lines)
    if options.write:
        begin, end = (LARGE_BEGIN, LARGE_END) if options.large else (BEGIN, END)
        text = GUIDE.read_text(encoding="utf-8")
        before, rest = text.split(begin)
        GUIDE.write_text(before + begin + "\n" + lines + "\n" + end + rest.split(end)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
