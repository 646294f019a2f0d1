"""Facts: one row each, with the keys valid at their time and amounts in the reporting currency."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.transform.conftest import Built


def _version(built: Built, transaction: str, name: str, described: str) -> tuple[object, ...]:
    return built.row(
        f"SELECT d.{described}, d.valid_from FROM core.fact_transactions f "
        f"LEFT JOIN core.dim_{name} d USING ({name}_key) WHERE transaction_id = '{transaction}'"
    )


@pytest.mark.parametrize(
    ("transaction", "name", "since"),
    [
        ("before", "Ann", datetime(2017, 1, 1)),
        ("first", "Ann", datetime(2017, 1, 1)),
        ("second", "Ann 2", datetime(2017, 3, 1)),
        ("third", "Ann 3", datetime(2017, 5, 1)),
        ("gone", "Cid", datetime(2017, 1, 1)),
        ("gone for good", "Cid", datetime(2017, 4, 1)),
        ("only deleted", None, datetime(1900, 1, 1)),
        ("unknown", None, datetime(1900, 1, 1)),
        ("anonymous", None, None),
    ],
)
def test_a_line_points_to_the_customer_as_of_its_time(
    built: Built, transaction: str, name: str | None, since: datetime | None
) -> None:
    assert _version(built, transaction, "customer", "first_name") == (name, since)


def test_a_line_points_to_the_product_as_of_its_time(built: Built) -> None:
    assert _version(built, "before", "product", "department") == ("Drinks", datetime(2017, 1, 1))
    assert _version(built, "tea later", "product", "department") == ("Pantry", datetime(2017, 7, 1))
    assert _version(built, "unknown", "product", "department") == (None, datetime(1900, 1, 1))


def test_only_an_anonymous_line_has_no_customer(built: Built) -> None:
    assert built.row(
        "SELECT count(*), count(customer_id), count(customer_key), count(product_key), count(store_key) "
        "FROM core.fact_transactions"
    ) == (23, 11, 11, 23, 23)


def test_a_correction_takes_the_later_batch_and_an_exact_repeat_is_one_line(built: Built) -> None:
    assert built.rows(
        "SELECT line_number, quantity FROM core.fact_transactions WHERE transaction_id = 'corrected' ORDER BY 1"
    ) == [(1, Decimal(6)), (2, Decimal(7))]


def test_amounts_are_exact(built: Built) -> None:
    assert built.row(
        "SELECT gross_amount, discount_amount, net_amount FROM core.fact_transactions WHERE transaction_id = 'second'"
    ) == (Decimal("30"), Decimal("1.5"), Decimal("28.5"))
    assert built.row(
        "SELECT discount_amount, net_amount FROM core.fact_transactions WHERE transaction_id = 'returned'"
    ) == (Decimal("0"), Decimal("-20"))


def test_keys_of_day_and_minute(built: Built) -> None:
    assert built.row(
        "SELECT date_key, time_key FROM core.fact_transactions WHERE transaction_id = 'tea later'"
    ) == (20170702, 805)


@pytest.mark.parametrize(
    ("transaction", "status", "rate", "day", "amount"),
    [
        ("first", "same_currency", "1", date(2017, 1, 1), "10"),
        # 1.25 / 0.9, the rate that landed later for that day.
        ("pound on the day", "converted", "1.38888889", date(2017, 6, 9), "12.5"),
        # There is a pound on the 10th but no dollar, so both are taken of the 9th.
        ("pound of a later day", "converted", "1.38888889", date(2017, 6, 9), "12.5"),
        ("yen after seven days", "converted", "0.01", date(2017, 6, 9), "10"),
        ("yen after eight days", "no_rate", None, None, None),
        ("yen before any rate", "no_rate", None, None, None),
        ("euro", "converted", "1.25", date(2017, 6, 9), "10"),
        ("a currency that ended", "no_rate", None, None, None),
        ("too great a sum", "too_large", "1.38888889", date(2017, 6, 9), None),
        ("a great sum", "converted", "0.01", date(2017, 6, 9), "60000000"),
    ],
)
def test_conversion(
    built: Built, transaction: str, status: str, rate: str | None, day: date | None, amount: str | None
) -> None:
    assert built.row(
        "SELECT conversion_status, exchange_rate, rate_date, net_amount_reporting, reporting_currency "
        f"FROM core.fact_transactions WHERE transaction_id = '{transaction}'"
    ) == (status, rate and Decimal(rate), day, amount and Decimal(amount), "USD")


def test_events_and_readings_are_one_row_each_with_their_keys(built: Built) -> None:
    assert built.rows(
        "SELECT event_id, properties, f.customer_id, c.first_name, f.product_key IS NOT NULL, store_key, date_key "
        "FROM core.fact_events f JOIN core.dim_customer c USING (customer_key) WHERE event_id LIKE 'E%' ORDER BY 1"
    ) == [
        ("E1", '{"page": 2}', "ann", "Ann 3", True, None, 20170601),
        ("E2", None, "yan", None, False, None, 20190203),
    ]
    assert built.rows(
        "SELECT measurement_id, value, f.store_id, s.is_inferred, time_key "
        "FROM core.fact_measurements f LEFT JOIN core.dim_store s USING (store_key) "
        "WHERE measurement_id LIKE 'M%' ORDER BY 1"
    ) == [("M1", Decimal(12), "S8", True, 0), ("M2", Decimal("0.5"), None, None, 2359)]


def test_the_calendar_covers_whole_years_of_all_facts(built: Built) -> None:
    assert built.row("SELECT min(calendar_date), max(calendar_date), count(*) FROM core.dim_date") == (
        date(2016, 1, 1), date(2019, 12, 31), 366 + 365 + 365 + 365,
    )  # fmt: skip
    assert built.row("SELECT * FROM core.dim_date WHERE calendar_date = '2016-12-31'") == (
        20161231, date(2016, 12, 31), 2016, 4, 12, 31, 6, 366, date(2016, 12, 26), date(2016, 12, 1), True,
        date(2016, 10, 1), 2016, 52, 2016, 4, 12, 53,
    )  # fmt: skip
    assert built.row(
        "SELECT count(*), count(*) FILTER (day_of_week <> isodow(calendar_date)), "
        "count(*) FILTER (is_weekend <> (isodow(calendar_date) > 5)), "
        "count(*) FILTER ((iso_year, iso_week) <> (isoyear(calendar_date), week(calendar_date))), "
        "count(*) FILTER (quarter_start <> date_trunc('quarter', calendar_date)) FROM core.dim_date"
    ) == (1461, 0, 0, 0, 0)


def test_the_day_has_1440_minutes(built: Built) -> None:
    assert built.row("SELECT count(*), min(time_key), max(time_key) FROM core.dim_time") == (1440, 0, 2359)
    assert built.rows("SELECT part_of_day, min(hour), max(hour) FROM core.dim_time GROUP BY 1 ORDER BY 2") == [
        ("night", 0, 5), ("morning", 6, 11), ("afternoon", 12, 17), ("evening", 18, 23),
    ]  # fmt: skip
