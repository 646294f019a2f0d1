"""A database in memory in which customers are compared, whichever engine the warehouse is on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import duckdb
import pandas as pd
import pyarrow as pa

from workbench.etl.linkage import candidates, patterns
from workbench.etl.linkage.candidates import RULES
from workbench.etl.linkage.comparisons import COMPARISONS
from workbench.etl.linkage.keys import KEYS
from workbench.etl.linkage.model import Model, Seen, shares
from workbench.etl.linkage.patterns import RARE, RARITIES

FREQUENCIES = pa.schema([("column_name", pa.string()), ("value", pa.string()), ("rarity", pa.int32())])
LIMITS = pa.schema([("column_name", pa.string()), ("value", pa.string())])
_DRAWN = 30_000
_PAIRS_AT_ONCE = 4_000_000
_SEEN = 100
"""As how many entries counts what is assumed of the share of entries that a value has."""
_ASSUMED = {"given": 6e-3, "family": 3e-3, "full": 2e-5, "born": 5e-5, "postal": 3e-2, "city": 3e-2}
_AT_HOME = ("family", "postal", "city")
_NOT_UNLIKELY = 0.01


class Workspace:
    """Entries of customers, to be compared.

    Args:
        keys: key_id, customer_id and KEYS, None where a value is missing.
        frequencies: the rarity of values, by column; what isn't there is as rare as the empty text. None to count them.
        limits: values that are nobody's, by column.
        new: the customers of whom pairs are wanted; None for all.
    """

    def __init__(
        self, keys: pa.Table, frequencies: pa.Table | None, limits: pa.Table, new: pa.Table | None = None
    ) -> None:
        self._db = db = duckdb.connect()
        db.execute("SET memory_limit = '3GB'; SET preserve_insertion_order = false; SET threads = 2")
        db.register("came", keys)
        db.execute("CREATE TABLE came_keys AS SELECT * FROM came")
        db.register("_limits", limits)
        db.execute("CREATE TABLE limits AS SELECT * FROM _limits")
        db.execute(
            f"CREATE TABLE entries AS SELECT CAST(row_number() OVER (ORDER BY customer_id, {', '.join(KEYS)}) AS INTEGER) AS row, "
            f"CAST(dense_rank() OVER (ORDER BY customer_id) AS INTEGER) AS customer, keys.*, split_part(email, '@', 1) AS local, "
            f"regexp_replace(email, '[^0-9]', '', 'g') AS digits, coalesce(postal, city) AS place, "
            f"translate(street, '0123456789', '') AS way, false AS is_new FROM ({candidates.without_shared('came_keys', 'limits')}) AS keys"
        )
        db.execute("DROP TABLE came_keys")
        if new is None:
            db.execute("UPDATE entries SET is_new = true")
        else:
            db.register("_new", new)
            db.execute("UPDATE entries SET is_new = true WHERE customer_id IN (SELECT customer_id FROM _new)")
        self._put_beside(self._rarities() if frequencies is None else frequencies)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _put_beside(self, frequencies: pa.Table) -> None:
        """Put the rarity of its values beside each entry: ``records``."""
        self.frequencies = frequencies
        self._db.register("_frequencies", frequencies)
        rarity = ", ".join(
            f"coalesce({name}_known.rarity, (SELECT rarity FROM _frequencies WHERE column_name = '{name}' AND value = '')) "
            f"AS {name}_rarity"
            for name in RARE
            if name != "full"
        )
        known = " ".join(
            f"LEFT JOIN (SELECT value, rarity FROM _frequencies WHERE column_name = '{name}') AS {name}_known "
            f"ON {name}_known.value = {value}"
            for name, value in RARE.items()
        )
        # Of a full name it counts how rare the family name is among those who have the given name.
        self._db.execute(
            "CREATE OR REPLACE TABLE records AS SELECT * EXCLUDE (_full), coalesce(greatest("
            f"{RARITIES[0]}, least(family_rarity, _full - given_rarity)), family_rarity) AS full_rarity "
            f"FROM (SELECT entries.*, {rarity}, full_known.rarity AS _full FROM entries {known}) AS known"
        )

    def _rarities(
        self, owned: str = "SELECT NULL AS name, NULL AS value, 0 AS pairs WHERE false"
    ) -> pa.Table:
        """Return how rare values are: of those that more than two entries have; all others are in one row a name.

        What was assumed of a value's share counts as a hundred entries.

        Args:
            owned: the query for pairs of one owner that have a value: name, value and pairs. These count once.
        """
        rarity = f"CAST(greatest({RARITIES[0]}, least({RARITIES[-1]}, floor(-log2((n + {{}}) / (entries + {_SEEN}))))) AS INTEGER) AS rarity"
        parts = [
            f"SELECT '{name}' AS column_name, coalesce(value, '') AS value, {rarity.format(_SEEN * _ASSUMED[name])} FROM "
            f"(SELECT value, n - 2 * coalesce(pairs, 0) / n AS n FROM (SELECT {expression} AS value, count(*) AS n FROM entries "
            f"WHERE {expression} IS NOT NULL GROUP BY 1) AS counted LEFT JOIN (SELECT value, pairs FROM owned WHERE name = '{name}') AS own "
            f"USING (value) WHERE n - 2 * coalesce(pairs, 0) / n > 2 UNION ALL SELECT NULL, 2) AS each_one, "
            f"(SELECT count({expression}) AS entries FROM entries) AS whole"
            for name, expression in RARE.items()
        ]
        query = f"WITH owned AS MATERIALIZED ({owned}) {' UNION ALL '.join(parts)} ORDER BY ALL"
        return self._db.sql(query).to_arrow_table().cast(FREQUENCIES)

    def among_strangers(self, model: Model) -> None:
        """Count values anew as rare as they are among strangers, once all candidates are compared, and weigh the pairs by that.

        The entries of one person say nothing of how many others have a name, nor do those of a household of its family name.
        """
        db = self._db
        self._weigh(model, "compared")
        db.execute(
            "CREATE OR REPLACE TEMP TABLE likely AS SELECT l, r, CAST(round(probability * 1e6) AS BIGINT) AS one, "
            "CAST(round((probability + household) * 1e6) AS BIGINT) AS home "
            f"FROM compared JOIN weights USING (pattern) WHERE probability + household > {_NOT_UNLIKELY}"
        )
        owned = " UNION ALL ".join(
            f"SELECT '{name}' AS name, l.value, sum({'home' if name in _AT_HOME else 'one'}) AS pairs FROM likely "
            f"JOIN (SELECT row, {value} AS value FROM entries) AS l ON l.row = likely.l "
            f"JOIN (SELECT row, {value} AS value FROM entries) AS r ON r.row = likely.r WHERE l.value = r.value GROUP BY l.value"
            for name, value in RARE.items()
        )
        # In whole millionths: their sum is the same in whatever order.
        owned = f"SELECT name, value, pairs / 1e6 AS pairs FROM ({owned}) AS each_one"
        self._put_beside(self._rarities(owned))
        db.execute(
            f"CREATE OR REPLACE TABLE compared AS SELECT c.l, c.r, {patterns.reweighed('c.pattern')} AS pattern FROM compared AS c "
            "JOIN records AS l ON l.row = c.l JOIN records AS r ON r.row = c.r"
        )
        db.execute("DROP TABLE likely")

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute(sql).fetchall()

    def candidates(self, largest: Mapping[str, int] | None = None) -> pd.DataFrame:
        """Count the pairs of each rule, then make those of blocks that aren't too large.

        Args:
            largest: the largest block of each rule; None to choose them.

        Returns:
            rule, largest_block, pairs, pairs_left_out.
        """
        db, counted = self._db, []
        ((entries,),) = self._rows("SELECT count(*) FROM records")
        db.execute("CREATE OR REPLACE TABLE blocks (rule UTINYINT, key UBIGINT, row INTEGER, is_new BOOLEAN)")
        for number, rule in enumerate(RULES):
            db.execute(
                "CREATE OR REPLACE TEMP TABLE made AS "
                + " UNION ALL ".join(
                    f"SELECT hash({block}) AS key, row, is_new FROM records WHERE {condition}"
                    for block, condition in rule.blocks
                )
            )
            sizes = self._rows(
                "SELECT n, count(*) FROM (SELECT count(*) AS n FROM made GROUP BY key HAVING count(*) > 1) GROUP BY n ORDER BY n"
            )
            chosen, pairs, left = candidates.largest_block(rule, sizes, entries)
            if largest is not None:
                chosen = largest[rule.name]
                pairs = sum(blocks * size * (size - 1) // 2 for size, blocks in sizes if size <= chosen)
                left = sum(blocks * size * (size - 1) // 2 for size, blocks in sizes if size > chosen)
            db.execute(
                f"INSERT INTO blocks SELECT {number}, key, row, is_new FROM made SEMI JOIN (SELECT key FROM made GROUP BY key "
                f"HAVING count(*) BETWEEN 2 AND {chosen}) AS kept USING (key)"
            )
            counted.append((rule.name, chosen, pairs, left))
        db.execute("DROP TABLE made")
        return pd.DataFrame(counted, columns=["rule", "largest_block", "pairs", "pairs_left_out"])

    def take(self, members: Sequence[tuple[int, str, int]]) -> None:
        """Let entries be compared that others found to be in one block: number of the rule, block, and key_id of each."""
        db, columns = self._db, tuple(zip(*members, strict=True)) or ((), (), ())
        kinds = {"rule": pa.uint8(), "block": pa.string(), "key_id": pa.int64()}
        found = zip(kinds.items(), columns, strict=True)
        db.register("_members", pa.table({name: pa.array(values, kind) for (name, kind), values in found}))
        db.execute(
            "CREATE OR REPLACE TABLE blocks AS SELECT rule, hash(block) AS key, row, is_new FROM _members JOIN records USING (key_id)"
        )

    def compare(self) -> int:
        """Compare all candidates, some millions at once: ``compared`` has rows l and r, and their pattern; return how many."""
        db = self._db
        db.execute("CREATE OR REPLACE TABLE compared (l INTEGER, r INTEGER, pattern BIGINT)")
        ((pairs,),) = self._rows(
            "SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (SELECT count(*) AS n FROM blocks GROUP BY rule, key)"
        )
        parts = max(1, math.ceil(pairs / _PAIRS_AT_ONCE))
        for part in range(parts):
            db.execute(
                "CREATE OR REPLACE TEMP TABLE pair AS SELECT DISTINCT a.row AS l, b.row AS r FROM blocks AS a JOIN blocks AS b "
                "ON b.rule = a.rule AND b.key = a.key AND a.row < b.row AND (a.is_new OR b.is_new) "
                f"WHERE a.row % {parts} = {part}"
            )
            db.execute(
                f"INSERT INTO compared SELECT pair.l, pair.r, {patterns.expression()} FROM pair JOIN records AS l ON l.row = pair.l "
                "JOIN records AS r ON r.row = pair.r WHERE l.customer <> r.customer"
            )
        db.execute("DROP TABLE IF EXISTS pair")
        ((compared,),) = self._rows("SELECT count(*) FROM compared")
        return int(compared)

    def seen(self) -> Seen:
        """Return what a model is estimated from, once all candidates are compared."""
        db = self._db
        ((customers, entries),) = self._rows("SELECT count(DISTINCT customer), count(*) FROM records")
        shifts = max(1, min(entries // 2, _DRAWN // max(entries, 1)))
        db.execute(
            "CREATE OR REPLACE TEMP TABLE shuffled AS SELECT row, CAST(row_number() OVER (ORDER BY md5(customer_id), row) - 1 AS INTEGER) AS nth FROM records"
        )
        # Pairs at some distances in an order of no meaning: drawn at random, and the same whenever they are drawn.
        db.execute(
            "CREATE OR REPLACE TEMP TABLE pair AS WITH a AS (SELECT row, CAST((nth + 1 + hash(shift) % greatest(1, "
            f"{entries} - 1)) % greatest(1, {entries}) AS INTEGER) AS other FROM shuffled, range({shifts}) AS shifts(shift) "
            f"WHERE nth < {_DRAWN}) SELECT a.row AS l, b.row AS r FROM a JOIN shuffled AS b ON b.nth = a.other WHERE a.row <> b.row"
        )
        drawn = db.sql(
            f"SELECT {patterns.expression()} AS pattern, count(*) AS n FROM pair JOIN records AS l ON l.row = pair.l "
            "JOIN records AS r ON r.row = pair.r WHERE l.customer <> r.customer GROUP BY ALL ORDER BY ALL"
        ).df()
        same, filled = [], []
        for comparison in COMPARISONS:
            column = "postal" if comparison.column == "place" else comparison.column
            ((agreeing, pairs),) = self._rows(
                f"SELECT coalesce(sum(n * (n - 1) / 2), 0), coalesce(sum(n) * (sum(n) - 1) / 2, 0) FROM "
                f"(SELECT count(*) AS n FROM records WHERE {column} IS NOT NULL GROUP BY {column}) AS counted"
            )
            same.append(float(agreeing))
            filled.append(float(pairs))
        found = db.sql("SELECT pattern, count(*) AS n FROM compared GROUP BY ALL ORDER BY ALL").df()
        return Seen(found, drawn, same, filled, int(customers))

    def filled(self) -> list[str]:
        """Return the compared columns that at least a twentieth of entries fill."""
        columns = [comparison.column for comparison in COMPARISONS]
        (counts,) = self._rows(
            f"SELECT {', '.join(f'count({c}) >= greatest(1, 0.05 * count(*))' for c in columns)} FROM records"
        )
        return [column for column, is_filled in zip(columns, counts, strict=True) if is_filled]

    def scored(self, model: Model, least: float) -> pd.DataFrame:
        """Return customer_id_l, customer_id_r and match_probability of compared pairs that are at least so likely, the best of their entries."""
        self._weigh(model, "compared")
        return self._db.sql(
            "SELECT least(l.customer_id, r.customer_id) AS customer_id_l, greatest(l.customer_id, r.customer_id) AS customer_id_r, "
            "max(probability) AS match_probability FROM compared JOIN weights USING (pattern) JOIN records AS l ON l.row = compared.l "
            f"JOIN records AS r ON r.row = compared.r WHERE probability >= {least} GROUP BY ALL ORDER BY ALL"
        ).df()

    def within(self, groups: pd.DataFrame, model: Model) -> pd.DataFrame:
        """Compare all customers of each group with each other.

        Args:
            groups: customer_id and number of the group.
            model: the weights.

        Returns:
            group, customer_id_l, customer_id_r and match_probability, the best of their entries.
        """
        db = self._db
        db.register(
            "_groups",
            pa.table(
                {
                    "customer_id": pa.array(groups["customer_id"], pa.string()),
                    "number": pa.array(groups["number"], pa.int64()),
                }
            ),
        )
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE inside AS WITH one AS (SELECT records.*, number FROM records JOIN _groups USING (customer_id)) "
            f"SELECT l.number, l.customer_id AS customer_id_l, r.customer_id AS customer_id_r, {patterns.expression()} AS pattern "
            "FROM one AS l JOIN one AS r ON r.number = l.number AND l.customer_id < r.customer_id"
        )
        self._weigh(model, "inside")
        return db.sql(
            "SELECT number, customer_id_l, customer_id_r, max(probability) AS match_probability FROM inside JOIN weights USING (pattern) GROUP BY ALL ORDER BY ALL"
        ).df()

    def _weigh(self, model: Model, pairs: str) -> None:
        found = self._db.sql(f"SELECT DISTINCT pattern FROM {pairs}").df()["pattern"].to_numpy("int64")
        kinds = shares(model, patterns.digits(found))
        self._db.register(
            "_weights", pa.table({"pattern": found, "probability": kinds[:, 0], "household": kinds[:, 1]})
        )
        self._db.execute("CREATE OR REPLACE TEMP TABLE weights AS SELECT * FROM _weights")
