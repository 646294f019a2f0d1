"""Visits to a web shop and an app: what people look at, put into the cart, and buy; who they are comes out on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from workbench.demo.signals.draws import copy_csv, draw

MOST = 20_000
"""Visits at most, whatever is sold."""


@dataclass(frozen=True)
class Visits:
    """What was written: events (repeats included), the visits that they are, and how many bought.

    ``told_later`` are events without a customer, in visits in which somebody signs in.
    """

    events: int
    repeats: int
    visits: int
    purchases: int
    told_later: int


def write(
    connection: duckdb.DuckDBPyConnection, receipts: str, path: Path, *, seed: int = 0, share: float = 1.0
) -> Visits:
    """Write the dataset ``events``: a visit for some of the receipts, not more than one a customer and day.

    No visit takes a quarter of an hour, and each is hours from the next of the same person. One event in 200 is delivered twice.

    Args:
        connection: that the receipts are in.
        receipts: query for ``receipt, customer_id, sold_at, store_id, product_id, is_bought``: those that are bought on the
            way end in a purchase; of others a visitor left before.
        path: of the file.
        seed: of the draws.
        share: of the receipts that take part, drawn.
    """

    def d(number: str, salt: int) -> str:
        return draw(number, salt, seed)

    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE visit AS
        SELECT receipt, customer_id, store_id, product_id, is_bought,
               CAST(sold_at AS DATE) + to_seconds(CAST(28800 + 43200 * {d("receipt", 1)} AS BIGINT)) AS started_at,
               CASE WHEN {d("receipt", 2)} < 0.35 THEN 'app' ELSE 'web' END AS channel,
               1 + CAST(floor(5 * {d("receipt", 3)}) AS INTEGER) AS views,
               CASE WHEN is_bought THEN 4 WHEN {d("receipt", 4)} < 0.55 THEN 1 WHEN {d("receipt", 4)} < 0.85 THEN 2 ELSE 3 END
                   AS depth,
               depth > 1 AND (is_bought OR {d("receipt", 5)} < 0.6) AS signs_in,
               'V' || substr(md5(CAST(customer_id AS VARCHAR) || channel), 1, 10) AS visitor_id
        FROM (
            SELECT *, row_number() OVER (
                PARTITION BY customer_id, CAST(sold_at AS DATE) ORDER BY is_bought DESC, receipt
            ) AS place
            FROM ({receipts}) AS receipts WHERE customer_id IS NOT NULL
        ) AS candidates
        WHERE place = 1 AND {d("receipt", 6)} < {share}
        ORDER BY {d("receipt", 7)}, receipt LIMIT {MOST}
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE happened AS
        SELECT *, 'E' || receipt || printf('-%02d', place) AS event_id,
               started_at + to_seconds(place * 75) + to_milliseconds(CAST(40000 * {d("receipt * 16 + place", 8)} AS BIGINT)) AS happened_at,
               CASE WHEN place = 0 THEN 'newsletter_shown' WHEN place <= views THEN 'page_view'
                    WHEN place = views + 1 THEN 'add_to_cart' WHEN place = views + 2 THEN 'begin_checkout' ELSE 'purchase' END
                   AS event_type,
               CASE WHEN signs_in AND place > views THEN customer_id END AS known_as
        FROM (
            SELECT *, unnest(range(CASE WHEN {d("receipt", 9)} < 0.1 THEN 0 ELSE 1 END, views + depth)) AS place FROM visit
        ) AS places
        """
    )
    # Out of order, as queues deliver: by the hour, and then by chance.
    events = copy_csv(
        connection,
        f"""
        SELECT event_id, CAST(happened_at AS VARCHAR) || 'Z' AS event_timestamp, event_type, known_as AS customer_id,
               'S' || receipt AS session_id, CASE WHEN place > 0 THEN product_id END AS product_id,
               CASE WHEN event_type = 'purchase' THEN store_id END AS store_id,
               CASE WHEN event_type = 'page_view' THEN json_object('page', place) END AS properties, visitor_id, channel
        FROM (
            SELECT *, 0 AS again FROM happened UNION ALL
            SELECT *, 1 FROM happened WHERE {d("event_id", 10)} < 0.005
        ) AS delivered
        ORDER BY date_trunc('hour', happened_at), {d("event_id", 11)}, event_id, again
        """,
        path,
    )
    counted = connection.execute(
        """
        SELECT count(*), count(DISTINCT receipt), count(*) FILTER (event_type = 'purchase'),
               count(*) FILTER (signs_in AND known_as IS NULL)
        FROM happened
        """
    ).fetchone()
    different, visits, purchases, told_later = counted or (0, 0, 0, 0)
    return Visits(events, events - different, visits, purchases, told_later)
