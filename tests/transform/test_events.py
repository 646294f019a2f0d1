"""Sessions, funnels and readings: what the feed and random events must become, told by a plain loop beside."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.transform.conftest import Built
from tests.transform.landing import land
from workbench import transform
from workbench.etl import measurements
from workbench.settings import Settings
from workbench.warehouse import Warehouse

STEPS = {"view": 1, "cart": 2, "checkout": 3, "purchase": 4}
GAP = timedelta(minutes=30)


def sessions(built: Built, like: str) -> dict[str, list[str]]:
    """Return which of these events are in which session, by its actor and the time it began."""
    found = defaultdict(list)
    rows = built.rows(
        f"SELECT actor, CAST(started_at AS VARCHAR), event_id FROM core.event_sessions WHERE event_id LIKE '{like}' "
        "ORDER BY actor, started_at, event_number"
    )
    for actor, started, event in rows:
        found[f"{actor} {started[5:16]}"].append(event)
    return dict(found)


def test_who_signs_in_on_the_way_is_known_from_the_start_and_on_another_device(built: Built) -> None:
    assert sessions(built, "ann%") == {"c:ann 06-10 10:00": ["ann 1", "ann 2", "ann 3", "ann 4", "ann 5"]}
    assert built.row(
        "SELECT customer_id, events, stitched_events, channel, steps_in_order, is_converted, seconds "
        "FROM marts.sessions WHERE actor = 'c:ann' AND session_date = DATE '2017-06-10'"
    ) == ("ann", 5, 3, "app", 4, True, 2700)


def test_half_an_hour_is_no_pause_and_any_longer_is(built: Built) -> None:
    assert sessions(built, "edge%") == {
        "v:edge 06-11 10:00": ["edge 1", "edge 2"], "v:edge 06-11 11:00": ["edge 3"],
    }  # fmt: skip


def test_a_late_event_joins_two_sessions_which_are_of_the_day_they_began(built: Built) -> None:
    assert sessions(built, "late%") == {"s:late 06-12 23:40": ["late 1", "late 2", "late 3"]}
    assert built.row("SELECT session_date, channel, steps_in_order FROM marts.sessions WHERE actor = 's:late'") == (
        date(2017, 6, 12), "web", 3,
    )  # fmt: skip


def test_of_two_people_on_a_device_each_has_what_follows_her_name(built: Built) -> None:
    assert sessions(built, "two%") == {
        "c:bob 06-14 09:00": ["two 1", "two 2", "two 3"], "c:cid 06-14 09:03": ["two 4"],
    }  # fmt: skip


def test_an_event_of_nobody_is_in_no_session_and_in_the_fact(built: Built) -> None:
    assert sessions(built, "nobody") == {}
    assert built.row("SELECT event_type FROM core.fact_events WHERE event_id = 'nobody'") == ("view",)


def test_a_funnel_counts_each_step_and_what_came_to_it_in_order(built: Built) -> None:
    assert built.rows(
        "SELECT step_number, step, sessions, in_order, conversion, conversion_of_all FROM marts.funnel_daily "
        "WHERE session_date = '2017-06-11' AND channel = 'unknown' ORDER BY 1"
    ) == [
        (0, "session", 1, 1, None, 1), (1, "view", 0, 0, 0, 0), (2, "cart", 0, 0, None, 0), (3, "checkout", 0, 0, None, 0),
        # A purchase without anything before it is one, and not in order.
        (4, "purchase", 1, 0, None, 0),
    ]  # fmt: skip
    assert built.rows(
        "SELECT step, sessions, in_order, conversion FROM marts.funnel_daily WHERE session_date = '2017-06-12' ORDER BY step_number"
    ) == [
        ("session", 1, 1, None),
        ("view", 1, 1, 1),
        ("cart", 1, 1, 1),
        ("checkout", 1, 1, 1),
        ("purchase", 0, 0, 0),
    ]


def told_plainly(events: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return of each event its actor, when its session began, its place there, and whether its step is in order."""
    events = sorted(events, key=lambda event: (event["event_timestamp"], event["event_id"]))
    visits: list[list[dict[str, Any]]] = []
    open_visits: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        stream = next(
            (f"{name[0]}:{event[name]}" for name in ("visitor_id", "session_id") if event[name]),
            event["event_id"],
        )
        visit = open_visits.get(stream)
        if visit is None or event["event_timestamp"] - visit[-1]["event_timestamp"] > GAP:
            visit = open_visits[stream] = []
            visits.append(visit)
        visit.append(event | {"stream": stream})
    of_actors = defaultdict(list)
    for visit in visits:
        last = next((event["customer_id"] for event in visit if event["customer_id"]), None)
        for event in visit:
            last = event["customer_id"] or last
            known = f"c:{last}" if last else event["stream"] if ":" in event["stream"] else None
            if known:
                of_actors[known].append(event)
    found = {}
    for actor, own in of_actors.items():
        own.sort(key=lambda event: (event["event_timestamp"], event["event_id"]))
        parts: list[list[dict[str, Any]]] = []
        for event in own:
            if not parts or event["event_timestamp"] - parts[-1][-1]["event_timestamp"] > GAP:
                parts.append([])
            parts[-1].append(event)
        for part in parts:
            reached: dict[int, datetime] = {}
            for step in STEPS.values():
                times = [
                    event["event_timestamp"]
                    for event in part
                    if STEPS.get(event["event_type"]) == step
                    and (step == 1 or (step - 1 in reached and event["event_timestamp"] >= reached[step - 1]))
                ]
                reached |= {step: min(times)} if times else {}
            for place, event in enumerate(part, 1):
                step = STEPS.get(event["event_type"], 0)
                in_order = step in reached and event["event_timestamp"] >= reached[step]
                found[event["event_id"]] = (actor, part[0]["event_timestamp"], place, in_order)
    return found


def test_random_events_become_what_a_plain_loop_makes_of_them(warehouse: Warehouse) -> None:
    rng = random.Random(3)
    events = [
        {
            "event_id": f"e{number:04}",
            "event_timestamp": datetime(2017, 6, 1) + timedelta(minutes=rng.randrange(0, 4000)),
            "event_type": rng.choice([*STEPS, "scroll"]), "customer_id": rng.choice([None, None, None, "c1", "c2", "c3"]),
            "visitor_id": rng.choice([None, "v1", "v2", "v3", "v4"]), "session_id": rng.choice([None, "s1", "s2"]),
        }
        for number in range(900)
    ]  # fmt: skip
    land(
        warehouse,
        "events",
        1,
        *[event | {"event_timestamp": str(event["event_timestamp"])} for event in events],
    )
    transform.build("transactions", "events")
    rows = warehouse.query(
        "SELECT event_id, actor, started_at, event_number, is_in_order FROM core.event_sessions"
    )
    found = {row["event_id"]: tuple(row.values())[1:] for row in rows.to_pylist()}
    assert found == told_plainly(events) and len(found) > 800
    assert sum(row[3] for row in found.values()) > 50


@pytest.mark.parametrize(
    ("reading", "value", "unit"),
    [
        ("Ragain", "-19", "°C"), ("Rnext day", "-18", "°C"), ("Rno unit", "-20", "°C"), ("Rpound", "4.535924", "kg"),
        ("Rmile", "42.164813", "km"), ("Rgallon", "3.785412", "l"), ("Ralone", "7", None), ("Runheard", None, None),
        ("Rmisfit", None, None), ("Rlarge", None, "m"),
    ],
)  # fmt: skip
def test_a_reading_is_told_in_the_unit_of_its_metric_and_kept_as_it_landed(
    built: Built, reading: str, value: str | None, unit: str | None
) -> None:
    found = built.row(
        f"SELECT value_standard, unit_standard, value IS NOT NULL FROM core.fact_measurements WHERE measurement_id = '{reading}'"
    )
    assert found == (value and Decimal(value), unit, True)


def test_gaps_are_told_from_the_interval_that_a_series_keeps(built: Built) -> None:
    gaps = "SELECT gap_from, gap_to, seconds, interval_seconds, missing FROM marts.measurement_gaps ORDER BY gap_from"
    assert built.rows(gaps) == [
        (datetime(2017, 6, 10, 9, 50), datetime(2017, 6, 10, 11), 4200, 600, 6),
        (datetime(2017, 6, 10, 11, 50), datetime(2017, 6, 11, 8), 72600, 600, 120),
    ]  # fmt: skip


def test_a_day_of_readings_counts_repeats_and_leaves_conflicts_out(built: Built) -> None:
    day = built.row(
        "SELECT readings, repeats, conflicts, lowest, highest, interval_seconds, gaps, missing, longest_gap_seconds "
        "FROM marts.measurements_daily WHERE metric = 'temperature' AND reading_date = '2017-06-10'"
    )
    # 11:20 said -20 and 5, so neither counts.
    assert day == (20, 1, 1, Decimal(-20), Decimal(-18), 600, 2, 126, 72600)
    assert built.row(
        "SELECT count(*), sum(unreadable) FROM marts.measurements_daily WHERE metric = 'distance'"
    ) == (2, 2)


def test_gaps_are_counted_by_the_interval_that_is_declared_of_a_sensor_or_its_metric(
    either: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(sensor: str, metric: str, minute: int) -> dict[str, Any]:
        name, at = f"{sensor} {metric} {minute}", datetime(2017, 6, 10, 9) + timedelta(minutes=minute)
        return {"measurement_id": name, "measured_at": at.isoformat(" "), "sensor_id": sensor, "metric": metric, "value": "1"}  # fmt: skip

    minutes = [0, 10, 20, 30, 60]
    some = [reading(sensor, "Temperature", minute) for sensor in ("T1", "T'2") for minute in minutes]
    land(either, "measurements", 1, *some, *(reading("H", "humidity", minute) for minute in (0, 3)))
    found = "SELECT sensor_id, sum(missing) AS missing, max(interval_seconds) AS seconds, "
    found += (
        "max(CASE WHEN is_interval_declared THEN 1 WHEN NOT is_interval_declared THEN 0 END) AS declared "
    )
    found += "FROM marts.measurements_daily GROUP BY 1 ORDER BY 1"

    def told(declared: str) -> list[tuple[Any, ...]]:
        monkeypatch.setenv("WORKBENCH_READING_INTERVALS", declared)
        transform.build("transactions", "measurements")
        return [
            tuple(None if value is None else str(value) for value in row.values())
            for row in either.rows(found)
        ]

    assert told("") == [("H", "0", None, None), ("T'2", "2", "600", "0"), ("T1", "2", "600", "0")]
    # What was built is counted anew: of every step of ten minutes one is missing at five.
    both = "temperature=300, humidity=60, sensor:T1=1800"
    assert told(both) == [("H", "2", "60", "1"), ("T'2", "8", "300", "1"), ("T1", "0", "1800", "1")]
    # What is declared may be what was learnt.
    assert told("sensor:T1=600") == [
        ("H", "0", None, None),
        ("T'2", "2", "600", "0"),
        ("T1", "2", "600", "1"),
    ]
    gaps = measurements.longest_gaps(either)
    assert dict(zip(gaps["sensor_id"], gaps["interval_is"], strict=True)) == {
        "T1": "declared",
        "T'2": "learnt",
    }
    assert measurements.metrics(either).set_index("metric")["declared"].to_dict() == {
        "Temperature": 1,
        "humidity": 0,
    }


@pytest.mark.parametrize("said", ["temperature", "temperature=0", "temperature=5 min", "a=1,A=2", "=5"])
def test_an_interval_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(ValidationError, match="reading_intervals"):
        Settings(reading_intervals=said)
