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
from workbench.etl.linkage.model import Model, Seen

FREQUENCIES = pa.schema([("column_name", pa.string()), ("value", pa.string()), ("rarity", pa.int32())])
LIMITS = pa.schema([("column_name", pa.string()), ("value", pa.string())])
_DRAWN = 30_000
_PAIRS_AT_ONCE = 4_000_000
_WEIGHED = [comparison.column for comparison in COMPARISONS if comparison.weighed]


class Workspace:
    """Entries of customers, to be compared.

    Args:
        keys: key_id, customer_id and KEYS, None where a value is missing.
        frequencies: the rarity of values, by column; what isn't there is as rare as the empty text.
        limits: values that are nobody's, by column.
        new: the customers of whom pairs are wanted; None for all.
    """

    def __init__(
        self, keys: pa.Table, frequencies: pa.Table, limits: pa.Table, new: pa.Table | None = None
    ) -> None:
        self._db = db = duckdb.connect()
        db.execute("SET memory_limit = '3GB'; SET preserve_insertion_order = false; SET threads = 2")
        db.register("came", keys)
        db.execute("CREATE TABLE came_keys AS SELECT * FROM came")
        db.register("_frequencies", frequencies)
        db.register("_limits", limits)
        db.execute("CREATE TABLE limits AS SELECT * FROM _limits")
        rarity = ", ".join(
            f"coalesce({column}_known.rarity, (SELECT rarity FROM _frequencies WHERE column_name = '{column}' AND value = '')) "
            f"AS {column}_rarity"
            for column in _WEIGHED
        )
        known = " ".join(
            f"LEFT JOIN (SELECT value, rarity FROM _frequencies WHERE column_name = '{column}') AS {column}_known "
            f"ON {column}_known.value = keys.{column}"
            for column in _WEIGHED
        )
        db.execute(
            f"CREATE TABLE records AS SELECT CAST(row_number() OVER (ORDER BY customer_id, {', '.join(KEYS)}) AS INTEGER) AS row, "
            f"CAST(dense_rank() OVER (ORDER BY customer_id) AS INTEGER) AS customer, keys.*, split_part(email, '@', 1) AS local, "
            f"regexp_replace(email, '[^0-9]', '', 'g') AS digits, coalesce(postal, city) AS place, {rarity}, false AS is_new "
            f"FROM ({candidates.without_shared('came_keys', 'limits')}) AS keys {known}"
        )
        db.execute("DROP TABLE came_keys")
        if new is None:
            db.execute("UPDATE records SET is_new = true")
        else:
            db.register("_new", new)
            db.execute("UPDATE records SET is_new = true WHERE customer_id IN (SELECT customer_id FROM _new)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

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
                f"CREATE OR REPLACE TEMP TABLE made AS SELECT hash({rule.block}) AS key, row, is_new FROM records "
                f"WHERE {rule.block} IS NOT NULL"
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
        self._db.register("_weights", pa.table({"pattern": found, "probability": model.probability(found)}))
        self._db.execute("CREATE OR REPLACE TEMP TABLE weights AS SELECT * FROM _weights")
