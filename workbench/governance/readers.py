"""Who works with the rows of raw: what a model has to work out anew where rows of a batch leave raw, or come back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reader:
    """A model that works out members of a kind anew when told so in ``staging.touched``.

    ``member`` is SQL over a row of raw, named ``r``. With ``of_all``, rows of other batches count, too, that come to
    be the last of their receipt, or cease to be, with those that leave or come back: they may name other members.
    """

    model: str
    kind: str
    member: str
    of_all: bool = False


_DIMENSIONS = {
    "customer_id": ("dim_customer", "customers"), "product_id": ("dim_product", "products"),
    "store_id": ("dim_store", "stores"),
}  # fmt: skip


def _fact(model: str, key: str, *names: str) -> tuple[Reader, ...]:
    inferred = (Reader(*_DIMENSIONS[name], f"r.{name}", of_all=True) for name in names)
    return (Reader(model, "withdrawn", f"r.{key}"), *inferred)


READERS: dict[str, tuple[Reader, ...]] = {
    "transactions": (
        *_fact("fact_transactions", "transaction_id", "customer_id", "product_id", "store_id"),
        Reader("batch_days", "batches", "r._batch_id"),
    ),
    "events": _fact("fact_events", "event_id", "customer_id", "product_id", "store_id"),
    "measurements": _fact("fact_measurements", "measurement_id", "store_id"),
    "customers": (Reader("dim_customer", "customers", "r.customer_id"),),
    "products": (Reader("dim_product", "products", "r.product_id"),),
    "stores": (Reader("dim_store", "stores", "r.store_id"),),
    "exchange_rates": (
        Reader(
            "fact_transactions", "exchange_rates", "r.currency || ' ' || CAST(r.rate_date AS VARCHAR(10))"
        ),
    ),
    "fraud_labels": (),
}
"""Of each dataset, the models that read its raw rows, and what they have to work out anew."""
