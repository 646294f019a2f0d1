"""Random deliveries, small and drawn from few keys, so that they correct, repeat, delete and bring back one another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from workbench.transform import TAGS

DAYS = [datetime(2017, 6, 28) + timedelta(days=n, hours=9) for n in range(0, 12, 2)]

moments = st.sampled_from([str(day) for day in DAYS])
# Of another day by another clock, at the end of a quarter, too.
nights = st.sampled_from(["2017-06-30 22:30:00", "2017-07-01 02:30:00", "2017-07-01 04:30:00"])
# Near one another: minutes apart, around midnight and around the pause that parts two sessions.
near = st.sampled_from(
    [
        str(day + timedelta(hours=14, minutes=minutes))
        for day in DAYS[:2]
        for minutes in (0, 10, 30, 31, 45, 50, 60, 61, 75, 90, 135)
    ]
)
names = st.sampled_from(["Ann", "Bob", None])
customers = st.sampled_from(["C1", "C2", "C3", None])
products, stores = st.sampled_from(["P1", "P2", "P3"]), st.sampled_from(["S1", "S2"])
currencies = st.sampled_from(["USD", "EUR", "GBP"])
amounts = st.sampled_from(["1", "2", "-1", "3.5"])
receipts = st.sampled_from(["T1", "T2", "T3", "T4"])

lines = st.fixed_dictionaries(
    {
        "transaction_id": receipts,
        "line_number": st.sampled_from(["1", "2", "4"]),
        "transaction_timestamp": st.one_of(moments, nights),
        "customer_id": customers,
        "product_id": products,
        "store_id": stores,
        "quantity": amounts,
        "unit_price": st.sampled_from(["10", "2.25"]),
        "discount_amount": st.sampled_from([None, "0.5"]),
        "currency": currencies,
        "line_status": st.sampled_from([None, None, None, "sold", "returned", "cancelled"]),
        "_has_zone": st.sampled_from([None, False, True]),
    }
)
# What comes back, often of what the warehouse begins with.
returns = st.fixed_dictionaries(
    {
        "transaction_id": st.sampled_from(["T1", "T2", "T3", "T5", "T6"]),
        "line_number": st.sampled_from(["3", "4", "5"]),
        "transaction_timestamp": moments,
        "customer_id": customers,
        "product_id": products,
        "store_id": stores,
        "quantity": st.sampled_from(["-1", "-1", "-3", "-2.5", "2"]),
        "unit_price": st.sampled_from(["10", "10", "9.5"]),
        "currency": currencies,
        "original_transaction_id": st.sampled_from([None, None, None, "T1", "T2", "T4", "T7"]),
        "line_status": st.sampled_from([None, None, "returned", "cancelled"]),
    }
)
# Receipts that most often nobody knew: what they sold is added to what the marts hold.
new_receipts = st.builds(
    lambda line, receipt: line | {"transaction_id": receipt}, lines, st.sampled_from([f"N{n}" for n in range(1, 10)])
)  # fmt: skip
deliveries = st.one_of(
    st.tuples(st.just("transactions"), st.lists(lines, min_size=1, max_size=4)),
    st.tuples(st.just("transactions"), st.lists(new_receipts, min_size=1, max_size=6)),
    st.tuples(st.just("transactions"), st.lists(st.one_of(returns, lines), min_size=1, max_size=4)),
    st.tuples(
        st.just("customers"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "customer_id": st.sampled_from(["C1", "C2", "C3"]), "updated_at": moments, "first_name": names,
                    "is_deleted": st.booleans(),
                }
            ),
            min_size=1, max_size=3,
        ),
    ),
    st.tuples(
        st.just("products"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "product_id": products, "updated_at": moments,
                    "department": st.sampled_from(["Food", "Toys", None]), "is_deleted": st.booleans(),
                }
            ),
            min_size=1, max_size=3,
        ),
    ),
    st.tuples(
        st.just("stores"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "store_id": stores, "updated_at": moments, "name": names,
                    "time_zone": st.sampled_from([None, None, "America/New_York", "Asia/Kolkata"]),
                    "day_starts": st.sampled_from([None, None, "4"]),
                }
            ),
            min_size=1, max_size=2,
        ),
    ),
    st.tuples(
        st.just("exchange_rates"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "rate_date": st.sampled_from([str(day.date()) for day in DAYS]),
                    "currency": st.sampled_from(["USD", "GBP"]),
                    "units_per_eur": st.sampled_from(["1.5", "0.8"]),
                }
            ),
            min_size=1, max_size=3,
        ),
    ),
    st.tuples(
        st.just("events"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "event_id": st.sampled_from(["E1", "E2", "E3", "E4", "E5", "E6"]), "event_timestamp": near,
                    "event_type": st.sampled_from(["view", "Add to Cart", "checkout", "purchase", "wave"]),
                    "customer_id": st.sampled_from(["C1", "C2", None, None]), "product_id": products, "store_id": stores,
                    "visitor_id": st.sampled_from(["V1", "V2", None]), "session_id": st.sampled_from(["s1", None]),
                    "channel": st.sampled_from(["web", "app", None]),
                }
            ),
            min_size=1, max_size=5,
        ),
    ),
    st.tuples(
        st.just("measurements"),
        st.lists(
            st.fixed_dictionaries(
                {
                    "measurement_id": st.sampled_from([f"M{n}" for n in range(12)]), "measured_at": near,
                    "store_id": stores, "sensor_id": st.sampled_from(["s1", None]),
                    "metric": st.sampled_from(["temperature", "temperature", "visitors"]), "value": amounts,
                    "unit": st.sampled_from(["°C", "F", "k", None]),
                }
            ),
            min_size=1, max_size=8,
        ),
    ),
    # What the stages' own Python hands to the star schema: who is who, and categories.
    st.tuples(st.just("people"), st.dictionaries(st.sampled_from(["C1", "C2", "C3"]), st.sampled_from(["C1", "C2"]))),
    st.tuples(st.just("departments"), st.dictionaries(products, st.sampled_from(["Food", "Toys"]))),
)  # fmt: skip
FIRST: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"customer_id": "C1", "updated_at": str(DAYS[1]), "first_name": "Ann"},
        {"customer_id": "C1", "updated_at": str(DAYS[3]), "first_name": "Bob"},
        {"customer_id": "C2", "updated_at": str(DAYS[0]), "first_name": "Ann"},
    ],
    "products": [
        {"product_id": "P1", "updated_at": str(DAYS[0]), "department": "Food"},
        {"product_id": "P1", "updated_at": str(DAYS[2]), "department": "Toys"},
        {"product_id": "P2", "updated_at": str(DAYS[0])},
    ],
    "stores": [{"store_id": "S1", "updated_at": str(DAYS[0]), "name": "Ann"}],
    "exchange_rates": [
        {"rate_date": str(DAYS[2].date()), "currency": currency, "units_per_eur": "1.5"} for currency in ("USD", "GBP")
    ],
    "transactions": [
        {
            "transaction_id": f"T{n}", "line_number": str(number), "transaction_timestamp": str(DAYS[n]),
            "customer_id": customer, "product_id": product, "store_id": f"S{number}", "quantity": str(n + number),
            "unit_price": "10", "currency": currency,
        }
        for n, customer, currency in ((1, "C1", "USD"), (2, "C2", "EUR"), (3, "C3", "GBP"), (4, None, "GBP"))
        for number, product in ((1, "P1"), (2, "P2"), (3, "P3"))
    ],
    "events": [{"event_id": "E1", "event_timestamp": str(DAYS[1]), "event_type": "view", "customer_id": "C1"}],
    "measurements": [
        {
            "measurement_id": f"M{n}", "measured_at": str(DAYS[0] + timedelta(hours=14, minutes=10 * n)),
            "store_id": "S1", "metric": "temperature", "value": "4", "unit": "°C",
        }
        for n in range(8)
    ],
}  # fmt: skip
"""What each sequence begins with: a warehouse that is built."""

steps = st.one_of(
    deliveries,
    st.tuples(st.just("build"), st.lists(st.sampled_from(TAGS), max_size=2)),
    st.tuples(st.just("break off"), st.integers(1, 15)),
    # A batch by its place, to be withdrawn or put back: often the first ones, or one of those that came last.
    st.tuples(st.just("move"), st.integers(-4, 6)),
    st.tuples(st.just("days"), st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)),
)
