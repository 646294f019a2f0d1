"""The customers workflow: contact details in standard form, and which customer ids are one person."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.etl.incremental import Step, replace_changed
from workbench.etl.linkage import (
    candidates,
    clusters,
    comparisons,
    decisions,
    keys,
    model,
    nicknames,
    patterns,
    workspace,
)
from workbench.etl.linkage import link as linking
from workbench.etl.members import addresses
from workbench.etl.members import standardize as standardizing
from workbench.etl.members.standardize import CONTACT, IDENTIFYING, standardize
from workbench.execution import timed
from workbench.schema import cut, dataset, landed_last, table
from workbench.warehouse import Warehouse

_COLUMNS = ", ".join(CONTACT)
_DETAILS = (*CONTACT, *IDENTIFYING)
_LINKAGE = [
    standardizing, addresses, candidates, clusters, comparisons, keys, linking, model, nicknames, patterns, workspace,
]  # fmt: skip

# An entry that landed again counts once, as it landed last; one that deletes tells of no way to reach anybody.
_ENTRIES = f"""
    SELECT customer_id, updated_at, {", ".join(_DETAILS)}
    FROM ({landed_last(dataset("customers"), ["customer_id", "updated_at", *_DETAILS, "is_deleted"])}) AS entries
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
    """How many customer ids there are, how many people they are, how many ids share a person, and pairs that are uncertain."""

    customers: int
    people: int
    merged: int
    uncertain: int

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "customers": self.customers,
            "people": self.people,
            "customers_merged": self.merged,
            "pairs_uncertain": self.uncertain,
        }

    def frame(self) -> pd.DataFrame:
        """The figures as one row."""
        return pd.DataFrame([self.counts])


def standardize_customers(warehouse: Warehouse) -> StandardizeResult:
    """Write ``staging.customer_standard`` from the change log in ``raw.customers``, where any of it is new."""
    step = Step(warehouse, "customer_standard", ["customers"], [standardizing, addresses])
    if step.is_needed:
        with timed("sql"):
            landed = warehouse.frame(f"{_ENTRIES} ORDER BY customer_id, updated_at")
        done = standardize(landed.astype(dict.fromkeys(_DETAILS, object)))
        columns = {
            "customer_id": pa.array(done["customer_id"], pa.string(), from_pandas=True),
            "updated_at": pa.array(done["updated_at"], pa.timestamp("us"), from_pandas=True),
        } | {
            name: pa.array(_fitting(done[name]), pa.string(), from_pandas=True)
            for name in (*CONTACT, "national_id")
        }
        columns["birth_date"] = pa.array(done["birth_date"], pa.date32(), from_pandas=True)
        with timed("sql"):
            replace_changed(
                warehouse, "staging.customer_standard", pa.table(columns), member="customer_id",
                model="dim_customer", kind="customers", step=step,
            )  # fmt: skip
    else:
        step.skipped("staging.customer_standard")
    return _standardized(warehouse)


def _standardized(warehouse: Warehouse) -> StandardizeResult:
    """Count the entries, and those of which the standard form says something else or less."""
    other = " OR ".join(f"coalesce(came.{name}, '') <> coalesce(done.{name}, '')" for name in CONTACT)
    count = "CAST(coalesce(sum(CASE WHEN {} THEN 1 ELSE 0 END), 0) AS BIGINT)".format
    with timed("sql"):
        (row,) = warehouse.query(
            f"""
            SELECT count(*) AS entries, {count(other)} AS changed,
                   {count("came.email IS NOT NULL AND done.email IS NULL")} AS emails_unusable,
                   {count("came.phone IS NOT NULL AND done.phone IS NULL")} AS phones_unusable
            FROM ({_ENTRIES}) AS came JOIN staging.customer_standard AS done
            ON done.customer_id = came.customer_id AND done.updated_at = came.updated_at
            """
        ).to_pylist()
    return StandardizeResult(**{name: int(value) for name, value in row.items()})


def _fitting(values: pd.Series) -> pd.Series:
    """Return values in standard form as their column holds them; some letters are longer in it than as they landed."""
    size = table("staging.customer_standard").column(str(values.name)).size[0]
    return values.map(lambda value: cut(value, size), na_action="ignore")


def identify_people(warehouse: Warehouse) -> IdentityResult:
    """Write ``staging.customer_identity``: find the customer ids that are one person, where any entry is new.

    Every contact version an id ever had is compared, so someone who moved is still found by the old address. What people decided is
    heeded. How likely two ids are one person depends on how many there are, so all are compared anew.
    """
    step = Step(warehouse, "customer_identity", ["customers"], [*_LINKAGE], after="customer_standard")
    with timed("sql"):
        decided = decisions.decisions(warehouse)
    same, different = decisions.pairs(decided)
    inputs = sha256(repr((same, different)).encode()).hexdigest()
    if step.is_needed or not step.is_known(inputs):
        with timed("sql"):
            standard = warehouse.frame("SELECT * FROM staging.customer_standard")
            since = warehouse.query(
                "SELECT customer_id, min(_ingested_at) AS known_since FROM raw.customers WHERE customer_id IN "
                "(SELECT customer_id FROM staging.customer_standard) GROUP BY customer_id"
            )
            before = _people(warehouse.query("SELECT customer_id, person_id FROM staging.customer_identity"))
        with timed("model"):
            linked = linking.link(linking.table_of(keys.match_keys(standard)), same, different)
            known = dict(zip(since["customer_id"].to_pylist(), since["known_since"].to_pylist(), strict=True))
            identity = linking.identities(known, linked)
        changed = linking.changes(before, _people(identity)) if before else []
        with timed("sql"):
            replace_changed(
                warehouse, "staging.customer_identity", identity, member="customer_id", model="dim_customer",
                kind="customers", step=step, inputs=inputs, replaced=_used(linked),
                added={"ops.identity_changes": _noted(changed)},
            )  # fmt: skip
    else:
        step.skipped("staging.customer_identity")
    with timed("sql"):
        (row,) = warehouse.query(
            "SELECT count(*) AS customers, count(DISTINCT person_id) AS people, "
            "CAST(coalesce(sum(CASE WHEN cluster_size > 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS merged, "
            f"(SELECT count(*) FROM staging.customer_pairs WHERE match_probability < {linking.THRESHOLD}) AS uncertain "
            "FROM staging.customer_identity"
        ).to_pylist()
    return IdentityResult(**{name: int(value) for name, value in row.items()})


def _people(identity: pa.Table) -> dict[str, str]:
    return dict(zip(identity["customer_id"].to_pylist(), identity["person_id"].to_pylist(), strict=True))


def _used(linked: linking.Linkage) -> dict[str, pa.Table]:
    """Return what the linkage was done by, as rows of its tables."""
    weights = linked.model.frame()
    columns = {comparison.name: comparison.column for comparison in comparisons.COMPARISONS}
    frames = {
        "customer_pairs": linked.links,
        "linkage_rules": linked.rules,
        "linkage_weights": weights[weights["comparison"].map(columns).isin(linked.model.filled)],
    }
    return {
        f"staging.{name}": pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()
    }


def _noted(changed: list[tuple[str, str, str | None, str]]) -> pa.Table:
    names = ("kind", "customer_id", "person_before", "person_now")
    columns: dict[str, Any] = {
        name: pa.array([row[n] for row in changed], pa.string()) for n, name in enumerate(names)
    }
    now, run_id = datetime.now(UTC).replace(tzinfo=None), os.environ.get("WORKBENCH_RUN_ID")
    columns["changed_at"] = pa.array([now] * len(changed), pa.timestamp("us"))
    columns["run_id"] = pa.array([run_id] * len(changed), pa.string())
    return pa.table(columns).select(list(table("ops.identity_changes").column_names))


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


def linked_by(warehouse: Warehouse) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what people were told by: the weights of details that customers have, and the pairs of each rule."""
    weights = warehouse.frame("SELECT * FROM staging.linkage_weights")
    rules = warehouse.frame(
        "SELECT * FROM staging.linkage_rules WHERE pairs + pairs_left_out > 0 ORDER BY pairs DESC, rule"
    )
    return weights.assign(evidence=weights["evidence"].round(1)), rules


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
