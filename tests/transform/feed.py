"""One small feed that holds every case of the rules; the tests of facts, history and marts read what became of it."""

from __future__ import annotations

from tests.transform.landing import land, line
from workbench.warehouse import Warehouse


def _customer(customer: str, at: str, name: str | None, **values: object) -> dict[str, object]:
    return {"customer_id": customer, "updated_at": at, "first_name": name} | values


def _event(event: str, at: str, kind: str, **values: object) -> dict[str, object]:
    return {"event_id": event, "event_timestamp": f"2017-06-{at}", "event_type": kind} | values


def _reading(
    number: int | str, at: str, value: str, unit: str | None = "C", **values: object
) -> dict[str, object]:
    return {
        "measurement_id": f"R{number}", "measured_at": f"2017-06-{at}", "sensor_id": "freezer", "store_id": "S1",
        "metric": "temperature", "value": value, "unit": unit,
    } | values  # fmt: skip


def _land_visits(warehouse: Warehouse) -> None:
    """Land visits: out of order, twice, late, and by people who sign in on the way."""
    land(
        warehouse, "events", 2,
        # phone looks around, signs in as ann on the way, and buys at the till's server, which knows no device.
        _event("ann 3", "10 10:20:00", "AddToCart", visitor_id="phone", customer_id="ann", channel="app"),
        _event("ann 1", "10 10:00:00", "page_view", visitor_id="phone"),
        _event("ann 4", "10 10:30:00", "begin-checkout", visitor_id="phone"),
        _event("ann 5", "10 10:45:00", "purchase", customer_id="ann"),
        # half an hour and no more is no pause, and a microsecond more is one.
        _event("edge 1", "11 10:00:00", "view", visitor_id="edge", channel="web"),
        _event("edge 2", "11 10:30:00", "view", visitor_id="edge"),
        _event("edge 3", "11 11:00:00.000001", "purchase", visitor_id="edge"),
        # two parts of a visit that a late event joins.
        _event("late 1", "12 23:40:00", "view", session_id="late", channel="web"),
        _event("late 3", "13 00:35:00", "checkout", session_id="late", channel="web"),
        # one device, two people: each event is of the one who was named last.
        _event("two 1", "14 09:00:00", "view", visitor_id="shared"),
        _event("two 2", "14 09:01:00", "add_to_basket", visitor_id="shared", customer_id="bob"),
        _event("two 3", "14 09:02:00", "wave", visitor_id="shared"),
        _event("two 4", "14 09:03:00", "view", visitor_id="shared", customer_id="cid"),
        # nothing tells whose it is.
        _event("nobody", "14 09:00:00", "view"),
    )  # fmt: skip
    land(
        warehouse, "events", 3,
        _event("ann 2", "10 10:10:00", "view", visitor_id="phone", product_id="P1"),
        _event("late 2", "13 00:08:00", "cart", session_id="late", channel="app"),
        _event("ann 1", "10 10:00:00", "page_view", visitor_id="phone"),
    )  # fmt: skip


def _land_readings(warehouse: Warehouse) -> None:
    """Land readings of every ten minutes: with gaps, in other units, said again, and said otherwise."""
    every_ten = [f"10 {hour:02}:{minute:02}:00" for hour in (8, 9, 11) for minute in range(0, 60, 10)]
    readings = [_reading(number, at, str(-18 - number % 3)) for number, at in enumerate(every_ten)]
    land(
        warehouse, "measurements", 2,
        *readings,
        # 11:10 says again in Fahrenheit what it said; 11:20 says something else.
        _reading("again", "10 11:10:00", "-2.2", " F "),
        _reading("else", "10 11:20:00", "5", "Celsius"),
        _reading("next day", "11 08:00:00", "255.15", "K"),
        _reading("no unit", "11 08:10:00", "-20", None),
        # Measures of other kinds, each a series of its own.
        _reading("pound", "11 08:00:00", "10", "lb", metric="Weight"),
        _reading("mile", "11 08:00:00", "26.2", "mi", metric="distance"),
        _reading("gallon", "11 08:00:00", "1", "gal", metric="milk"),
        _reading("alone", "11 08:00:00", "7", None, metric="dust"),
        _reading("unheard", "11 08:00:00", "7", "furlong", metric="distance"),
        _reading("misfit", "11 08:00:00", "7", "kg", metric="distance"),
        _reading("large", "11 08:00:00", "999999999999", "km", metric="height"),
    )  # fmt: skip


def land_everything(warehouse: Warehouse) -> None:
    """Land the feed, in an order in which nothing is in order."""
    _land_visits(warehouse)
    _land_readings(warehouse)
    # ann changes twice in one batch, is corrected for a time already landed, and an older entry arrives last.
    land(
        warehouse,
        "customers",
        2,
        _customer("ann", "2017-03-01 00:00:00", "Ann II"),
        _customer("ann", "2017-05-01 00:00:00", "Ann III"),
        _customer("ann", "2017-05-01 00:00:00", "Ann 3"),
        _customer("bob", "2017-02-01 00:00:00", "Bob"),
        _customer("bob", "2017-04-01 00:00:00", "Bob"),
        _customer("bob", "2017-05-01 00:00:00", None),
        _customer("bob", "2017-05-02 00:00:00", None),
    )
    land(
        warehouse,
        "customers",
        3,
        _customer("ann", "2017-01-01 00:00:00", "Ann"),
        _customer("ann", "2017-03-01 00:00:00", "Ann 2"),
        # cid is deleted, deleted again, comes back as he was, and is deleted for good.
        _customer("cid", "2017-01-01 00:00:00", "Cid"),
        _customer("cid", "2017-02-01 00:00:00", "Cid", is_deleted=True),
        _customer("cid", "2017-03-01 00:00:00", None, is_deleted=True),
        _customer("cid", "2017-04-01 00:00:00", "Cid"),
        _customer("cid", "2017-08-01 00:00:00", None, is_deleted=True),
        # dee is known only from being deleted.
        _customer("dee", "2017-01-01 00:00:00", "Dee", is_deleted=True),
        _customer("eve", "2017-06-01 09:30:00.123456", "Eve"),
    )
    land(warehouse, "customers", 1, _customer("ann", "2017-03-01 00:00:00", "never seen", is_deleted=True))
    land(
        warehouse, "products", 1,
        {"product_id": "P1", "updated_at": "2017-01-01", "description": "Tea", "department": "Drinks",
         "category": "Hot", "subcategory": "Tea", "list_price": "2.500000", "currency": "USD"},
        {"product_id": "P1", "updated_at": "2017-07-01", "description": "Tea", "department": "Pantry",
         "category": "Hot", "subcategory": "Tea", "list_price": "2.500000", "currency": "USD"},
        {"product_id": "P2", "updated_at": "2017-01-01", "description": "Mystery"},
        {"product_id": "P4", "updated_at": "2017-01-01", "description": "Coffee", "department": "Pantry",
         "category": "Hot"},
    )  # fmt: skip
    land(
        warehouse,
        "stores",
        1,
        {"store_id": "S1", "updated_at": "2017-01-01", "name": "Main", "country": "US"},
    )
    land(
        warehouse, "exchange_rates", 1,
        {"rate_date": "2017-06-09", "currency": "USD", "units_per_eur": "1.25"},
        {"rate_date": "2017-06-09", "currency": "GBP", "units_per_eur": "9.99"},
        {"rate_date": "2017-06-09", "currency": "JPY", "units_per_eur": "125"},
        {"rate_date": "2017-06-10", "currency": "GBP", "units_per_eur": "0.7"},
    )  # fmt: skip
    land(
        warehouse, "exchange_rates", 2, {"rate_date": "2017-06-09", "currency": "GBP", "units_per_eur": "0.9"}
    )
    land(
        warehouse, "transactions", 1,
        line("before", at="2016-12-31 23:59:59", customer_id="ann"),
        line("first", at="2017-01-01 00:00:00", customer_id="ann"),
        line("second", at="2017-04-30 23:59:59", customer_id="ann", quantity="3", discount_amount="1.5"),
        line("third", at="2017-05-01 00:00:00", customer_id="ann"),
        line("gone", at="2017-03-15 00:00:00", customer_id="cid"),
        line("gone for good", at="2017-12-01 00:00:00", customer_id="cid"),
        line("only deleted", customer_id="dee"),
        line("unknown", customer_id="zoe", product_id="P3", store_id="S9"),
        line("anonymous"),
        line("tea later", at="2017-07-02 08:05:00"),
        line("mystery", product_id="P2"),
    )  # fmt: skip
    land(
        warehouse, "transactions", 2,
        line("corrected", 1, customer_id="ann", quantity="5"),
        line("corrected", 2, customer_id="ann", quantity="7"),
        line("corrected", 2, customer_id="ann", quantity="7"),
        line("pound on the day", at="2017-06-09 10:00:00", currency="GBP", unit_price="9"),
        line("pound of a later day", at="2017-06-10 10:00:00", currency="GBP", unit_price="9"),
        line("yen after seven days", at="2017-06-16 23:59:59", currency="JPY", unit_price="1000"),
        line("yen after eight days", at="2017-06-17 00:00:00", currency="JPY", unit_price="1000"),
        line("yen before any rate", at="2017-06-08 00:00:00", currency="JPY", unit_price="1000"),
        line("euro", at="2017-06-09 00:00:00", currency="EUR", unit_price="8"),
        line("a currency that ended", currency="DEM"),
        line("a great sum", at="2017-06-09 00:00:00", currency="JPY", quantity="2000000", unit_price="3000"),
        line("too great a sum", at="2017-06-09 00:00:00", currency="GBP", quantity="4999999", unit_price="9999999", discount_amount="-40000000000000"),
        line("returned", customer_id="ann", quantity="-2"),
    )  # fmt: skip
    land(warehouse, "transactions", 3, line("corrected", 1, customer_id="ann", quantity="6"))
    # The batch that was taken in first doesn't overrule a later one, wherever it stands in the table.
    # The customer whom it names is named by nothing that still stands.
    land(warehouse, "transactions", 0, line("corrected", 1, customer_id="nobody", quantity="4"))
    land(
        warehouse, "events", 1,
        {"event_id": "E1", "event_timestamp": "2017-04-01 10:30:00", "event_type": "page_view",
         "customer_id": "ann", "product_id": "P1", "properties": '{"page": 1}'},
        {"event_id": "E1", "event_timestamp": "2017-06-01 10:30:00", "event_type": "page_view",
         "customer_id": "ann", "product_id": "P1", "properties": '{"page": 2}'},
        {"event_id": "E2", "event_timestamp": "2019-02-03 10:30:00", "event_type": "page_view",
         "customer_id": "yan"},
    )  # fmt: skip
    land(
        warehouse, "measurements", 1,
        {"measurement_id": "M1", "measured_at": "2017-04-01 00:00:00", "store_id": "S8", "metric": "footfall",
         "value": "12"},
        {"measurement_id": "M2", "measured_at": "2017-04-01 23:59:00", "metric": "footfall", "value": "0.5"},
    )  # fmt: skip
    warehouse.execute(
        "INSERT INTO staging.customer_identity VALUES ('ann', 'ann', 2, 0.9), ('bob', 'ann', 2, 0.9)"
    )
    warehouse.execute(
        "INSERT INTO staging.customer_standard (customer_id, updated_at, first_name, last_name, email, phone, "
        "street, city, state, postal_code, country) VALUES "
        "('ann', '2017-05-01', 'Ann', 'Lee', 'ann@example.org', '+15550100', '1 Elm St', 'Dayton', 'OH', '45402', 'US'), "
        "('eve', '2017-06-01 09:30:00.123456', NULL, 'Poe', NULL, NULL, NULL, 'Paris', NULL, NULL, 'FR')"
    )
    warehouse.execute(
        "INSERT INTO staging.product_category (product_id, department, category, subcategory, category_source, "
        "category_confidence) VALUES ('P1', 'Pantry', 'Hot', 'Tea', 'feed', 1), "
        "('P2', 'Pantry', 'Cold', NULL, 'predicted', 0.75), ('P3', NULL, NULL, NULL, 'none', NULL)"
    )
    warehouse.execute(
        "INSERT INTO ops.batches (batch_id, dataset, uri, rows_landed, rows_accepted, rows_quarantined, rows_duplicate, "
        "status, message, run_id, ingested_at) VALUES "
        "('a', 'transactions', 'u', 10, 8, 2, 1, 'partial', NULL, NULL, '2018-01-01 10:00:00'), "
        "('b', 'transactions', 'u', 10, 0, 10, 0, 'rejected', 'no', NULL, '2018-01-01 23:00:00'), "
        "('c', 'customers', 'u', 0, 0, 0, 0, 'empty', NULL, NULL, '2018-01-02 00:00:00')"
    )
