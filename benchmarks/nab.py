"""Measure ``workbench detect`` on the real series of the Numenta Anomaly Benchmark, beside a rolling z-score.

Its data are not ours to ship (AGPL): name a checkout of https://github.com/numenta/NAB.

    python benchmarks/nab.py PATH [--write]

A window that people marked is found if an incident touches it; an incident that touches none is false. Both rules have
thresholds of their own; the z-score's is set so that it makes as many incidents as ours, so that they can be compared.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.anomaly.series.periods import STEPS, Step
from workbench.anomaly.series.seasonal import as_incidents, seasonal_rule

GUIDE = Path(__file__).parents[1] / "docs/user-guides/any-table.md"
BEGIN, END = "<!-- python benchmarks/nab.py PATH --write -->", "<!-- until here -->"
GROUPS = ("realKnownCause", "realAWSCloudwatch", "realTraffic", "realAdExchange", "realTweets")
DAY = pd.Timedelta(days=1)


def read(path: Path) -> tuple[pd.DataFrame, Step]:
    """Return a file's means by period (one column), and how long a period is."""
    frame = pd.read_csv(path, parse_dates=["timestamp"])
    gap = frame["timestamp"].diff().median()
    step = min(
        (each for each in STEPS.values() if each.length <= DAY), key=lambda each: abs(each.length - gap)
    )
    values = frame.groupby(frame["timestamp"].dt.floor(step.length))["value"].mean()
    return values.asfreq(step.length).to_frame("value"), step


def rolling(values: pd.DataFrame, step: Step) -> pd.DataFrame:
    """Score each period by a z-score over the week before it."""
    series = values["value"]
    window = max(int(7 * DAY / step.length), 20)
    before = series.shift(1).rolling(window, min_periods=window // 4)
    z = (series - before.mean()) / before.std().replace(0, np.nan)
    frame = pd.DataFrame({"period": values.index, "series": "value", "score": z.abs().to_numpy()})
    frame["direction"] = np.where(z >= 0, "above", "below")
    return frame.assign(actual=0.0, expected=0.0, lower=0.0, upper=0.0, severity="warning").dropna(
        subset=["score"]
    )


def as_many(scored: pd.DataFrame, step: Step, count: int) -> pd.DataFrame:
    """Return the incidents at the lowest threshold that makes no more than ``count``."""
    low, high = 0.0, float(scored["score"].max()) + 1
    for _ in range(30):
        middle = (low + high) / 2
        if len(as_incidents(scored[scored["score"] > middle], step)) > count:
            low = middle
        else:
            high = middle
    return as_incidents(scored[scored["score"] > high], step)


def held(incidents: pd.DataFrame, windows: list[tuple[pd.Timestamp, pd.Timestamp]]) -> tuple[int, int]:
    """Return how many windows an incident touches, and how many incidents touch none."""
    touches = [
        [first < row["end"] and row["start"] <= last for first, last in windows]
        for row in incidents.to_dict("records")
    ]
    found = sum(any(each[place] for each in touches) for place in range(len(windows)))
    return found, sum(not any(each) for each in touches)


def measure(root: Path) -> pd.DataFrame:
    """Return a row a group of files."""
    labels = json.loads((root / "labels/combined_windows.json").read_text())
    rows = []
    for group in GROUPS:
        total = {"files": 0, "windows": 0, "weeks": 0.0, "ours": 0, "ours_false": 0, "z": 0, "z_false": 0}
        for path in sorted((root / "data" / group).glob("*.csv")):
            windows = [(pd.Timestamp(a), pd.Timestamp(b)) for a, b in labels[f"{group}/{path.name}"]]
            values, step = read(path)
            scored = seasonal_rule(values, step, counts=False)
            ours = as_incidents(scored[scored["severity"] == "critical"], step)
            theirs = as_many(rolling(values, step), step, len(ours))
            found, false = held(ours, windows)
            z_found, z_false = held(theirs, windows)
            total["files"] += 1
            total["windows"] += len(windows)
            total["weeks"] += len(values) * step.length / pd.Timedelta(weeks=1)
            for name, value in (("ours", found), ("ours_false", false), ("z", z_found), ("z_false", z_false)):
                total[name] += value
        rows.append({"group": group, **total})
    return pd.DataFrame(rows)


def table(rows: pd.DataFrame) -> str:
    """Return the table of the guide."""
    lines = [
        "| group | series | marked windows | found | false incidents a week | found by the z-score | its false ones |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in [*rows.to_dict("records"), {"group": "all", **rows.drop(columns="group").sum().to_dict()}]:
        lines += [
            f"| {row['group']} | {row['files']:.0f} | {row['windows']:.0f} | {row['ours']:.0f} | "
            f"{row['ours_false'] / row['weeks']:.2f} | {row['z']:.0f} | {row['z_false'] / row['weeks']:.2f} |"
        ]
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write it into the guide if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("root", type=Path, help="checkout of NAB")
    parser.add_argument("--write", action="store_true", help="write the table into the guide")
    arguments = parser.parse_args()
    text = table(measure(arguments.root))
    print(text)
    if arguments.write:
        guide = GUIDE.read_text(encoding="utf-8")
        before, rest = guide.split(BEGIN, 1)
        _, after = rest.split(END, 1)
        GUIDE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
