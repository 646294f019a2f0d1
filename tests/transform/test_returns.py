"""What came back, and of which sale it is."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.transform.landing import land, line
from workbench import transform
from workbench.demo.generated.generate import RETURNS, generate
from workbench.etl import returns
from workbench.etl.ingest import ingest
from workbench.sources import files
from workbench.warehouse import Warehouse, connect

_SUMMARY = (
    "SELECT transaction_id, line_number, kind, quantity, matched_quantity, matched_by, unmatched, sale_lines, "
    "sale_transaction_id, days_since_sale FROM core.return_lines ORDER BY 1, 2"
)
Row = dict[str, Any]


def _rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in warehouse.query(sql).to_pylist()]


def _day(day: int, hour: int = 12) -> str:
    return f"2017-{5 + day // 30:02}-{1 + day % 30:02} {hour:02}:00:00"


def _back(receipt: str, day: int, quantity: str = "-1", **values: Any) -> Row:
    return line(receipt, at=_day(day), quantity=quantity, **values)


def test_returns_find_their_sale(home: Path) -> None:
    warehouse = connect(create=True)
    ann: Row = {"customer_id": "ann"}
    land(
        warehouse, "transactions", 1,
        # Two purchases: what comes back is of the later one first, and of the earlier one after that.
        line("buy 1", at=_day(0), quantity="2", **ann), line("buy 2", at=_day(5), **ann),
        _back("back 1", 6, store_id="S2", **ann), _back("back 2", 7, "-1.5", **ann),
        # More than was bought.
        _back("back 3", 8, "-4", **ann),
        # In part, of two lines at once; the till says so beside a positive quantity; somebody else brings it.
        line("two", 1, at=_day(0), quantity="2", product_id="P4"), line("two", 2, at=_day(0), quantity="3", product_id="P4"),
        line("back two", at=_day(9), quantity="4", product_id="P4", line_status="returned",
             original_transaction_id="two", customer_id="bob"),
        _back("back too", 10, "-3", product_id="P4", original_transaction_id="two"),
        _back("wrong", 10, product_id="P2", original_transaction_id="two", **ann),
        _back("before the sale is here", 3, product_id="P2", original_transaction_id="late", **ann),
        _back("nobody", 10, "-1"),
        # On the receipt itself: voided, and no return; and an exchange of more than that.
        line("void", 1, at=_day(1), product_id="P3", quantity="2", **ann),
        line("void", 2, at=_day(1), product_id="P3", quantity="-2", **ann),
        line("exchange", 1, at=_day(2), product_id="P4", **ann), line("exchange", 2, at=_day(2), product_id="P4", quantity="-2", **ann),
        # At the price less its discount; and after the window.
        line("cheap", at=_day(20), product_id="P5", quantity="2", discount_amount="3", **ann),
        _back("back cheap", 21, product_id="P5", unit_price="8.5", **ann),
        line("long ago", at=_day(0), product_id="P6", **ann), _back("too late", 91, product_id="P6", **ann),
        # What was cancelled was never sold, and nothing comes back of it.
        line("cancelled", 1, at=_day(3), product_id="P7", line_status="cancelled", discount_amount="1", **ann),
        line("cancelled", 2, at=_day(3), product_id="P7", **ann),
        _back("back of it", 4, "-2", product_id="P7", **ann),
    )  # fmt: skip
    transform.build()
    one, two, four = Decimal(1), Decimal(2), Decimal(4)
    expected = [
        ("back 1", 1, "return", one, one, "price", None, 1, "buy 2", 1),
        ("back 2", 1, "return", Decimal("1.5"), Decimal("1.5"), "price", None, 1, "buy 1", 7),
        ("back 3", 1, "return", four, Decimal("0.5"), "price", "no_purchase", 1, "buy 1", 8),
        ("back cheap", 1, "return", one, one, "paid_price", None, 1, "cheap", 1),
        ("back of it", 1, "return", two, one, "price", "no_purchase", 1, "cancelled", 1),
        ("back too", 1, "return", Decimal(3), one, "reference", "not_left_on_receipt", 1, "two", 10),
        ("back two", 1, "return", four, four, "reference", None, 2, "two", 9),
        ("before the sale is here", 1, "return", one, Decimal(0), None, "sale_not_here", 0, None, None),
        ("exchange", 2, "return", two, one, "price", "no_purchase", 1, "exchange", 0),
        ("nobody", 1, "return", one, Decimal(0), None, "no_customer", 0, None, None),
        ("too late", 1, "return", one, Decimal(0), None, "no_purchase", 0, None, None),
        ("void", 2, "void", two, two, "void", None, 1, "void", 0),
        ("wrong", 1, "return", one, Decimal(0), None, "not_left_on_receipt", 0, None, None),
    ]
    assert _rows(warehouse, _SUMMARY) == expected
    assert _rows(
        warehouse,
        "SELECT quantity, cancelled_quantity, gross_amount, net_amount FROM core.fact_transactions "
        "WHERE transaction_id = 'cancelled' ORDER BY line_number",
    ) == [(Decimal(0), one, Decimal(0), Decimal(0)), (one, None, Decimal(10), Decimal(10))]
    # The sale lands, a sale is cancelled as a whole: returns find the first, and lose the other.
    land(warehouse, "transactions", 2, line("late", at=_day(2), product_id="P2", **ann))
    land(warehouse, "transactions", 3, line("buy 2", at=_day(5), line_status="cancelled", **ann))
    transform.build()
    changed = {row[0]: row for row in _rows(warehouse, _SUMMARY)}
    assert changed["before the sale is here"][4:] == (one, "reference", None, 1, "late", 1)
    assert changed["back 1"][4:] == (one, "price", None, 1, "buy 1", 6)
    assert changed["back 2"][4:7] == (one, "price", "no_purchase")
    assert _rows(
        warehouse,
        "SELECT transactions, lines, cancelled_lines, quantity FROM marts.sales_daily WHERE sales_date = '2017-05-06'",
    ) == [(0, 1, 1, Decimal(0))]


def test_a_pile_that_is_taken_from_by_hand_gives_the_same(home: Path) -> None:
    """Random purchases and returns against a plain loop: the last purchase of the product and price comes first."""
    draw = random.Random(7)
    quantities = ["1", "2", "0.75", "-1", "-2", "-1.25"]
    moves = [
        line(
            f"T{n:04}", at=_day(draw.randrange(150), draw.randrange(24)), customer_id=f"C{draw.randrange(6)}",
            product_id=f"P{draw.randrange(3)}", quantity=draw.choice(quantities), unit_price=draw.choice(["3", "7"]),
        )
        for n in range(700)
    ]  # fmt: skip
    warehouse = connect(create=True)
    land(warehouse, "transactions", 1, *moves[::2])
    transform.build()
    land(warehouse, "transactions", 2, *moves[1::2])
    transform.build()
    found = _rows(
        warehouse,
        "SELECT transaction_id, sale_transaction_id, quantity FROM staging.purchase_matches ORDER BY 1, 2",
    )
    assert found == _by_hand(moves) and len(found) > 150


def _by_hand(moves: list[Row]) -> list[tuple[str, str, Decimal]]:
    piles: dict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
    taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for move in sorted(
        moves, key=lambda m: (m["transaction_timestamp"], m["quantity"][0] == "-", m["transaction_id"])
    ):
        pile = piles[move["customer_id"], move["product_id"], move["unit_price"]]
        quantity = Decimal(move["quantity"])
        if quantity > 0:
            pile.append([quantity, move])
        while quantity < 0 and pile:
            units = min(-quantity, pile[-1][0])
            sale = pile[-1][1]
            if _days(move) - _days(sale) <= 90:
                taken[move["transaction_id"], sale["transaction_id"]] += units
            quantity += units
            pile[-1][0] -= units
            if not pile[-1][0]:
                pile.pop()
    return sorted((back, sale, units) for (back, sale), units in taken.items())


def _days(move: Row) -> float:
    return datetime.fromisoformat(move["transaction_timestamp"]).timestamp() / 86400


def test_generated_returns_are_found_and_no_others(home: Path, tmp_path: Path) -> None:
    truth = generate(tmp_path / "made", 20_000, seed=3, returns_share=0.03)
    files.land(f"{tmp_path}/made/transactions/*.csv")
    warehouse = connect(create=True)
    ingest(warehouse)
    transform.build("transactions", "marts")
    with (tmp_path / "made" / RETURNS).open() as file:
        told = {row["transaction_id"]: row for row in csv.DictReader(file)}
    found = dict(
        _rows(
            warehouse,
            "SELECT transaction_id, sale_transaction_id FROM core.return_lines WHERE sale_lines > 0 AND kind = 'return'",
        )
    )
    right = [name for name, sale in found.items() if told.get(name, {}).get("sale_transaction_id") == sale]
    to_be_found = [name for name, row in told.items() if row["kind"] in ("reference", "price", "paid_price")]
    assert len(told) == sum(truth.returns.values()) > 300 and min(truth.returns.values()) > 2
    assert len(right) >= 0.95 * len(found)
    assert len(set(right) & set(to_be_found)) >= 0.97 * len(to_be_found)
    counts = returns.counts(warehouse)
    assert counts["matched_returns"] == len(found) and counts["return_lines"] > len(told)
    table = returns.by_category(warehouse)
    assert table["return_lines"].sum() == counts["return_lines"] and table["rate"].between(0, 0.1).all()
    assert set(returns.how_found(warehouse)["lines"]) >= {truth.returns["reference"]}
    facts = returns.at_a_glance(warehouse, "USD").facts
    assert facts["Lines that came back"].startswith(f"{counts['return_lines']}, ")
