"""Entries of the change log of customers: as they landed, and in standard form, some thousands at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.etl.members.standardize import CONTACT, IDENTIFYING, standardize
from workbench.schema import cut, dataset, landed_last, table
from workbench.warehouse import Warehouse

_DETAILS = (*CONTACT, *IDENTIFYING)
_AT_ONCE = 100_000


def query(only: str = "") -> str:
    """Return the query for the entries of customers, or of those whose ids another query gives.

    An entry that landed again counts once, as it landed last; one that deletes tells of no way to reach anybody.
    """
    last = landed_last(
        dataset("customers"), ["customer_id", "updated_at", *_DETAILS, "is_deleted"],
        where=f"customer_id IN ({only})" if only else "",
    )  # fmt: skip
    return (
        f"SELECT customer_id, updated_at, {', '.join(_DETAILS)} FROM ({last}) AS entries "
        "WHERE NOT coalesce(is_deleted, false)"
    )


def landed(warehouse: Warehouse, only: tuple[str, Sequence[Any]] | None = None) -> pa.Table:
    """Return entries as they landed, in order of customer and time: all, or those of the customers of a query."""
    which, values = only or ("", ())
    return warehouse.query(f"{query(which)} ORDER BY customer_id, updated_at", values)


def standard_form(entries: pa.Table) -> pa.Table:
    """Return entries as rows of ``staging.customer_standard``."""
    parts = [_part(entries.slice(start, _AT_ONCE)) for start in range(0, max(1, entries.num_rows), _AT_ONCE)]
    return pa.concat_tables(parts)


def _part(entries: pa.Table) -> pa.Table:
    frame = entries.to_pandas().astype(dict.fromkeys(_DETAILS, object))
    done = standardize(frame)
    columns = {
        "customer_id": pa.array(done["customer_id"], pa.string(), from_pandas=True),
        "updated_at": pa.array(done["updated_at"], pa.timestamp("us"), from_pandas=True),
    }
    for name in (*CONTACT, "national_id"):
        columns[name] = pa.array(_fitting(done[name]), pa.string(), from_pandas=True)
    columns["birth_date"] = pa.array(done["birth_date"], pa.date32(), from_pandas=True)
    came = {name: frame[name].where(frame[name].notna(), "") for name in CONTACT}
    is_other = [came[name].to_numpy() != done[name].fillna("").to_numpy() for name in CONTACT]
    columns["is_changed"] = pa.array(pd.DataFrame(is_other).any(), pa.bool_())
    for name in ("email", "phone"):
        columns[f"{name}_unusable"] = pa.array(frame[name].notna() & done[name].isna(), pa.bool_())
    return pa.table(columns)


def _fitting(values: pd.Series) -> pd.Series:
    """Return values in standard form as their column holds them; some letters are longer in it than as they landed."""
    size = table("staging.customer_standard").column(str(values.name)).size[0]
    return values.map(lambda value: cut(value, size), na_action="ignore")
