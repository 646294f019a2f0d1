"""Customers linked and written: all at once, or those who are new beside those who are known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.etl.incremental import replace_changed
from workbench.etl.linkage import affected, arrivals, comparisons
from workbench.etl.linkage import link as linking
from workbench.etl.linkage.clusters import Pair
from workbench.etl.linkage.estimates import NAME, Estimates
from workbench.etl.linkage.keys import match_keys, table_of
from workbench.etl.linkage.model import Model
from workbench.etl.linkage.workspace import Workspace
from workbench.etl.members.standardize import CONTACT, IDENTIFYING
from workbench.execution import timed
from workbench.governance.this_run import this_run
from workbench.schema import table
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

KEPT = (
    "customer_identity", "customer_keys", "customer_pairs", "linkage_rules", "linkage_weights", "linkage_frequencies",
    "linkage_limits",
)  # fmt: skip
"""The tables of ``staging`` that are written."""
_DETAILS = (*CONTACT, *IDENTIFYING)


@infrastructure()
def link_all(warehouse: Warehouse, estimates: Estimates, same: list[Pair], different: list[Pair]) -> int:
    """Compare all customers, by new weights where there is a reason to estimate them; return how many pairs."""
    with timed("sql"):
        standard = warehouse.frame("SELECT * FROM staging.customer_standard")
        since = warehouse.query(
            "SELECT customer_id, min(_ingested_at) AS known_since FROM raw.customers WHERE customer_id IN "
            "(SELECT customer_id FROM staging.customer_standard) GROUP BY customer_id"
        )
        before = _people(warehouse.query("SELECT customer_id, person_id FROM staging.customer_identity"))
        kept = estimates.kept(warehouse)
    with timed("model"):
        keys = table_of(match_keys(standard))
        del standard
        linked = linking.link(keys, same, different, kept)
        known = dict(zip(since["customer_id"].to_pylist(), since["known_since"].to_pylist(), strict=True))
        identity = linking.identities(known, linked.links, linked.people)
    changed = linking.changes(before, _people(identity)) if before else []
    with timed("sql"):
        replace_changed(
            warehouse, "staging.customer_identity", identity, member="customer_id", model="dim_customer",
            kind="customers", step=estimates, replaced=_used(keys, linked),
            added={"ops.identity_changes": _noted(changed), **estimates.made(linked)},
        )  # fmt: skip
    return linked.compared


def link_new(
    warehouse: Warehouse, estimates: Estimates, model: Model, same: list[Pair], different: list[Pair]
) -> int:
    """Compare the customers of whom an entry is new by the weights that are kept; return how many pairs."""

    @infrastructure()
    def work(session: Session) -> int:
        warehouse.lock(session, "ops.watermarks")
        compared, links = _arrived(warehouse, session, model)
        with warehouse.prepare("staging.customer_pairs", links) as prepared:
            affected.replace_links(session, prepared, is_decided=estimates.is_decided)
        found = affected.identify(session, model, same, different)
        _write(warehouse, session, found)
        estimates.done(session)
        return compared

    with timed("model"):
        return warehouse.run(work, repeatable=True)


def _arrived(warehouse: Warehouse, session: Session, model: Model) -> tuple[int, pa.Table]:
    """Compare those who wait in ``staging.touched``; return how many pairs, and those that may be one person."""
    arrivals.make(
        session, "linkage_touched",
        f"SELECT DISTINCT member AS customer_id FROM staging.touched WHERE model = '{NAME}'",
    )  # fmt: skip
    names = ("customer_id", *_DETAILS)
    rows = session.execute(
        f"SELECT {', '.join(names)} FROM staging.customer_standard WHERE customer_id IN (SELECT customer_id FROM linkage_touched)"
    ).fetchall()
    keys = table_of(match_keys(pd.DataFrame(rows, columns=list(names), dtype=object)))
    with warehouse.prepare("staging.customer_keys", keys) as new:
        found = arrivals.arrive(session, new, model.largest)
    with Workspace(
        found.keys, found.frequencies, found.limits, pa.table({"customer_id": found.customers})
    ) as workspace:
        workspace.take(found.members)
        compared = workspace.compare()
        links = workspace.scored(model, linking.UNCERTAIN)
    for name, (made, left) in found.pairs.items():
        if made or left:
            session.execute(
                "UPDATE staging.linkage_rules SET pairs = pairs + ?, pairs_left_out = pairs_left_out + ? WHERE rule = ?",
                [made, left, name],
            )
    return compared, pa.Table.from_pandas(links, preserve_index=False)


def _write(warehouse: Warehouse, session: Session, found: affected.Affected) -> None:
    """Write who is who among those who are affected, and tell of those who are somebody else than before."""
    now = {str(row["customer_id"]): tuple(row.values()) for row in found.identity.to_pylist()}
    changed = sorted(
        name for name in now.keys() | found.before.keys() if now.get(name) != found.before.get(name)
    )
    if not changed:
        return
    told = pa.table(
        {"model": ["dim_customer"] * len(changed), "kind": ["customers"] * len(changed), "member": changed}
    )
    before, after = ({name: row[1] for name, row in rows.items()} for rows in (found.before, now))
    noted = _noted(linking.changes(before, after))
    session.execute(
        "DELETE FROM staging.customer_identity WHERE customer_id IN (SELECT customer_id FROM linkage_affected)"
    )
    for name, rows in (
        ("staging.customer_identity", found.identity), ("staging.touched", told), ("ops.identity_changes", noted),
    ):  # fmt: skip
        with warehouse.prepare(name, rows) as prepared:
            prepared.load(session)


def _people(identity: pa.Table) -> dict[str, str]:
    return dict(zip(identity["customer_id"].to_pylist(), identity["person_id"].to_pylist(), strict=True))


def _used(keys: pa.Table, linked: linking.Linkage) -> dict[str, pa.Table]:
    """Return what the linkage was done by, as rows of its tables."""
    weights = linked.model.frame()
    columns = {comparison.name: comparison.column for comparison in comparisons.COMPARISONS}
    frames = {
        "customer_pairs": linked.links,
        "linkage_rules": linked.rules,
        "linkage_weights": weights[weights["comparison"].map(columns).isin(linked.model.filled)],
    }
    tables = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()}
    tables |= {
        "customer_keys": keys,
        "linkage_frequencies": linked.frequencies,
        "linkage_limits": linked.limits,
    }
    return {f"staging.{name}": rows for name, rows in tables.items()}


def _noted(changed: list[tuple[str, str, str | None, str]]) -> pa.Table:
    names = ("kind", "customer_id", "person_before", "person_now")
    columns: dict[str, Any] = {
        name: pa.array([row[n] for row in changed], pa.string()) for n, name in enumerate(names)
    }
    now, run_id = datetime.now(UTC).replace(tzinfo=None), this_run()
    columns["changed_at"] = pa.array([now] * len(changed), pa.timestamp("us"))
    columns["run_id"] = pa.array([run_id] * len(changed), pa.string())
    return pa.table(columns).select(list(table("ops.identity_changes").column_names))
