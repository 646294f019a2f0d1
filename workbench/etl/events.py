"""What sessions and funnels say: the queries of the report, as frames."""

from __future__ import annotations

import pandas as pd

from workbench.warehouse import Warehouse


def funnel(warehouse: Warehouse) -> pd.DataFrame:
    """Return how many sessions made each step over all time: ``step, sessions, in_order``, the first step first."""
    return warehouse.frame(
        "SELECT step, CAST(sum(sessions) AS BIGINT) AS sessions, CAST(sum(in_order) AS BIGINT) AS in_order "
        "FROM marts.funnel_daily GROUP BY step_number, step ORDER BY step_number"
    )


def conversion_by_channel(warehouse: Warehouse) -> pd.DataFrame:
    """One row a channel: its sessions, how many converted in order, their share (0 to 1), and how many in any order."""
    return warehouse.frame(
        """
        SELECT channel, sessions, converted, CAST(converted AS DOUBLE PRECISION) / sessions AS share, converted_anyhow
        FROM (
            SELECT channel, CAST(sum(CASE WHEN step_number = 0 THEN sessions ELSE 0 END) AS BIGINT) AS sessions,
                   CAST(sum(CASE WHEN step_number = last_step THEN in_order ELSE 0 END) AS BIGINT) AS converted,
                   CAST(sum(CASE WHEN step_number = last_step THEN sessions ELSE 0 END) AS BIGINT) AS converted_anyhow
            FROM marts.funnel_daily CROSS JOIN (SELECT max(step_number) AS last_step FROM marts.funnel_daily) AS steps
            GROUP BY channel
        ) AS channels ORDER BY sessions DESC, channel
        """
    )


def sessions_by_week(warehouse: Warehouse) -> pd.DataFrame:
    """Return sessions, and those that converted in order, of each ISO week: ``week, sessions, converted``."""
    return warehouse.frame(
        """
        SELECT CAST(date_trunc('week', session_date) AS DATE) AS week,
               CAST(sum(CASE WHEN step_number = 0 THEN sessions ELSE 0 END) AS BIGINT) AS sessions,
               CAST(sum(CASE WHEN step_number = last_step THEN in_order ELSE 0 END) AS BIGINT) AS converted
        FROM marts.funnel_daily CROSS JOIN (SELECT max(step_number) AS last_step FROM marts.funnel_daily) AS steps
        GROUP BY 1 ORDER BY 1
        """
    )


def other_types(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return types of events that are no step of the funnel, the most frequent first; they are in sessions, too."""
    return warehouse.frame(
        f"""
        SELECT facts.event_type, count(*) AS events, count(sessions.event_id) AS in_sessions
        FROM core.fact_events AS facts
        LEFT JOIN core.event_sessions AS sessions ON sessions.event_id = facts.event_id
        WHERE sessions.step_number IS NULL
        GROUP BY facts.event_type ORDER BY events DESC, facts.event_type LIMIT {int(limit)}
        """
    )


def counts(warehouse: Warehouse) -> dict[str, int]:
    """Count events, those of whom nothing is known, sessions, and events that a visit told whose they are."""
    (row,) = warehouse.query(
        """
        SELECT count(*) AS events, count(*) - count(actor) AS events_of_nobody,
               CAST(coalesce(sum(CASE WHEN is_stitched THEN 1 ELSE 0 END), 0) AS BIGINT) AS events_stitched,
               (SELECT count(*) FROM marts.sessions) AS sessions
        FROM staging.event_actors
        """
    ).to_pylist()
    return {name: int(value) for name, value in row.items()}
