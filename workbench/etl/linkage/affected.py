"""Whom new links, and links that are no more, may have made another person: the customers who hang together with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.etl.linkage import clusters
from workbench.etl.linkage import link as linking
from workbench.etl.linkage.arrivals import frequencies_of, keys_of, limits, make
from workbench.etl.linkage.clusters import Pair
from workbench.etl.linkage.decisions import COUNTING, TABLE
from workbench.etl.linkage.link import THRESHOLD
from workbench.etl.linkage.model import Model
from workbench.etl.linkage.workspace import Workspace
from workbench.warehouse import Session

_PAIR = ("customer_id_l", "customer_id_r", "match_probability")
_AFFECTED = "IN (SELECT customer_id FROM linkage_affected)"
_DIRTY = "IN (SELECT customer_id FROM linkage_dirty)"


@dataclass(frozen=True)
class Affected:
    """The rows of ``staging.customer_identity`` of those who are affected: as they are to be, and as they were."""

    identity: pa.Table
    before: dict[str, tuple[Any, ...]]


def replace_links(session: Session, links: Any, *, is_decided: bool) -> None:
    """Put the links of the customers in ``linkage_dirty`` in the place of those they had.

    ``linkage_affected`` has these customers afterwards, and all who hang together with them by links or decisions, or did.

    Args:
        session: of the transaction.
        links: rows of ``staging.customer_pairs``, made ready.
        is_decided: whether people have decided something since the last time.
    """
    decided = (
        f" UNION SELECT customer_id_l FROM {TABLE} UNION SELECT customer_id_r FROM {TABLE}"
        if is_decided else ""
    )  # fmt: skip
    make(
        session, "linkage_affected",
        f"SELECT customer_id FROM linkage_dirty UNION SELECT customer_id_r FROM staging.customer_pairs WHERE customer_id_l {_DIRTY} "
        f"UNION SELECT customer_id_l FROM staging.customer_pairs WHERE customer_id_r {_DIRTY}{decided}",
    )  # fmt: skip
    session.execute(
        f"DELETE FROM staging.customer_pairs WHERE customer_id_l {_DIRTY} OR customer_id_r {_DIRTY}"
    )
    links.load(session)
    held = (
        f"SELECT customer_id_l AS one, customer_id_r AS other FROM staging.customer_pairs WHERE match_probability >= {THRESHOLD} "
        f"UNION ALL SELECT customer_id_l, customer_id_r FROM ({COUNTING}) AS decided WHERE verdict = 'same'"
    )
    make(
        session,
        "linkage_edges",
        f"SELECT one, other FROM ({held}) AS l UNION ALL SELECT other, one FROM ({held}) AS r",
    )
    make(session, "linkage_frontier", "SELECT customer_id FROM linkage_affected")
    while True:
        make(
            session, "linkage_reached",
            "SELECT DISTINCT other AS customer_id FROM linkage_edges WHERE one IN (SELECT customer_id FROM linkage_frontier) "
            f"AND other NOT {_AFFECTED}",
        )  # fmt: skip
        ((count,),) = session.execute("SELECT count(*) FROM linkage_reached").fetchall()
        if not count:
            return
        session.execute("INSERT INTO linkage_affected SELECT customer_id FROM linkage_reached")
        make(session, "linkage_frontier", "SELECT customer_id FROM linkage_reached")


def identify(session: Session, model: Model, same: Sequence[Pair], different: Sequence[Pair]) -> Affected:
    """Work out who is who among the customers in ``linkage_affected``.

    Args:
        session: of the transaction.
        model: the weights in use.
        same, different: pairs of known customer ids, in order, on which people decided.
    """
    members = {row[0] for row in session.execute("SELECT customer_id FROM linkage_affected").fetchall()}
    links = pd.DataFrame(
        session.execute(
            f"SELECT {', '.join(_PAIR)} FROM staging.customer_pairs WHERE customer_id_l {_AFFECTED} AND customer_id_r {_AFFECTED} "
            "ORDER BY customer_id_l, customer_id_r"
        ).fetchall(),
        columns=list(_PAIR),
    )

    def compared(groups: pd.DataFrame) -> pd.DataFrame:
        keys = keys_of(session, f"customer_id {_AFFECTED}")
        with Workspace(keys, frequencies_of(session, keys), limits(session)) as workspace:
            return workspace.within(groups, model)

    people = clusters.people(
        links[links["match_probability"] >= THRESHOLD],
        compared,
        [pair for pair in same if members.issuperset(pair)],
        [pair for pair in different if members.issuperset(pair)],
    )
    since = session.execute(
        f"SELECT customer_id, min(_ingested_at) FROM raw.customers WHERE customer_id {_AFFECTED} AND customer_id IN "
        "(SELECT customer_id FROM staging.customer_keys) GROUP BY customer_id"
    ).fetchall()
    before = session.execute(
        f"SELECT customer_id, person_id, cluster_size, match_probability FROM staging.customer_identity WHERE customer_id {_AFFECTED}"
    ).fetchall()
    return Affected(linking.identities(dict(since), links, people), {row[0]: tuple(row) for row in before})
