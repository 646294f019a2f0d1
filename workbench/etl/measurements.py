"""What readings say: the queries of the report, as frames."""

from __future__ import annotations

import pandas as pd

from workbench.warehouse import Warehouse

_JUDGED = """
    SELECT gaps.*, learnt.days >= 4 AND 2 * usual.gap_days >= learnt.days AS as_usual
    FROM marts.measurement_gaps AS gaps
    INNER JOIN (
        SELECT series_key, extract(hour FROM gap_from) AS gap_hour, count(DISTINCT gap_date) AS gap_days
        FROM marts.measurement_gaps GROUP BY 1, 2
    ) AS usual ON usual.series_key = gaps.series_key AND usual.gap_hour = extract(hour FROM gaps.gap_from)
    INNER JOIN staging.series_intervals AS learnt ON learnt.series_key = gaps.series_key
"""
# A series is silent as usual from an hour on if it is on at least half of its days, as a counter is that closes with its store.


def metrics_by_day(warehouse: Warehouse) -> pd.DataFrame:
    """One row a metric, unit and day: ``metric, unit, day, lowest, mean, highest, series, gaps``, over all series.

    The mean is that of the series' means; gaps as usual aren't counted.
    """
    return warehouse.frame(
        f"""
        SELECT metric, coalesce(nullif(unit, '1'), '') AS unit, reading_date AS day,
               CAST(min(lowest) AS DOUBLE PRECISION) AS lowest, avg(mean) AS mean,
               CAST(max(highest) AS DOUBLE PRECISION) AS highest, count(*) AS series,
               CAST(coalesce(sum(unusual.gaps), 0) AS BIGINT) AS gaps
        FROM marts.measurements_daily AS days LEFT JOIN (
            SELECT series_key, gap_date, count(*) AS gaps FROM ({_JUDGED}) AS judged
            WHERE NOT as_usual GROUP BY series_key, gap_date
        ) AS unusual ON unusual.series_key = days.series_key AND unusual.gap_date = days.reading_date
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """
    )


def metrics(warehouse: Warehouse) -> pd.DataFrame:
    """One row a metric and unit: series, readings, what is wrong with them, gaps, and readings that are missing there.

    ``declared`` counts the series of which the interval is declared, and not learnt. Gaps as usual are counted apart, and
    nothing is missing in them.
    """
    figures = ", ".join(
        f"CAST(sum({name}) AS BIGINT) AS {name}"
        for name in ("readings", "repeats", "conflicts", "unreadable")
    )
    gaps = "CAST(coalesce(sum(gaps.{0}), 0) AS BIGINT) AS {0}".format
    return warehouse.frame(
        f"""
        SELECT metric, nullif(unit, '1') AS unit, count(*) AS series,
               CAST(sum(is_declared) AS BIGINT) AS declared, {figures}, {gaps("gaps")}, {gaps("missing")},
               {gaps("gaps_as_usual")}
        FROM (
            SELECT series_key, metric, unit, sum(readings) AS readings, sum(repeats) AS repeats, sum(conflicts) AS conflicts,
                   sum(unreadable) AS unreadable, max(CASE WHEN is_interval_declared THEN 1 ELSE 0 END) AS is_declared
            FROM marts.measurements_daily GROUP BY series_key, metric, unit
        ) AS series LEFT JOIN (
            SELECT series_key, count(CASE WHEN NOT as_usual THEN 1 END) AS gaps,
                   sum(CASE WHEN NOT as_usual THEN missing ELSE 0 END) AS missing,
                   count(CASE WHEN as_usual THEN 1 END) AS gaps_as_usual
            FROM ({_JUDGED}) AS judged GROUP BY series_key
        ) AS gaps ON gaps.series_key = series.series_key
        GROUP BY metric, unit ORDER BY readings DESC, metric, unit
        """
    )


def longest_gaps(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the longest gaps, none as usual, and the interval by which readings are missing, declared or learnt.

    Columns: ``sensor_id, store_id, metric, gap_from, gap_to, hours, missing, interval_seconds, interval_is``.
    """
    return warehouse.frame(
        f"""
        SELECT sensor_id, store_id, metric, gap_from, gap_to, CAST(seconds AS DOUBLE PRECISION) / 3600 AS hours, missing,
               interval_seconds,
               CASE WHEN is_interval_declared THEN 'declared' WHEN NOT is_interval_declared THEN 'learnt' END AS interval_is
        FROM ({_JUDGED}) AS judged WHERE NOT as_usual ORDER BY seconds DESC, gap_from, series_key LIMIT {int(limit)}
        """
    )


def silent(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return series that stopped: silent for over three intervals and an hour when another of the metric was read last.

    Columns: ``sensor_id, store_id, metric, last_reading, hours``.
    """
    return warehouse.frame(
        f"""
        SELECT sensor_id, store_id, metric, last_at AS last_reading,
               CAST(seconds AS DOUBLE PRECISION) / 3600 AS hours
        FROM (
            SELECT days.*, {_SECONDS} AS seconds FROM (
                SELECT series_key, sensor_id, store_id, metric, max(last_at) AS last_at,
                       max(max(last_at)) OVER (PARTITION BY metric) AS newest
                FROM staging.reading_days GROUP BY series_key, sensor_id, store_id, metric
            ) AS days
        ) AS series
        INNER JOIN staging.series_intervals AS learnt ON learnt.series_key = series.series_key
        WHERE seconds > 3600 AND seconds > 3 * learnt.interval_seconds
        ORDER BY seconds DESC, series.series_key LIMIT {int(limit)}
        """
    )


_SECONDS = "CAST(extract(epoch FROM newest) - extract(epoch FROM last_at) AS BIGINT)"


def counts(warehouse: Warehouse) -> dict[str, int]:
    """Count readings, series, repeats, conflicts, readings without a value in the unit, and gaps."""
    figures = ", ".join(
        f"CAST(coalesce(sum({name}), 0) AS BIGINT) AS {label}"
        for name, label in (
            ("readings", "readings"), ("repeats", "repeated_readings"), ("conflicts", "conflicting_times"),
            ("unreadable", "unreadable_readings"), ("gaps", "gaps"),
        )
    )  # fmt: skip
    (row,) = warehouse.query(
        f"SELECT {figures}, count(DISTINCT series_key) AS series FROM marts.measurements_daily"
    ).to_pylist()
    return {name: int(value) for name, value in row.items()}
