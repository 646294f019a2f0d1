"""Periods other than days: told from the times, judged by what is usual then, and seen as incidents."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.anomaly import detect
from workbench.anomaly.series.seasonal import others_median
from workbench.errors import UsageError
from workbench.warehouse import Warehouse, connect

START = dt.datetime(2024, 1, 1)


def readings(step: dt.timedelta, weeks: int, level: float = 20.0) -> pd.DataFrame:
    """A temperature that goes up and down with the day, with a little noise, below zero at night."""
    count = int(dt.timedelta(weeks=weeks) / step)
    at = pd.date_range(START, periods=count, freq=step)
    hour = at.hour + at.minute / 60
    random = np.random.default_rng(0)
    value = level * np.sin((hour - 9) / 24 * 2 * np.pi) + random.normal(0, 0.5, count)
    return pd.DataFrame({"at": at, "place": "shop", "value": value})


def put(warehouse: Warehouse, rows: pd.DataFrame) -> None:
    """Make marts.gauges of rows that may have no time and no value."""
    warehouse.execute("DROP TABLE IF EXISTS marts.gauges")
    warehouse.execute('CREATE TABLE marts.gauges ("at" TIMESTAMP, place VARCHAR(16), value DOUBLE PRECISION)')
    for begin in range(0, len(rows), 500):
        part = rows.iloc[begin : begin + 500]
        marks = ", ".join(["(?, ?, ?)"] * len(part))
        given = part.astype(object).where(part.notna(), None)
        values = [
            None if value is None else value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
            for row in given.itertuples(index=False)
            for value in row
        ]
        warehouse.execute(f"INSERT INTO marts.gauges VALUES {marks}", values)


def test_hours_are_told_from_the_times_and_an_incident_has_a_beginning_and_an_end(either: Warehouse) -> None:
    rows = readings(dt.timedelta(hours=1), 5)
    rows.loc[400:404, "value"] += 15
    rows.loc[600:603, "value"] = np.nan
    rows = rows.drop(index=range(700, 720))
    rows = pd.concat([rows, pd.DataFrame({"at": [pd.NaT], "place": ["shop"], "value": [1.0]})])
    put(either, rows)
    found = detect(either, "gauges", "at", measure="value")
    assert (found.every, found.method) == ("hour", "seasonal median")
    strongest = found.incidents.iloc[0]
    assert strongest["start"] == pd.Timestamp(START) + pd.Timedelta(hours=400)
    assert strongest["end"] == pd.Timestamp(START) + pd.Timedelta(hours=405)
    assert (strongest["periods"], strongest["direction"], strongest["severity"]) == (5, "above", "critical")
    assert (found.incidents["severity"] == "critical").sum() == 1
    told = " ".join(found.notes)
    assert "grid of hour" in told and "1 row has no at." in told and "4 rows without value" in told
    assert "There are no rows from 2024-01-30 04:00 to 2024-01-31 00:00" in told
    assert "value is unknown in 24 periods" in told
    # What was missing is no zero.
    assert not found.scored["actual"].eq(0).any()


def test_counts_of_five_minutes_fall_to_nothing(either: Warehouse) -> None:
    times = readings(dt.timedelta(minutes=5), 2)
    put(either, times[(times.index < 1500) | (times.index >= 1530)])
    found = detect(either, "gauges", "at")
    # A row more or less is no news where there is one.
    assert found.every == "5min"
    assert found.incidents.empty
    by_hour = detect(either, "gauges", "at", every="hour")
    (only,) = by_hour.incidents.to_dict("records")
    assert (only["start"], only["end"]) == (
        pd.Timestamp(START) + pd.Timedelta(hours=125),
        pd.Timestamp(START) + pd.Timedelta(hours=128),
    )
    assert (only["actual"], only["expected"], only["direction"]) == (0, 12, "below")


def test_weeks_and_many_series(either: Warehouse) -> None:
    rows = []
    for place, level in (("here", 100.0), ("there", 50.0)):
        for week in range(70):
            for part in range(3):
                value = level * (5 if place == "there" and week == 40 else 1) + part + week % 3
                rows.append((START + dt.timedelta(weeks=week, days=part), place, value))
    put(either, pd.DataFrame(rows, columns=["at", "place", "value"]))
    found = detect(either, "gauges", "at", measure="value", by="place", every="week", statistic="mean")
    (only,) = found.incidents.to_dict("records")
    assert (only["series"], only["start"]) == ("there", pd.Timestamp(START) + pd.Timedelta(weeks=40))
    assert only["actual"] == pytest.approx(252.0, abs=1)
    assert "mean of value a week by place: 1 incident" in found.summary


def test_times_of_sales_are_no_grid(either: Warehouse) -> None:
    rows = readings(dt.timedelta(hours=1), 16)
    rows["at"] += pd.to_timedelta(np.arange(len(rows)) * 7 % 3600, unit="s")
    put(either, rows)
    assert detect(either, "gauges", "at").every == "day"


def test_what_cannot_be_is_refused() -> None:
    warehouse = connect(create=True)
    put(warehouse, readings(dt.timedelta(hours=1), 1))
    with pytest.raises(UsageError, match="hourly"):
        detect(warehouse, "gauges", "at", every="hourly")
    with pytest.raises(UsageError, match="a mean needs a measure"):
        detect(warehouse, "gauges", "at", statistic="mean")
    warehouse.execute("CREATE TABLE marts.days (day DATE)")
    with pytest.raises(UsageError, match="dates without times"):
        detect(warehouse, "days", "day", every="hour")
    assert detect(warehouse, "days", "day", every="week").method == "none"


def test_the_command_shows_incidents() -> None:
    warehouse = connect(create=True)
    rows = readings(dt.timedelta(minutes=15), 4)
    rows.loc[900:905, "value"] -= 30
    put(warehouse, rows)

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "workbench.cli",
            "detect",
            "--table",
            "gauges",
            "--date-column",
            "at",
        ]
        return subprocess.run(
            [*command, "--measure", "value", "--statistic", "mean", *more],
            capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "160"},
        )  # fmt: skip

    shown = run()
    assert shown.returncode == 0, shown.stderr
    assert "2024-01-10 09:00" in shown.stdout and "mean of value every 15min: " in shown.stdout
    told = json.loads(run("--json").stdout)
    assert told["incidents"][0]["start"] == "2024-01-10 09:00:00" and told["every"] == "15min"
    refused = run("--every", "minute")
    assert refused.returncode == 2 and "5min" in refused.stderr


def test_the_median_of_the_others() -> None:
    random = np.random.default_rng(1)
    for count in (2, 3, 6, 9):
        values = random.integers(0, 5, count).astype(float)
        expected = [np.median(np.delete(values, place)) for place in range(count)]
        assert others_median(values).tolist() == expected
    assert np.isnan(others_median(np.array([1.0]))).all()
