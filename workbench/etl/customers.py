"""The customers workflow: contact details in standard form, and which customer ids are one person."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import pandas as pd

from workbench.etl.incremental import MemberStep, replace_changed
from workbench.etl.linkage import (
    affected,
    arrivals,
    candidates,
    clusters,
    comparisons,
    decisions,
    estimates,
    identify,
    keys,
    link,
    model,
    nicknames,
    patterns,
    workspace,
)  # fmt: skip
from workbench.etl.linkage.estimates import NAME as IDENTITY
from workbench.etl.members import addresses, entries
from workbench.etl.members import standardize as standardizing
from workbench.etl.members.standardize import CONTACT
from workbench.execution import timed
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure, note_tables

_COLUMNS = ", ".join(CONTACT)
_NEWEST = 2000
_LINKAGE = [
    standardizing, addresses, entries, affected, arrivals, candidates, clusters, comparisons, estimates, identify, keys, link,
    model, nicknames, patterns, workspace,
]  # fmt: skip


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
    """How many customer ids there are, how many people they are, how many ids share a person, and pairs that are uncertain.

    ``compared`` counts the pairs of entries that were compared this time, ``version`` says by which weights, and ``estimated`` why
    these were estimated this time; it is empty where they were kept.
    """

    customers: int
    people: int
    merged: int
    uncertain: int
    compared: int = 0
    version: int = 0
    estimated: str = ""

    @property
    def says(self) -> str:
        """What was done, as a sentence."""
        pairs = f"{self.compared:,} pair{'' if self.compared == 1 else 's'} of entries"
        if self.estimated:
            return f"All customers were compared ({pairs}) by weights estimated anew, version {self.version}: {self.estimated}."
        return f"By the weights of version {self.version} {pairs} with new customers were compared."

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "customers": self.customers,
            "people": self.people,
            "customers_merged": self.merged,
            "pairs_uncertain": self.uncertain,
            "pairs_compared": self.compared,
        }

    def frame(self) -> pd.DataFrame:
        """The figures as one row."""
        return pd.DataFrame([self.counts])


def standardize_customers(warehouse: Warehouse) -> StandardizeResult:
    """Write ``staging.customer_standard`` from the change log in ``raw.customers``: entries of customers of whom any is new.

    All entries are put into standard form where the code that does it has changed, and in a full run.
    """
    step = MemberStep(
        warehouse, "customer_standard", "customers", "customer_id", [standardizing, addresses, entries],
        fills="staging.customer_standard",
    )  # fmt: skip
    if step.is_needed:
        only = None if step.is_whole else step.touched()
        # Whose batches were moved is looked up where the platform keeps account of itself: no table that the stage reads.
        with timed("sql"), infrastructure():
            landed = entries.landed(warehouse, only)
        done = entries.standard_form(landed)

        def tell(session: Session, kind: str) -> None:
            if step.is_whole:
                # Whoever works from all of it begins again, also where this run ends before that.
                session.execute("DELETE FROM ops.watermarks WHERE model = ?", [IDENTITY])
                return
            moved, values = step.moved()
            session.execute(
                "INSERT INTO staging.touched (model, kind, member) SELECT ?, ?, member FROM (SELECT member FROM staging.touched "
                f"WHERE model = ? AND kind = ? UNION {moved}) AS told",
                [IDENTITY, "customers", "dim_customer", kind, *values],
            )

        with timed("sql"):
            replace_changed(
                warehouse, "staging.customer_standard", done, member="customer_id", model="dim_customer",
                kind="customers", step=step, only=only, also=tell,
            )  # fmt: skip
    note_tables(reads=["raw.customers"], writes=["staging.customer_standard"])
    count = "CAST(coalesce(sum(CASE WHEN {} THEN 1 ELSE 0 END), 0) AS BIGINT)".format
    with timed("sql"):
        (row,) = warehouse.rows(
            f"SELECT count(*) AS entries, {count('is_changed')} AS changed, {count('email_unusable')} AS emails_unusable, "
            f"{count('phone_unusable')} AS phones_unusable FROM staging.customer_standard"
        )
    return StandardizeResult(**{name: int(value) for name, value in row.items()})


def identify_people(warehouse: Warehouse) -> IdentityResult:
    """Write ``staging.customer_identity``: find the customer ids that are one person, where any entry is new.

    Every contact version an id ever had is compared, so someone who moved is still found by the old address. What people decided is
    heeded. Only customers of whom an entry is new are compared, with all who have something in common with them, as long as the
    weights that were estimated last will do; else all are, by new ones.
    """
    with timed("sql"):
        same, different = decisions.known_pairs(warehouse)
    inputs = sha256(repr((same, different)).encode()).hexdigest()
    kept = estimates.Estimates(warehouse, _LINKAGE, inputs)
    compared = 0
    if kept.is_needed and (kept.model is None or kept.is_whole):
        compared = identify.link_all(warehouse, kept, same, different)
    elif kept.is_needed and kept.model is not None:
        compared = identify.link_new(warehouse, kept, kept.model, same, different)
    note_tables(
        reads=["raw.customers", decisions.TABLE],
        writes=[f"staging.{name}" for name in identify.KEPT]
        if kept.is_needed
        else ["staging.customer_identity"],
    )
    with timed("sql"):
        (row,) = warehouse.rows(
            "SELECT count(*) AS customers, count(DISTINCT person_id) AS people, "
            "CAST(coalesce(sum(CASE WHEN cluster_size > 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS merged, "
            f"(SELECT count(*) FROM staging.customer_pairs WHERE match_probability < {link.THRESHOLD}) AS uncertain "
            "FROM staging.customer_identity"
        )
    return IdentityResult(
        **{name: int(value) for name, value in row.items()}, compared=compared, version=kept.version,
        estimated=kept.reason,
    )  # fmt: skip


def before_and_after(warehouse: Warehouse, limit: int = 10) -> pd.DataFrame:
    """Return examples of values as they landed beside their standard form, the newest entries', each kind in turn."""
    changes = " UNION ALL ".join(
        f"SELECT '{name}' AS detail, came.{name} AS landed, done.{name} AS standard "
        f"FROM entries AS came JOIN newest AS done "
        f"ON done.customer_id = came.customer_id AND done.updated_at = came.updated_at "
        f"WHERE came.{name} IS NOT NULL AND (done.{name} IS NULL OR came.{name} <> done.{name})"
        for name in CONTACT
    )
    came = entries.query("SELECT customer_id FROM newest")
    return warehouse.frame(
        f"""
        WITH newest AS (
            SELECT customer_id, updated_at, {_COLUMNS} FROM staging.customer_standard WHERE is_changed
            ORDER BY updated_at DESC, customer_id LIMIT {_NEWEST}
        ), entries AS ({came}), changes AS ({changes}),
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
        WITH shown AS (
            SELECT customer_id, person_id, cluster_size, match_probability FROM staging.customer_identity
            WHERE cluster_size > 1 ORDER BY cluster_size DESC, person_id, customer_id LIMIT {int(limit)}
        ), versions AS (
            SELECT customer_id, {_COLUMNS}, row_number() OVER (PARTITION BY customer_id ORDER BY updated_at DESC) AS place
            FROM staging.customer_standard WHERE customer_id IN (SELECT customer_id FROM shown)
        )
        SELECT person_id, i.customer_id, {_COLUMNS}, match_probability
        FROM shown AS i JOIN versions AS v ON v.customer_id = i.customer_id AND v.place = 1
        ORDER BY cluster_size DESC, person_id, i.customer_id
        """
    )
    return found.assign(match_probability=found["match_probability"].round(4))
