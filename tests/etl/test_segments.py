"""The history of segments: moves are kept, a day's changes are one, and nothing is noted twice."""

from __future__ import annotations

from datetime import date

import pandas as pd

from workbench.etl.members.segments import keep_history, moves
from workbench.warehouse import Warehouse

OPEN = date(9999, 12, 31)


def day(number: int) -> date:
    return date(2024, 1, number)


def told(warehouse: Warehouse, number: int, **segments: str) -> list[tuple[str | None, ...]]:
    """Let these be the segments as of a day of January; return the moves that are noted."""
    rows = [
        {
            "person_id": person, "as_of": day(number), "customer_ids": 1, "last_purchase": day(1), "recency_days": number - 1,
            "frequency": 1, "monetary_reporting": 1, "recency_score": 1, "frequency_score": 2, "monetary_score": 3,
            "segment": segment,
        }
        for person, segment in segments.items()
    ]  # fmt: skip
    warehouse.replace("marts.customer_segments", pd.DataFrame(rows))
    found = keep_history(warehouse).astype(object)
    return list(found.where(found.notna(), None).itertuples(index=False, name=None))


def history(warehouse: Warehouse, person: str) -> list[tuple[date, date, str, str | None]]:
    rows = warehouse.rows(
        "SELECT valid_from, valid_to, segment, segment_before FROM marts.customer_segment_history WHERE person_id = ? ORDER BY valid_from",
        [person],
    )
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def test_moves_between_segments_are_kept(warehouse: Warehouse) -> None:
    assert keep_history(warehouse).empty
    assert told(warehouse, 2, ann="New", bob="Loyal") == [(None, "Loyal", 1), (None, "New", 1)]
    assert told(warehouse, 5, ann="New", bob="Loyal") == []
    # Twice on one day: what was between is nobody's history, and going back leaves none.
    assert told(warehouse, 9, ann="Loyal", bob="At risk") == [("Loyal", "At risk", 1), ("New", "Loyal", 1)]
    told(warehouse, 9, ann="Champions", bob="Loyal")
    assert history(warehouse, "bob") == [(day(2), OPEN, "Loyal", None)]
    # cid joins, bob turns out to be ann.
    told(warehouse, 12, ann="Champions", cid="New")
    assert history(warehouse, "ann") == [(day(2), day(9), "New", None), (day(9), OPEN, "Champions", "New")]
    assert history(warehouse, "bob") == [(day(2), day(12), "Loyal", None)]
    assert history(warehouse, "cid") == [(day(12), OPEN, "New", None)]
    # bob is split off again later, and the newest sale is withdrawn: what began after it is gone.
    told(warehouse, 20, ann="Champions", bob="Loyal", cid="Loyal")
    assert history(warehouse, "bob")[-1] == (day(20), OPEN, "Loyal", None)
    told(warehouse, 15, ann="Loyal", bob="Loyal", cid="Potential")
    assert history(warehouse, "cid") == [(day(12), day(15), "New", None), (day(15), OPEN, "Potential", "New")]
    assert history(warehouse, "ann")[-1] == (day(15), OPEN, "Loyal", "Champions")
    shown = moves(warehouse)
    assert list(shown["segment"]) == ["Loyal", "Potential", "Champions"] and set(shown["people"]) == {1}
