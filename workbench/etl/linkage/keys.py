"""What is compared of each entry of a customer: its standard form, folded so that ways to write one thing become one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from hashlib import blake2b

import pandas as pd
import pyarrow as pa

from workbench.etl.linkage.nicknames import given_name
from workbench.schema import cut, table

KEYS = ("first_name", "given", "family", "email", "phone", "street", "postal", "city", "born", "nid")


def match_keys(standard: pd.DataFrame) -> pd.DataFrame:
    """Return what is compared of each contact version: customer_id and KEYS, repeats of one id left out.

    Args:
        standard: rows of ``staging.customer_standard``; None where a value is missing.
    """
    born = pd.to_datetime(standard["birth_date"]).dt.strftime("%Y%m%d")
    keys = pd.DataFrame(
        {
            "customer_id": standard["customer_id"].astype(object),
            "first_name": _mapped(standard["first_name"], _folded),
            "given": _mapped(standard["first_name"], _given),
            "family": _mapped(standard["last_name"], _folded),
            "email": _mapped(standard["email"], str),
            "phone": _mapped(standard["phone"], str),
            "street": _mapped(standard["street"], _folded),
            "postal": _mapped(standard["postal_code"], _postal),
            "city": _mapped(standard["city"], _folded),
            "born": born.astype(object).where(born.notna(), None),
            "nid": _mapped(standard["national_id"], _folded),
        },
        dtype=object,
    )
    for name in ("first_name", "given", "family", "street", "postal", "city", "nid"):
        # Letters that come apart when they are folded take more room than before.
        size = table("staging.customer_keys").column(name).size[0]
        keys[name] = _mapped(keys[name], lambda value, size=size: cut(value, size))  # type: ignore[misc]
    return keys.drop_duplicates().sort_values(list(keys.columns), na_position="first", ignore_index=True)


def table_of(keys: pd.DataFrame) -> pa.Table:
    """Return match keys as rows of ``staging.customer_keys``: each has a hash of it as its ``key_id``."""
    names = ("customer_id", *KEYS)
    texts = keys[list(names)].itertuples(index=False, name=None)
    ids = [
        int.from_bytes(
            blake2b(
                "\x1f".join(v or "" for v in row).encode("utf-8", "surrogatepass"), digest_size=8
            ).digest()
        )
        >> 4
        for row in texts
    ]
    columns = {name: pa.array(keys[name], pa.string(), from_pandas=True) for name in names}
    return pa.table({"key_id": pa.array(ids, pa.int64()), **columns})


def _folded(value: str) -> str | None:
    plain = unicodedata.normalize("NFKD", value.casefold().replace("\u00df", "ss"))
    return "".join(letter for letter in plain if letter.isalnum()) or None


def _given(value: str) -> str | None:
    return given_name(bare) if (bare := _folded(value)) else None


def _postal(value: str) -> str | None:
    # A ZIP+4 and its ZIP are one place.
    bare = _folded(value)
    return bare[:5] if bare and len(bare) == 9 and bare.isdigit() else bare


def _mapped(values: pd.Series, function: Callable[[str], str | None]) -> pd.Series:
    """Apply to each distinct text once; what is no text is None."""
    table = {value: function(value) if isinstance(value, str) else None for value in values.unique()}
    return pd.Series([table[value] for value in values], index=values.index, dtype=object)
