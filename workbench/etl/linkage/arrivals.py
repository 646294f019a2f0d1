"""What new customers have to be compared with, looked up in the warehouse, where all that are known are.

Whether a pair is compared depends on it alone, with two exceptions: a value that goes with too many names is nobody's, and
a block that is too large isn't compared. Both change as customers come and go. Whoever has a value that turned, or is in a
block that did, is compared anew as if new: what is kept is what comparing everybody gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from workbench.etl.linkage import candidates
from workbench.etl.linkage.candidates import RULES
from workbench.etl.linkage.keys import KEYS
from workbench.etl.linkage.patterns import RARE
from workbench.etl.linkage.workspace import FREQUENCIES, LIMITS
from workbench.warehouse import Session

TABLE, SHARED_VALUES = "staging.customer_keys", "staging.linkage_limits"
COLUMNS = ("key_id", "customer_id", *KEYS)
_SIZES = "SELECT rule, block, count(*) AS n FROM linkage_held GROUP BY rule, block"
_KINDS = pa.schema([("key_id", pa.int64()), *((name, pa.string()) for name in COLUMNS[1:])])


@dataclass(frozen=True)
class Arrived:
    """What is to be compared.

    ``customers`` are those whose pairs are worked out anew. ``keys`` has them and all they are compared with, ``members`` the blocks that
    hold one of them: number of the rule, block, and key_id of each entry. ``frequencies`` and ``limits`` are of these.
    ``pairs`` says by how much the pairs of each rule have grown: those made, and those left out.
    """

    customers: list[str]
    keys: pa.Table
    members: list[tuple[int, str, int]]
    frequencies: pa.Table
    limits: pa.Table
    pairs: Mapping[str, tuple[int, int]]


def make(session: Session, name: str, query: str) -> None:
    """Make a temporary table of the rows of a query, anew if there is one."""
    session.execute(f"DROP TABLE IF EXISTS {name}")
    session.execute(f"CREATE TEMP TABLE {name} AS {query}")


def keys_of(session: Session, condition: str) -> pa.Table:
    """Return the rows of ``staging.customer_keys`` of which a condition is true."""
    return _rows(session, f"SELECT {', '.join(COLUMNS)} FROM {TABLE} AS k WHERE {condition}", _KINDS)


def arrive(session: Session, new: Any, largest: Mapping[str, int]) -> Arrived:
    """Put what is compared of some customers in the place of what there is of them, and look up what they are compared with.

    Args:
        session: with a temporary table ``linkage_touched`` of their customer_id. ``linkage_dirty`` has those whose pairs are to be
            worked out anew afterwards.
        new: their rows of ``staging.customer_keys``, made ready.
        largest: the largest block of each rule that is compared.
    """
    touched = "customer_id IN (SELECT customer_id FROM linkage_touched)"
    make(session, "linkage_rows", f"SELECT * FROM {TABLE} WHERE {touched}")
    session.execute(f"DELETE FROM {TABLE} WHERE {touched}")
    new.load(session)
    make(session, "linkage_dirty", "SELECT customer_id FROM linkage_touched")
    flipped, limited = _turn_values(session, touched), _limited(session)
    if flipped:
        # Those who were there all along, before the values turn.
        who = candidates.who_has(TABLE, "linkage_flipped")
        make(
            session,
            "linkage_owners",
            f"SELECT customer_id FROM ({who}) AS who WHERE customer_id NOT IN (SELECT customer_id FROM linkage_touched)",
        )
        session.execute(
            f"INSERT INTO linkage_rows SELECT * FROM {TABLE} WHERE customer_id IN (SELECT customer_id FROM linkage_owners)"
        )
        session.execute("INSERT INTO linkage_dirty SELECT customer_id FROM linkage_owners")
    make(session, "linkage_was", _blocks("linkage_rows", limited))
    if flipped:
        session.execute(
            f"DELETE FROM {SHARED_VALUES} WHERE EXISTS (SELECT 1 FROM linkage_flipped AS f WHERE f.column_name = "
            f"{SHARED_VALUES}.column_name AND f.value = {SHARED_VALUES}.value AND NOT f.is_shared)"
        )
        session.execute(
            f"INSERT INTO {SHARED_VALUES} SELECT column_name, value FROM linkage_flipped WHERE is_shared"
        )
        limited = _limited(session)
    _look_at_dirty(session, limited)
    make(
        session, "linkage_asked",
        "SELECT rule, block, sum(was_one) AS was, sum(is_one) AS now FROM (SELECT rule, block, 1 AS was_one, 0 AS is_one FROM linkage_was "
        "UNION ALL SELECT rule, block, 0, 1 FROM linkage_is) AS each_one GROUP BY rule, block",
    )  # fmt: skip
    make(session, "linkage_held", _held("linkage_asked", limited))
    most = f"CASE a.rule {' '.join(f'WHEN {n} THEN {int(largest[rule.name])}' for n, rule in enumerate(RULES))} END"
    make(
        session, "linkage_changed",
        "SELECT a.rule, a.block, coalesce(s.n, 0) - a.now + a.was AS before, coalesce(s.n, 0) AS after, "
        f"{most} AS most FROM linkage_asked AS a LEFT JOIN ({_SIZES}) AS s ON s.rule = a.rule AND s.block = a.block",
    )  # fmt: skip
    pairs = _accounted(session)
    _add_neighbours(session, limited)
    members = _members(session, most)
    keys = keys_of(
        session,
        "key_id IN (SELECT key_id FROM linkage_members) OR customer_id IN (SELECT customer_id FROM linkage_dirty)",
    )
    customers = [
        row[0]
        for row in session.execute(
            "SELECT DISTINCT customer_id FROM linkage_dirty ORDER BY customer_id"
        ).fetchall()
    ]
    return Arrived(customers, keys, members, frequencies_of(session, keys), limits(session), pairs)


def frequencies_of(session: Session, keys: pa.Table) -> pa.Table:
    """Return the kept rarities of the values in some keys; as many marks at once as a statement takes."""
    found: list[tuple[Any, ...]] = []
    with duckdb.connect() as local:
        local.register("keys", keys)
        values = {
            name: local.execute(
                f"SELECT DISTINCT {value} FROM keys WHERE {value} IS NOT NULL ORDER BY 1"
            ).fetchall()
            for name, value in RARE.items()
        }
    for name, rows in values.items():
        names = [row[0] for row in rows] + [""]
        for start in range(0, len(names), 1000):
            some = names[start : start + 1000]
            found += session.execute(
                "SELECT column_name, value, rarity FROM staging.linkage_frequencies WHERE column_name = ? AND value IN "
                f"({', '.join('?' * len(some))})",
                [name, *some],
            ).fetchall()
    return _table(found, FREQUENCIES)


def limits(session: Session) -> pa.Table:
    """Return the values that are nobody's."""
    return _rows(session, f"SELECT column_name, value FROM {SHARED_VALUES}", LIMITS)


def _turn_values(session: Session, touched: str) -> int:
    """Find the values that are nobody's now and weren't, or the other way round: ``linkage_flipped``; return how many."""
    make(
        session, "linkage_values",
        f"{candidates.values('linkage_rows')} UNION {candidates.values(f'(SELECT * FROM {TABLE} WHERE {touched}) AS these')}",
    )  # fmt: skip
    make(session, "linkage_shared", candidates.shared_values(TABLE, "linkage_values"))
    # Of those that nobody asks about, none turns.
    was = f"SELECT column_name, value FROM {SHARED_VALUES} INTERSECT SELECT column_name, value FROM linkage_values"
    make(
        session, "linkage_flipped",
        "SELECT column_name, value, true AS is_shared FROM (SELECT column_name, value FROM linkage_shared EXCEPT "
        f"SELECT column_name, value FROM {SHARED_VALUES}) AS more UNION ALL SELECT column_name, value, false FROM "
        f"(({was}) EXCEPT SELECT column_name, value FROM linkage_shared) AS fewer",
    )  # fmt: skip
    ((count,),) = session.execute("SELECT count(*) FROM linkage_flipped").fetchall()
    return int(count)


def _limited(session: Session) -> set[str]:
    return {row[0] for row in session.execute(f"SELECT DISTINCT column_name FROM {SHARED_VALUES}").fetchall()}


def _look_at_dirty(session: Session, limited: set[str]) -> None:
    make(
        session,
        "linkage_rows",
        f"SELECT * FROM {TABLE} WHERE customer_id IN (SELECT customer_id FROM linkage_dirty)",
    )
    make(session, "linkage_is", _blocks("linkage_rows", limited))


def _blocks(table: str, limited: set[str]) -> str:
    return " UNION ALL ".join(
        f"SELECT rule, block FROM ({candidates.blocks(n, table, SHARED_VALUES, limited)}) AS made_{n}"
        for n in range(len(RULES))
    )


def _held(asked: str, limited: set[str]) -> str:
    """Return the query for all who are in the blocks that a table asks about: every rule looks at all keys once."""
    return " UNION ALL ".join(
        f"SELECT rule, block, key_id, customer_id FROM ({candidates.blocks(n, TABLE, SHARED_VALUES, limited)}) AS made_{n} "
        f"WHERE block IN (SELECT block FROM {asked} WHERE rule = {n})"
        for n in range(len(RULES))
    )


def _accounted(session: Session) -> dict[str, tuple[int, int]]:
    """Return by how much the pairs of each rule have grown: those made, and those left out."""
    grown = {rule.name: (0, 0) for rule in RULES}
    rows = session.execute(
        "SELECT rule, before, after, most, count(*) FROM linkage_changed WHERE before <> after GROUP BY rule, before, after, most"
    ).fetchall()
    for number, before, after, most, blocks in rows:
        made, left = grown[RULES[int(number)].name]
        for size, sign in ((int(after), 1), (int(before), -1)):
            count = sign * int(blocks) * size * (size - 1) // 2
            made, left = (made + count, left) if size <= most else (made, left + count)
        grown[RULES[int(number)].name] = made, left
    return grown


def _add_neighbours(session: Session, limited: set[str]) -> None:
    """Add those whose block has become too large, or ceased to be, to ``linkage_dirty``, and who is in their blocks."""
    make(
        session, "linkage_owners",
        "SELECT DISTINCT h.customer_id FROM linkage_held AS h JOIN linkage_changed AS c ON c.rule = h.rule AND c.block = h.block "
        "WHERE (before <= most AND after > most OR before > most AND after <= most) "
        "AND customer_id NOT IN (SELECT customer_id FROM linkage_dirty)",
    )  # fmt: skip
    ((owners,),) = session.execute("SELECT count(*) FROM linkage_owners").fetchall()
    if not owners:
        return
    session.execute("INSERT INTO linkage_dirty SELECT customer_id FROM linkage_owners")
    _look_at_dirty(session, limited)
    make(
        session,
        "linkage_more",
        "SELECT rule, block FROM linkage_is EXCEPT SELECT rule, block FROM linkage_asked",
    )
    session.execute(f"INSERT INTO linkage_held {_held('linkage_more', limited)}")


def _members(session: Session, most: str) -> list[tuple[int, str, int]]:
    """Return the members of the blocks of ``linkage_is`` that are compared; ``linkage_members`` has them, too."""
    make(
        session, "linkage_fit",
        f"SELECT a.rule, a.block FROM ({_SIZES}) AS a WHERE a.n BETWEEN 2 AND {most} "
        "INTERSECT SELECT rule, block FROM linkage_is",
    )  # fmt: skip
    make(
        session, "linkage_members",
        "SELECT h.rule, h.block, h.key_id FROM linkage_held AS h JOIN linkage_fit AS f ON f.rule = h.rule AND f.block = h.block",
    )  # fmt: skip
    found = session.execute("SELECT rule, block, key_id FROM linkage_members").fetchall()
    return [(int(rule), block, int(key)) for rule, block, key in found]


def _rows(session: Session, query: str, schema: pa.Schema) -> pa.Table:
    return _table(session.execute(query).fetchall(), schema)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )
