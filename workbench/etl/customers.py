"""The customers workflow: contact details in standard form, and which customer ids are one person."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from workbench.etl.linkage import link, match_keys, people
from workbench.etl.standardize import CONTACT, standardize
from workbench.execution import timed
from workbench.schema import cut, dataset, landed_last, table
from workbench.warehouse import Warehouse

_COLUMNS = ", ".join(CONTACT)

# An entry that landed again counts once, as it landed last; one that deletes tells of no way to reach anybody.
_ENTRIES = f"""
    SELECT customer_id, updated_at, {_COLUMNS}
    FROM ({landed_last(dataset("customers"), ["customer_id", "updated_at", *CONTACT, "is_deleted"])}) AS entries
    WHERE NOT coalesce(is_deleted, false)
"""


@dataclass(frozen=True)
class StandardizeResult:
    """What putting contact details into standard form did; every figure counts change-log entries."""

    entries: int
    changed: int
    emails_unusable: int
    phones_unusable: int

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "customer_entries": self.entries,
            "customer_entries_changed": self.changed,
            "emails_unusable": self.emails_unusable,
            "phones_unusable": self.phones_unusable,
        }

    def frame(self) -> pd.DataFrame:
        """The figures as one row."""
        return pd.DataFrame([self.counts])


@dataclass(frozen=True)
class IdentityResult:
    """How many customer ids there are, how many people they are, and how many ids share a person."""

    customers: int
    people: int
    merged: int
    links: int

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "customers": self.customers,
            "people": self.people,
            "customers_merged": self.merged,
            "identity_links": self.links,
        }

    def frame(self) -> pd.DataFrame:
        """The figures as one row."""
        return pd.DataFrame([self.counts])


def standardize_customers(warehouse: Warehouse) -> StandardizeResult:
    """Write ``staging.customer_standard`` from the whole change log in ``raw.customers``."""
    with timed("sql"):
        landed = warehouse.frame(f"{_ENTRIES} ORDER BY customer_id, updated_at")
    landed = landed.astype(dict.fromkeys(CONTACT, object))
    contact = list(CONTACT)
    landed[contact] = landed[contact].where(landed[contact].notna(), None)
    done = standardize(landed)
    columns = {
        "customer_id": pa.array(done["customer_id"], pa.string(), from_pandas=True),
        "updated_at": pa.array(done["updated_at"], pa.timestamp("us"), from_pandas=True),
    } | {name: pa.array(_fitting(done[name]), pa.string(), from_pandas=True) for name in CONTACT}
    with timed("sql"):
        warehouse.replace("staging.customer_standard", pa.table(columns))
    unusable = {name: int((landed[name].notna() & done[name].isna()).sum()) for name in ("email", "phone")}
    different = (landed[contact].fillna("") != done[contact].fillna("")).any(axis=1)
    return StandardizeResult(len(done), int(different.sum()), unusable["email"], unusable["phone"])


def _fitting(values: pd.Series) -> pd.Series:
    """Return values in standard form as their column holds them; some letters are longer in it than as they landed."""
    size = table("staging.customer_standard").column(str(values.name)).size[0]
    return values.map(lambda value: cut(value, size), na_action="ignore")


def identify_people(warehouse: Warehouse) -> IdentityResult:
    """Write ``staging.customer_identity``: find the customer ids that are one person.

    Every contact version an id ever had is compared, so someone who moved is still found by the old address.
    """
    with timed("sql"):
        standard = warehouse.frame("SELECT * FROM staging.customer_standard")
    with timed("model"):
        links = link(match_keys(standard))
    identity = people(sorted(standard["customer_id"].unique()), links)
    with timed("sql"):
        warehouse.replace("staging.customer_identity", identity)
    sizes = identity.column("cluster_size").to_pylist()
    persons = len(set(identity.column("person_id").to_pylist()))
    return IdentityResult(len(sizes), persons, sum(size > 1 for size in sizes), len(links))


def before_and_after(warehouse: Warehouse, limit: int = 10) -> pd.DataFrame:
    """Return examples of values as they landed beside their standard form, the most changed kinds in turn."""
    changes = " UNION ALL ".join(
        f"SELECT '{name}' AS detail, came.{name} AS landed, done.{name} AS standard "
        f"FROM entries AS came JOIN staging.customer_standard AS done "
        f"ON done.customer_id = came.customer_id AND done.updated_at = came.updated_at "
        f"WHERE came.{name} IS NOT NULL AND (done.{name} IS NULL OR came.{name} <> done.{name})"
        for name in CONTACT
    )
    return warehouse.frame(
        f"""
        WITH entries AS ({_ENTRIES}), changes AS ({changes}),
        distinct_changes AS (
            SELECT detail, landed, standard, count(*) AS entries,
                   row_number() OVER (PARTITION BY detail ORDER BY md5(landed), landed, standard) AS place
            FROM changes GROUP BY detail, landed, standard
        )
        SELECT detail, landed, standard, entries FROM distinct_changes ORDER BY place, detail LIMIT {int(limit)}
        """
    )


def duplicates(warehouse: Warehouse, limit: int = 20) -> pd.DataFrame:
    """Return customer ids that are one person below each other, with their latest contact details in standard form."""
    found = warehouse.frame(
        f"""
        WITH versions AS (
            SELECT customer_id, {_COLUMNS}, row_number() OVER (PARTITION BY customer_id ORDER BY updated_at DESC) AS place
            FROM staging.customer_standard
        )
        SELECT person_id, i.customer_id, {_COLUMNS}, match_probability
        FROM staging.customer_identity AS i JOIN versions AS v ON v.customer_id = i.customer_id AND v.place = 1
        WHERE cluster_size > 1 ORDER BY cluster_size DESC, person_id, i.customer_id LIMIT {int(limit)}
        """
    )
    return found.assign(match_probability=found["match_probability"].round(4))
