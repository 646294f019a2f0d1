"""Draw sales from an invented retailer, at the speed of the database engine, straight into a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from workbench.demo.generated import planted
from workbench.demo.generated.shop import SLOTS, Plan, Shop, load, make
from workbench.demo.journey.frauds import STOLEN_CARD, TAMPERED_TILL

_SLICE = 1_000_000

# A card is stolen for two weeks and a third of what it pays is fraud, of five times the quantity; a till is tampered
# with for four weeks and half of what it takes is fraud. All known customers and all stores are as likely to be struck.
_CARD_DAYS, _CARD_SHARE, _CARD_FACTOR = 14, 1 / 3, 5
_TILL_DAYS, _TILL_SHARE = 28, 1 / 2
_LATE, _CLEARED = 0.03, 0.002


@dataclass(frozen=True)
class Drawn:
    """What was written: faults by reason code, and the anomalies with their actual counts of lines."""

    reasons: dict[str, int]
    anomalies: list[dict[str, Any]]
    receipts: int


@contextmanager
def engine(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills into ``scratch``."""
    connection = duckdb.connect(":memory:", config={"memory_limit": "2GB"})
    try:
        connection.execute("SET temp_directory = '" + str(scratch).replace("'", "''") + "'")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def write(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    shop: Shop,
    path: Path,
    progress: Callable[[float], None] | None = None,
) -> Drawn:
    """Write exactly ``plan.rows`` lines of the dataset ``transactions`` to ``path``.

    ``plan.bad`` of them are spoilt; ``plan.repeats`` repeat exactly a good one that comes some way before.

    Args:
        progress: called with the part that is done, from 0 to 1.
    """
    with ThreadPoolExecutor(1) as beside:
        drawn, written = draw(connection, plan, shop, path, beside, progress)
        written.result()
    return drawn


def draw(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    shop: Shop,
    path: Path,
    beside: Executor,
    progress: Callable[[float], None] | None = None,
) -> tuple[Drawn, Future[None]]:
    """Draw what :func:`write` writes; the file is whole once the future has ended, which one thread of ``beside`` works for."""
    lines = plan.rows - plan.repeats
    load(connection, plan, shop)
    marks, reasons = planted.choose(lines, plan.bad, plan.repeats, plan.seed)
    make(connection, "mark", {"n": "BIGINT", "fault": "VARCHAR", "is_again": "BOOLEAN"}, marks)
    _draw_receipts(connection, plan, lines)
    written = _write_slices(connection, plan, lines, path, beside, progress or (lambda done: None))
    found = connection.execute("SELECT count(*) FROM receipt").fetchone()
    return Drawn(reasons, _account(connection, plan, shop), int(found[0]) if found else 0), written


def _draw(number: str, salt: int, seed: int) -> str:
    """Return SQL for a number from 0 up to 1 that ``number`` and ``salt`` decide."""
    return f"((hash({number} * 64 + {(seed % 2**20) * 2**42 + salt}) >> 11) / 9007199254740992.0)"


def _draw_receipts(connection: duckdb.DuckDBPyConnection, plan: Plan, lines: int) -> None:
    """Make table ``receipt`` in order of time: the number of its first line, and what its lines share."""

    def draw(salt: int) -> str:
        return _draw("b", salt, plan.seed)

    # A few more than the mean size of a receipt asks for; those that aren't needed are left out.
    candidates = int(1.08 * lines * (1 - math.exp(-1 / plan.receipt_scale))) + 200
    connection.execute(
        f"""
        CREATE TABLE receipt AS
        WITH sized AS (
            SELECT range AS b,
                   least(40, 1 + CAST(floor(-{plan.receipt_scale} * ln(1 - {draw(1)})) AS BIGINT)) AS wanted,
                   sum(wanted) OVER (ORDER BY range) - wanted AS before
            FROM range({candidates})
        ),
        drawn AS (
            SELECT b, CAST(least(wanted, {lines} - before) AS BIGINT) AS size,
                   {draw(2)} AS spike_draw,
                   CAST(floor({SLOTS} * {draw(3)}) AS BIGINT) AS day_at,
                   CASE WHEN {draw(4)} >= 0.15
                        THEN CAST(floor({plan.customers} * {draw(5)}) AS BIGINT) END AS customer,
                   -- Four of five known customers shop in the store they live by.
                   CAST(floor({SLOTS} * CASE WHEN customer IS NOT NULL AND {draw(6)} < 0.8
                       THEN {_draw("customer", 7, plan.seed)} ELSE {draw(8)} END) AS BIGINT) AS store_at,
                   CAST(floor(3600 * (7 + 7.5 * ({draw(9)} + {draw(10)}))) AS BIGINT) AS second,
                   CASE WHEN {draw(11)} < 0.88 THEN 'store' ELSE 'online' END AS channel
            FROM sized WHERE before < {lines}
        ),
        placed AS (
            SELECT drawn.*, coalesce(spike.day, day_slot.drawn) AS day,
                   coalesce(spike.store, store_slot.drawn) AS store
            FROM drawn
            JOIN day_slot ON day_slot.slot = day_at
            JOIN store_slot ON store_slot.slot = store_at
            LEFT JOIN spike ON spike_draw >= low AND spike_draw < high
        )
        SELECT row_number() OVER (ORDER BY day, second, b) AS receipt, size, customer, channel, day,
               CAST(sum(size) OVER (ORDER BY day, second, b) - size AS BIGINT) AS first_line,
               TIMESTAMP '{plan.start} 00:00:00' + to_seconds(day * 86400 + second) AS sold_at,
               coalesce(outage, 0) AS outage, store_id, currency, price_factor,
               {_fraud(plan)} AS fraud
        FROM placed JOIN store ON store.idx = placed.store LEFT JOIN outage_day USING (day)
        ORDER BY receipt
        """
    )


def _fraud(plan: Plan) -> str:
    """Return SQL for which kind of fraud a receipt is, if any: half of them each."""
    card = plan.fraud_share / 2 / _CARD_SHARE / 0.85
    till = plan.fraud_share / 2 / _TILL_SHARE
    if not plan.fraud_share:
        return "NULL"
    stolen = _draw(f"(customer * 4096 + day // {_CARD_DAYS})", 18, plan.seed)
    tampered = _draw(f"(store * 4096 + day // {_TILL_DAYS})", 19, plan.seed)
    return f"""CASE
        WHEN customer IS NOT NULL AND {stolen} < {card} AND {_draw("b", 20, plan.seed)} < {_CARD_SHARE}
        THEN '{STOLEN_CARD}'
        WHEN {tampered} < {till} AND {_draw("b", 21, plan.seed)} < {_TILL_SHARE} THEN '{TAMPERED_TILL}' END"""


def write_frauds(
    connection: duckdb.DuckDBPyConnection, plan: Plan, labels: Path, truth: Path
) -> tuple[int, dict[str, int]]:
    """Write the dataset ``fraud_labels`` and which receipts are fraud, of those that :func:`write` drew.

    Of every fraud there is a verdict within a week or, rarely, within three; of a few others that they are none.

    Returns:
        The number of verdicts, and of frauds by kind.
    """

    def draw(salt: int) -> str:
        return _draw("receipt", salt, plan.seed)

    days = f"""CASE WHEN fraud IS NULL THEN 0.2 + 2.8 * {draw(22)}
        WHEN {draw(23)} < {_LATE} THEN 7 + 14 * {draw(22)} ELSE 0.5 + 6.4 * {draw(22)} END"""
    written = {
        labels: f"SELECT printf('T%010d', receipt) AS transaction_id, fraud IS NOT NULL AS is_fraud, "
        f"CAST(sold_at + to_seconds(CAST(86400 * ({days}) AS BIGINT)) AS VARCHAR) AS labelled_at FROM receipt "
        f"WHERE fraud IS NOT NULL OR {draw(24)} < {_CLEARED if plan.fraud_share else 0} ORDER BY labelled_at, receipt",
        truth: "SELECT printf('T%010d', receipt) AS transaction_id, fraud AS kind FROM receipt "
        "WHERE fraud IS NOT NULL ORDER BY receipt",
    }
    rows = 0
    for path, sql in written.items():
        target = str(path).replace("'", "''")
        done = connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT csv, HEADER)").fetchone()
        rows = rows or (int(done[0]) if done else 0)
    kinds = "SELECT fraud, count(*) FROM receipt WHERE fraud IS NOT NULL GROUP BY 1 ORDER BY 1"
    return rows, dict(connection.execute(kinds).fetchall())


def _write_slices(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    lines: int,
    path: Path,
    beside: Executor,
    progress: Callable[[float], None],
) -> Future[None]:
    """Write the lines slice by slice, so that memory stays small, and break those that are to be broken.

    While one slice is drawn, the lines of the one before are broken ``beside``; the future is that of the last.
    """
    path.write_bytes(b"")
    written: Future[None] = Future()
    written.set_result(None)
    for start in range(0, lines, _SLICE):
        part = path.with_name(f"_{path.name}.{start // _SLICE % 2}.part")
        target, header = str(part).replace("'", "''"), start == 0
        try:
            sql = _lines(plan, start, start + _SLICE)
            connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT csv, HEADER {header})")
            written.result()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        written = beside.submit(_append, part, path)
        progress(min(1.0, (start + _SLICE) / lines))
    return written


def _append(part: Path, path: Path) -> None:
    try:
        with path.open("ab") as whole:
            planted.break_lines(part, whole)
    finally:
        part.unlink(missing_ok=True)


def _lines(plan: Plan, start: int, end: int) -> str:
    """Return SQL for the lines of the receipts that begin in [start, end), and after them those that repeat.

    A join hands on its rows in any order, so they are sorted: the file is the same every time.
    """

    def draw(salt: int) -> str:
        return _draw("n", salt, plan.seed)

    columns = {
        "transaction_id": "printf('T%010d', receipt)",
        "line_number": "line_number",
        "transaction_timestamp": "CAST(sold_at AS VARCHAR)",
        "customer_id": "CASE WHEN customer IS NOT NULL THEN printf('C%07d', customer + 1) END",
        "product_id": "product_id",
        "store_id": "store_id",
        "quantity": "CASE WHEN by_weight THEN CAST(quantity AS VARCHAR) ELSE CAST(pieces AS VARCHAR) END",
        "unit_price": "CAST(price AS VARCHAR)",
        "discount_amount": "discount",
        "currency": "currency",
        "channel": "channel",
    }
    written = ", ".join(f"{planted.spoil(name, value)} AS {name}" for name, value in columns.items())
    return f"""
        SELECT {written} FROM (
            SELECT receipt, line_number, sold_at, customer, product_id, store_id,
                   by_weight, currency, channel, fault,
                   CAST(round(cents * price_factor) / 100 AS DECIMAL(18, 2)) AS price,
                   CASE WHEN {draw(13)} < 0.004 THEN -1
                        WHEN {draw(14)} < 0.72 THEN 1 WHEN {draw(14)} < 0.88 THEN 2
                        WHEN {draw(14)} < 0.95 THEN 3 WHEN {draw(14)} < 0.99 THEN 6 ELSE 12 END
                       * CASE WHEN stolen THEN {_CARD_FACTOR} ELSE 1 END AS pieces,
                   CASE WHEN by_weight THEN CAST((0.2 + 1.8 * {draw(12)})
                        * CASE WHEN stolen THEN {_CARD_FACTOR} ELSE 1 END AS DECIMAL(9, 3))
                        ELSE pieces END AS quantity,
                   CAST(CASE WHEN quantity > 0 AND {draw(15)} < 0.18
                        THEN quantity * price * (CAST(floor(1 + 3 * {draw(16)}) AS INTEGER) / 10)
                        ELSE 0 END AS DECIMAL(18, 2)) AS discount
            FROM (
                SELECT *, first_line + line_number - 1 AS n, coalesce(fraud = '{STOLEN_CARD}', false) AS stolen,
                       CAST(floor({plan.products} * pow({draw(17)}, 2.2)) AS BIGINT) AS idx
                FROM (
                    SELECT *, unnest(range(1, size + 1)) AS line_number
                    FROM receipt WHERE first_line >= {start} AND first_line < {end}
                )
            )
            JOIN product USING (idx, outage) LEFT JOIN mark USING (n)
            ORDER BY coalesce(is_again, false), n
        )
    """


def _account(connection: duckdb.DuckDBPyConnection, plan: Plan, shop: Shop) -> list[dict[str, Any]]:
    """Say of each anomaly where and when it is, and how many lines fell there."""
    planted: list[dict[str, Any]] = []
    for item in shop.anomalies:
        days = [(plan.start + timedelta(days=day)).isoformat() for day in item.days]
        if item.store is None:
            planted.append({"kind": item.kind, "department": item.department, "dates": days, "lines": 0})
            continue
        store = shop.stores[item.store]["store_id"]
        found = connection.execute(
            "SELECT sum(size) FILTER (day = ?), sum(size) FILTER (day <> ?) FROM receipt WHERE store_id = ?",
            [item.days[0], item.days[0], store],
        ).fetchone()
        lines, others = (int(value or 0) for value in found or (0, 0))
        usual = round(others / max(plan.days - 1, 1), 1)
        planted.append(
            {"kind": item.kind, "store_id": store, "dates": days, "lines": lines, "usual_lines": usual}
        )
    return planted


__all__ = ["Drawn", "draw", "engine", "write", "write_frauds"]
