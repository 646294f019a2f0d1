"""Readings of freezers and doors: in two scales, with gaps, and some said twice or otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from workbench.demo.signals.draws import copy_csv, draw

DAYS = 14
"""Days that the readings are of."""
MOST_STORES = 40


@dataclass(frozen=True)
class Readings:
    """What was written: readings, those that say another again, times said otherwise, and the planted gaps.

    A gap is ``sensor_id, gap_from, gap_to, missing``: from the last reading before it to the first after.
    """

    readings: int
    repeats: int
    conflicts: int
    gaps: list[dict[str, Any]]


def relation(stores: Iterable[tuple[str, str]]) -> str:
    """Return the query of stores that :func:`write` takes: ids with the codes of their countries, none of them foreign text."""
    rows = ", ".join(f"('{store}', '{country}')" for store, country in stores)
    return f"SELECT * FROM (VALUES {rows}) AS stores(store_id, country)"


def write(
    connection: duckdb.DuckDBPyConnection, stores: str, first_day: date, path: Path, *, seed: int = 0
) -> Readings:
    """Write the dataset ``measurements``: a freezer and a door of each store, for two weeks.

    A freezer is read every half hour, in the stores of the United States in °F; a door tells its visitors hour by hour while
    the store is open. Two of three freezers are silent once, for three to nine hours.

    Args:
        connection: to draw with.
        stores: query for ``store_id, country``; the first forty of it have sensors.
        first_day: of the readings.
        path: of the file.
        seed: of the draws.
    """

    def d(number: str, salt: int) -> str:
        return draw(number, salt, seed)

    slots = DAYS * 48
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE freezer AS
        SELECT store_id, country, 'F-' || store_id AS sensor_id, {d("store_id", 1)} < 0.67 AS has_gap,
               20 + CAST(floor({slots - 60} * {d("store_id", 2)}) AS INTEGER) AS gap_at,
               6 + CAST(floor(12 * {d("store_id", 3)}) AS INTEGER) AS gap_length
        FROM (SELECT * FROM ({stores}) AS stores ORDER BY store_id LIMIT {MOST_STORES}) AS equipped
        """
    )
    start = f"TIMESTAMP '{first_day} 00:00:00'"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE read AS
        SELECT sensor_id, store_id, 'temperature' AS metric, {start} + to_minutes(30 * slot) AS read_at,
               round(-19 + 1.5 * sin(slot / 7.6) + 1.2 * {d("sensor_id || slot", 4)}, 1) AS celsius,
               CASE WHEN country = 'US' THEN CAST(round(celsius * 1.8 + 32, 2) AS VARCHAR) ELSE CAST(celsius AS VARCHAR) END AS value,
               CASE WHEN country = 'US' THEN '°F' ELSE '°C' END AS unit
        FROM freezer CROSS JOIN range({slots}) AS slots(slot)
        WHERE NOT (has_gap AND slot >= gap_at AND slot < gap_at + gap_length)
        UNION ALL
        SELECT 'D-' || store_id, store_id, 'visitors', {start} + to_hours(24 * day + hour), NULL,
               CAST(CAST(floor(20 + 60 * sin((hour - 7) / 4.6) + 25 * {d("store_id || day || '/' || hour", 5)}) AS INTEGER) AS VARCHAR),
               NULL
        FROM freezer CROSS JOIN range({DAYS}) AS days(day) CROSS JOIN range(8, 21) AS hours(hour)
        """
    )
    drawn = {
        name: f"metric = 'temperature' AND {d('sensor_id || read_at', salt)} < {share}"
        for name, salt, share in (("repeats", 6, 0.003), ("conflicts", 7, 0.001))
    }
    readings = copy_csv(
        connection,
        f"""
        SELECT 'M' || substr(md5(sensor_id || read_at || again), 1, 16) AS measurement_id, CAST(read_at AS VARCHAR) || 'Z' AS measured_at,
               store_id, metric, value, unit, sensor_id
        FROM (
            SELECT *, 0 AS again FROM read
            UNION ALL SELECT *, 1 FROM read WHERE {drawn["repeats"]}
            UNION ALL SELECT * REPLACE ('40' AS value), 2 FROM read WHERE {drawn["conflicts"]}
        ) AS delivered
        ORDER BY read_at, sensor_id, again
        """,
        path,
    )
    counts = {}
    for name, condition in drawn.items():
        found = connection.execute(f"SELECT count(*) FROM read WHERE {condition}").fetchone()
        counts[name] = int(found[0]) if found else 0
    gaps = connection.execute(
        f"""
        SELECT sensor_id, CAST({start} + to_minutes(30 * (gap_at - 1)) AS VARCHAR) AS gap_from,
               CAST({start} + to_minutes(30 * (gap_at + gap_length)) AS VARCHAR) AS gap_to, gap_length AS missing
        FROM freezer WHERE has_gap ORDER BY sensor_id
        """
    )
    names = [column[0] for column in gaps.description]
    return Readings(
        readings,
        counts["repeats"],
        counts["conflicts"],
        [dict(zip(names, row, strict=True)) for row in gaps.fetchall()],
    )
