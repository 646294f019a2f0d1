"""What people decide of two customer ids, ``ops.identity_decisions``: each decision stays, and of those on a pair the newest counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import networkx as nx
import pandas as pd

from workbench.errors import UsageError, unknown
from workbench.etl.linkage.clusters import Pair
from workbench.etl.linkage.link import UNCERTAIN
from workbench.governance import audit
from workbench.governance.ledger import after
from workbench.schema import cut
from workbench.warehouse import Session, Warehouse

Verdict = Literal["same", "different", "undone"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
TABLE = "ops.identity_decisions"
_DETAILS = ("first_name", "last_name", "email", "phone", "street", "city", "postal_code")
COUNTING = (
    "SELECT customer_id_l, customer_id_r, verdict, note, decided_by, decided_at FROM (SELECT d.*, row_number() OVER "
    f"(PARTITION BY customer_id_l, customer_id_r ORDER BY decided_at DESC) AS place FROM {TABLE} AS d) AS ranked "
    "WHERE place = 1 AND verdict <> 'undone'"
)
"""Query for the decisions that count."""


@dataclass(frozen=True)
class Decision:
    """What counts of two customer ids."""

    left: str
    right: str
    verdict: str
    note: str
    decided_by: str
    decided_at: str


def decisions(warehouse: Warehouse) -> list[Decision]:
    """Return the decisions that count, the newest first."""
    rows = warehouse.rows(f"{COUNTING} ORDER BY decided_at DESC, customer_id_l, customer_id_r")
    return [
        Decision(row["customer_id_l"], row["customer_id_r"], row["verdict"], row["note"] or "", row["decided_by"],
                 f"{row['decided_at']:%Y-%m-%d %H:%M:%S}")
        for row in rows
    ]  # fmt: skip


def known_pairs(warehouse: Warehouse) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs that are the same, and those that are different; an id whose entries were all withdrawn is in none."""
    found = decisions(warehouse)
    ids = f"SELECT customer_id_l FROM {TABLE} UNION SELECT customer_id_r FROM {TABLE}"
    rows = warehouse.rows(
        f"SELECT DISTINCT customer_id FROM staging.customer_standard WHERE customer_id IN ({ids})"
    ) if found else []  # fmt: skip
    known = {row["customer_id"] for row in rows}
    found = [one for one in found if one.left in known and one.right in known]
    same = sorted((one.left, one.right) for one in found if one.verdict == "same")
    return same, sorted((one.left, one.right) for one in found if one.verdict == "different")


def decide(
    warehouse: Warehouse, one: str, other: str, verdict: str, *, note: str = "", actor: str = ""
) -> None:
    """Keep a decision on two customer ids; the next run of the customers stage heeds it, and so does each after it.

    Raises:
        UsageError: an id isn't known, both are one, the verdict is none, or it contradicts others that count.
    """
    if verdict not in VERDICTS:
        raise unknown("verdict", verdict, VERDICTS)
    if one == other:
        raise UsageError(f"{one!r} is the same customer id twice; name two")
    for name in (one, other):
        if not warehouse.rows(
            "SELECT 1 AS known FROM staging.customer_identity WHERE customer_id = ?", [name]
        ):
            raise UsageError(
                f"no customer {name!r} is known; the ids are those of `workbench customers review`"
            )
    left, right = sorted((one, other))
    actor = actor or audit.somebody()

    def work(session: Session) -> None:
        rows = session.execute(COUNTING).fetchall()
        kept = {(row[0], row[1]): row[2] for row in rows if (row[0], row[1]) != (left, right)}
        if verdict == "undone" and len(kept) == len(rows):
            raise UsageError(f"nothing was decided of {left} and {right}; see: workbench customers decisions")
        if verdict != "undone":
            _agree({**kept, (left, right): verdict})
        ((last,),) = session.execute(
            f"SELECT max(decided_at) FROM {TABLE} WHERE customer_id_l = ? AND customer_id_r = ?",
            [left, right],
        ).fetchall()
        at = after(last)
        session.execute(
            f"INSERT INTO {TABLE} (customer_id_l, customer_id_r, verdict, note, decided_by, decided_at) VALUES (?, ?, ?, ?, ?, ?)",
            [left, right, verdict, cut(note, 2048), cut(actor, 128), at],
        )
        audit.note(
            session, actor, "decide identity", f"{left} {right}", {"verdict": verdict, "note": note}, at
        )

    warehouse.run(work)


def _agree(verdicts: dict[Pair, str]) -> None:
    """Refuse decisions by which two ids are the same through others, and different."""
    graph: nx.Graph = nx.Graph([pair for pair, verdict in verdicts.items() if verdict == "same"])
    for (left, right), verdict in sorted(verdicts.items()):
        if verdict == "different" and left in graph and right in graph and nx.has_path(graph, left, right):
            way = " = ".join(nx.shortest_path(graph, left, right))
            raise UsageError(
                f"it contradicts what was decided before: {way}, but {left} and {right} are different; undo one of these first"
            )


def to_review(warehouse: Warehouse, limit: int = 20) -> list[dict[str, object]]:
    """Return pairs that are neither one person nor unlikely, and that no decision keeps apart, the likeliest first.

    A pair that is likely enough to be linked is among them where the other entries of its people keep these apart.
    Each is customer_id_l, customer_id_r, match_probability, and the name, e-mail, telephone number and address of both as
    their newest entries have them.
    """
    sides = ", ".join(f"{side}.{name} AS {name}_{side}" for name in _DETAILS for side in ("l", "r"))
    newest = (
        "SELECT * FROM (SELECT s.*, row_number() OVER (PARTITION BY customer_id ORDER BY updated_at DESC) AS place "
        "FROM staging.customer_standard AS s) AS entries WHERE place = 1"
    )
    apart = (
        "SELECT DISTINCT least(a.person_id, b.person_id) AS one, greatest(a.person_id, b.person_id) AS other "
        f"FROM ({COUNTING}) AS d JOIN staging.customer_identity AS a ON a.customer_id = d.customer_id_l "
        "JOIN staging.customer_identity AS b ON b.customer_id = d.customer_id_r WHERE d.verdict = 'different'"
    )
    return warehouse.rows(
        f"""
        SELECT pair.customer_id_l, pair.customer_id_r, pair.match_probability, {sides}
        FROM staging.customer_pairs AS pair
        JOIN staging.customer_identity AS left_one ON left_one.customer_id = pair.customer_id_l
        JOIN staging.customer_identity AS right_one ON right_one.customer_id = pair.customer_id_r
        JOIN ({newest}) AS l ON l.customer_id = pair.customer_id_l
        JOIN ({newest}) AS r ON r.customer_id = pair.customer_id_r
        LEFT JOIN ({apart}) AS decided
            ON decided.one = least(left_one.person_id, right_one.person_id)
            AND decided.other = greatest(left_one.person_id, right_one.person_id)
        LEFT JOIN ({COUNTING}) AS itself
            ON itself.customer_id_l = pair.customer_id_l AND itself.customer_id_r = pair.customer_id_r
        WHERE pair.match_probability >= {UNCERTAIN} AND left_one.person_id <> right_one.person_id
            AND decided.one IS NULL AND itself.verdict IS NULL
        ORDER BY pair.match_probability DESC, pair.customer_id_l, pair.customer_id_r LIMIT {int(limit)}
        """
    )


def side_by_side(found: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return pairs of :func:`to_review` for people to compare: a row a detail, the pair and its probability in the first of each.

    Columns: pair, likely, detail, one, other, same (``=`` where both have the same).
    """
    rows = []
    for row in found:
        left, right = row["customer_id_l"], row["customer_id_r"]
        first = (f"{left} {right}", f"{row['match_probability']:.2f}")
        rows.append((*first, "customer id", left, right, ""))
        for name in _DETAILS:
            one, other = row[f"{name}_l"] or "", row[f"{name}_r"] or ""
            if one or other:
                rows.append(("", "", name.replace("_", " "), one, other, "=" if one == other else ""))
    return pd.DataFrame(rows, columns=["pair", "likely", "detail", "one", "other", "same"])


def decide_pairs(
    warehouse: Warehouse, pairs: str, verdict: str, *, note: str = "", actor: str = ""
) -> list[tuple[str, str]]:
    """Decide on pairs that are written as ``4711 815, 4712 816``; return them. A pair that is refused leaves those before it decided.

    Raises:
        UsageError: a part doesn't name two ids, or as :func:`decide`.
    """
    named = [part.split() for part in pairs.split(",") if part.strip()]
    for part in named:
        if len(part) != 2:
            raise UsageError(f"a pair is two customer ids with a space between, not {' '.join(part)!r}")
    for one, other in named:
        decide(warehouse, one, other, verdict, note=note, actor=actor)
    return [(one, other) for one, other in named]
