"""The history of RFM segments: who moved from which to which, and when."""

from __future__ import annotations

import pandas as pd

from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure, note_tables

HISTORY = "marts.customer_segment_history"
_OPEN = "DATE '9999-12-31'"
_CHANGED = "person_id IN (SELECT person_id FROM segments_changed)"


def keep_history(warehouse: Warehouse) -> pd.DataFrame:
    """Note whose segment has changed since the last time; return the moves: segment_before, segment, people.

    A history of what people were told is no function of raw: late sales and withdrawn files change the segments of today, and not
    what they were. What changes twice on one day, as of the newest sale, is one move.
    """
    with infrastructure():
        moves = warehouse.run(_keep, repeatable=True)
    note_tables(reads=["marts.customer_segments"], writes=[HISTORY])
    return pd.DataFrame(moves, columns=["segment_before", "segment", "people"])


def _keep(session: Session) -> list[tuple[str | None, str | None, int]]:
    ((day,),) = session.execute("SELECT max(as_of) FROM marts.customer_segments").fetchall()
    if day is None:
        return []
    as_of = f"DATE '{day}'"
    for name in ("segments_changed", "segments_reopened", "segments_before"):
        session.execute(f"DROP TABLE IF EXISTS {name}")
    session.execute(
        "CREATE TEMP TABLE segments_changed AS SELECT coalesce(now.person_id, open.person_id) AS person_id, now.segment, "
        "open.segment AS was, now.recency_score, now.frequency_score, now.monetary_score "
        f"FROM (SELECT person_id, segment FROM {HISTORY} WHERE valid_to = {_OPEN}) AS open "
        "FULL OUTER JOIN marts.customer_segments AS now ON now.person_id = open.person_id "
        "WHERE now.segment IS NULL OR open.segment IS NULL OR now.segment <> open.segment"
    )
    moves = session.execute(
        "SELECT was, segment, count(*) FROM segments_changed GROUP BY was, segment ORDER BY 3 DESC, 1, 2"
    ).fetchall()
    if not moves:
        return []
    # What began on this day, or on a later one that was withdrawn, has been nobody's segment for a day.
    session.execute(f"DELETE FROM {HISTORY} WHERE valid_from >= {as_of} AND {_CHANGED}")
    session.execute(
        f"UPDATE {HISTORY} SET valid_to = {as_of} WHERE valid_to > {as_of} AND valid_to < {_OPEN} AND {_CHANGED}"
    )
    session.execute(
        f"CREATE TEMP TABLE segments_reopened AS SELECT h.person_id FROM {HISTORY} AS h JOIN segments_changed AS c "
        f"ON c.person_id = h.person_id AND c.segment = h.segment WHERE h.valid_to = {as_of}"
    )
    session.execute(
        f"UPDATE {HISTORY} SET valid_to = {_OPEN} WHERE valid_to = {as_of} AND person_id IN (SELECT person_id FROM segments_reopened)"
    )
    session.execute(
        f"UPDATE {HISTORY} SET valid_to = {as_of} WHERE valid_to = {_OPEN} AND {_CHANGED} "
        "AND person_id NOT IN (SELECT person_id FROM segments_reopened)"
    )
    session.execute(
        f"CREATE TEMP TABLE segments_before AS SELECT person_id, segment FROM {HISTORY} WHERE valid_to = {as_of} AND {_CHANGED}"
    )
    session.execute(
        f"INSERT INTO {HISTORY} (person_id, valid_from, valid_to, segment, segment_before, recency_score, frequency_score, "
        f"monetary_score) SELECT c.person_id, {as_of}, {_OPEN}, c.segment, b.segment, c.recency_score, c.frequency_score, "
        "c.monetary_score FROM segments_changed AS c LEFT JOIN segments_before AS b ON b.person_id = c.person_id "
        "WHERE c.segment IS NOT NULL AND c.person_id NOT IN (SELECT person_id FROM segments_reopened)"
    )
    return [(was, now, int(people)) for was, now, people in moves]


def moves(warehouse: Warehouse) -> pd.DataFrame:
    """Return the moves of all time, the newest day first: valid_from, segment_before, segment, people."""
    return warehouse.frame(
        f"SELECT valid_from, segment_before, segment, count(*) AS people FROM {HISTORY} WHERE segment_before IS NOT NULL "
        "GROUP BY valid_from, segment_before, segment ORDER BY valid_from DESC, people DESC, segment_before, segment"
    )


def measures(warehouse: Warehouse) -> pd.DataFrame:
    """Return what people are grouped by: person_id, segment, recency_days, frequency, monetary (as a float), in order of person."""
    found = warehouse.frame(
        "SELECT person_id, segment, recency_days, frequency, monetary_reporting FROM marts.customer_segments ORDER BY person_id"
    )
    return found.assign(monetary=found.pop("monetary_reporting").astype(float))
