"""Amounts in the reporting currency: worked out from both quotes, exactly, and rounded once, on either engine."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

from tests.transform.landing import land, line
from workbench import transform
from workbench.warehouse import Warehouse

_CENT, _PLACES = Decimal("0.0001"), Decimal("0.00000001")
_MOST = Decimal("99999999999999.5")
_CURRENCIES = ("TRL", "GBP", "JPY", "ZWD", "VND")


def test_an_amount_is_exact_for_any_pair_of_quotes(either: Warehouse) -> None:
    chance = random.Random(11)
    quotes = [*_edges(), *((_quote(chance), _quote(chance)) for _ in range(1000))]
    rates, sales, expected = [], [], {}
    for place, (reporting, foreign) in enumerate(quotes):
        # A day has one quote of the dollar, so every pair has a day of its own.
        day = date(2003, 1, 1) + timedelta(days=place)
        currency = _CURRENCIES[place % len(_CURRENCIES)]
        rates += [_rate(day, "USD", reporting), _rate(day, currency, foreign)]
        for number, net in enumerate((_amount(chance, place), _amount(chance, place + 1)), 1):
            sales.append(_sale(f"T{place}", number, day, currency, net))
            expected[f"T{place}", number] = _converted(net, reporting, foreign)
    land(either, "exchange_rates", 1, *rates)
    land(either, "transactions", 1, *sales)
    transform.build()
    found = {
        (row["transaction_id"], row["line_number"]): (
            row["conversion_status"],
            row["exchange_rate"],
            row["net_amount_reporting"],
        )
        for row in either.query(
            "SELECT transaction_id, line_number, conversion_status, exchange_rate, net_amount_reporting "
            "FROM core.fact_transactions"
        ).to_pylist()
    }
    assert {key: (found[key], value) for key, value in expected.items() if found[key] != value} == {}
    assert {status for status, _, _ in expected.values()} == {"converted", "too_large"}
    # A rate of eight places would make 108.2227 of the former and 86.5782 of the latter.
    assert [found[f"T{place}", 1][2] for place in (6, 7)] == [Decimal("108.3462"), Decimal("87.3267")]


def _edges() -> list[tuple[Decimal, Decimal]]:
    least, most = Decimal("0.00000001"), Decimal("9999999999.99999999")
    return [
        (least, least), (least, most), (most, least), (most, most), (Decimal(1), most), (most, Decimal(1)),
        (Decimal("1.2407"), Decimal(1770408)), (Decimal(1), Decimal(1770408)), (Decimal(1), Decimal(2)), (Decimal(1), Decimal(8)),
        (Decimal("0.5"), Decimal("0.00000003")),
    ]  # fmt: skip


def _quote(chance: random.Random) -> Decimal:
    return max(_PLACES, Decimal(10 ** chance.uniform(-8, 9.99)).quantize(_PLACES))


def _amount(chance: random.Random, place: int) -> Decimal:
    if place in (6, 7):
        return Decimal("154603875.08")
    if place % 10 == 0:
        return Decimal("99999999999998.9999") * (-1) ** (place // 10)
    if place % 10 == 1:
        return _CENT * (-1) ** (place // 10)
    return Decimal(10 ** chance.uniform(-3, 13.9)).quantize(_CENT) * (-1) ** place


def _rate(day: date, currency: str, quote: Decimal) -> dict[str, object]:
    return {"rate_date": str(day), "currency": currency, "units_per_eur": f"{quote:f}"}


def _sale(transaction: str, number: int, day: date, currency: str, net: Decimal) -> dict[str, object]:
    """A line over an amount; a discount brings it beyond what quantity and price may be."""
    return line(
        transaction, number, f"{day} 12:00:00", currency=currency, quantity="1", unit_price="1",
        discount_amount=f"{1 - net:f}",
    )  # fmt: skip


def _converted(
    net: Decimal, reporting: Decimal, foreign: Decimal
) -> tuple[str, Decimal | None, Decimal | None]:
    with localcontext(prec=80):
        rate = (reporting / foreign).quantize(_PLACES, ROUND_HALF_UP)
        if reporting / foreign >= 9999999999:
            return "too_large", None, None
        amount = net * reporting / foreign
        if abs(amount) >= _MOST:
            return "too_large", rate, None
        return "converted", rate, amount.quantize(_CENT, ROUND_HALF_UP)
