"""Which figures of the marts an event or a reading is in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from workbench.schema import quote
from workbench.warehouse import Warehouse

Row = dict[str, Any]


def figures_of_events(warehouse: Warehouse, facts: Sequence[Row]) -> list[list[Row]]:
    """Return of each event its session and its step of the funnel, each with ``period``; none of one of nobody."""
    placed = {
        row["event_id"]: row
        for row in rows_by(warehouse, "core.event_sessions", "event_id", {fact["event_id"] for fact in facts})
    }
    keys = {row["session_key"] for row in placed.values()}
    sessions = {row["session_key"]: row for row in rows_by(warehouse, "marts.sessions", "session_key", keys)}
    days = {row["session_date"] for row in placed.values()}
    funnel = rows_by(warehouse, "marts.funnel_daily", "session_date", days)
    found: list[list[Row]] = []
    for fact in facts:
        place = placed.get(fact["event_id"])
        session = sessions.get(place["session_key"]) if place else None
        if place is None or session is None:
            found.append([])
            continue
        here = (place["session_date"], place["channel"], place["step_number"] or 0)
        steps = [row for row in funnel if (row["session_date"], row["channel"], row["step_number"]) == here]
        found.append([{"period": "session", **session}, *({"period": "funnel", **row} for row in steps)])
    return found


def figures_of_readings(warehouse: Warehouse, facts: Sequence[Row]) -> list[list[Row]]:
    """Return of each reading the day of its series, with ``period``."""
    days = rows_by(
        warehouse, "marts.measurements_daily", "series_key", {fact["series_key"] for fact in facts}
    )
    return [
        [
            {"period": "day", **row}
            for row in days
            if (row["series_key"], row["reading_date"]) == (fact["series_key"], fact["measured_at"].date())
        ]
        for fact in facts
    ]


def rows_by(warehouse: Warehouse, table: str, column: str, values: Iterable[Any]) -> list[Row]:
    """Return the rows of a table with one of these values in a column."""
    wanted = list(values)
    if not wanted:
        return []
    marks = ", ".join("?" for _ in wanted)
    return warehouse.rows(f"SELECT * FROM {table} WHERE {quote(column)} IN ({marks})", wanted)
