"""Whether the rows of the warehouse add up, from the files that landed to the facts, and from build to build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import WorkFailed
from workbench.governance.quality import CheckResult, record_checks
from workbench.numbers import many
from workbench.schema import DATASETS, EXTRA, NEWEST_FIRST, TABLES, Table, quote
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure

FACTS = {
    "transactions": ("core.fact_transactions", "transaction_timestamp"),
    "events": ("core.fact_events", "event_timestamp"),
    "measurements": ("core.fact_measurements", "measured_at"),
}
"""The fact of each dataset that has one, and the time of its rows."""

_START, _FIRST_OF_ALL = "TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP '1700-01-01 00:00:00'"


@dataclass(frozen=True)
class Lines:
    """What became of the lines of a dataset's files.

    ``landed = accepted + quarantined``, ``accepted = raw + withdrawn``, and of a dataset with a fact ``raw = facts +
    superseded + repeats + too_early + waiting``: a line is superseded where a later one has its key, a repeat where
    another is the same in all of its columns, and waits where it landed, or came to count, after the last build.
    ``facts`` leaves out those that wait to be worked out anew.
    """

    dataset: str
    files: int
    landed: int
    quarantined: int
    accepted: int
    withdrawn: int
    raw: int
    superseded: int
    repeats: int
    too_early: int
    waiting: int
    facts: int | None

    @property
    def lost(self) -> int:
        """How many rows are unaccounted for, whichever way: zero where everything adds up."""
        off = abs(self.landed - self.accepted - self.quarantined) + abs(
            self.accepted - self.raw - self.withdrawn
        )
        if self.facts is not None:
            off += abs(self.raw - self.facts - self.superseded - self.repeats - self.too_early - self.waiting)
        return off


@infrastructure()
def lines(warehouse: Warehouse) -> list[Lines]:
    """Account for the lines of each dataset of which a file landed; it looks at each row of raw."""
    sql = _ledger() + " WHERE files > 0 ORDER BY landed DESC, dataset"
    return [_lines(row) for row in warehouse.rows(sql)]


def lines_of(session: Session) -> list[Lines]:
    """Account for them as a transaction sees them."""
    result = session.execute(_ledger() + " WHERE files > 0")
    names = ("dataset", "files", "landed", "quarantined", "accepted", "withdrawn", "raw", "waiting", "keys",
             "lines_of_many", "many", "contents", "too_early", "facts")  # fmt: skip
    return [_lines(dict(zip(names, row, strict=True))) for row in result.fetchall()]


def _lines(row: dict[str, object]) -> Lines:
    counts = {name: int(str(value)) for name, value in row.items() if name != "dataset" and value is not None}
    return Lines(
        dataset=str(row["dataset"]),
        **{name: counts[name] for name in ("files", "landed", "quarantined", "accepted", "withdrawn", "raw")},
        superseded=counts["contents"] - counts["many"],
        repeats=counts["lines_of_many"] - counts["contents"],
        too_early=counts["too_early"],
        waiting=counts["waiting"],
        facts=counts.get("facts"),
    )


def _ledger() -> str:
    """Return the query for what the ledger says of each dataset, beside what is there."""
    found = "\nUNION ALL\n".join(_of_dataset(table) for table in DATASETS.values())
    return f"""
    SELECT found.dataset, files, landed, quarantined, accepted, withdrawn, found.raw, waiting, keys, lines_of_many, many,
           contents, too_early, facts
    FROM (
        SELECT dataset, count(*) AS files, sum(rows_landed) AS landed, sum(rows_quarantined) AS quarantined,
               sum(rows_accepted) AS accepted, sum(coalesce(rows_withdrawn, 0)) AS withdrawn
        FROM ops.batches GROUP BY dataset
    ) AS ledger INNER JOIN (
    {found}
    ) AS found ON found.dataset = ledger.dataset"""


def _of_dataset(table: Table) -> str:
    """Return the query for one row: the lines that are there of a dataset, by what became of them.

    Only keys that several lines have are compared in all of their columns.
    """
    keys = ", ".join(f"r.{quote(name)}" for name in table.key)
    names = [name for name in table.column_names if not name.startswith("_")] + [EXTRA]
    columns = ", ".join(f"r.{quote(name)}" for name in names)
    settled, facts, too_early = f"SELECT * FROM {table.full_name}", "CAST(NULL AS BIGINT)", "0"
    if table.name in FACTS:
        fact, at = FACTS[table.name]
        key = quote(table.key[0])
        model = TABLES[fact].name
        anew = f"SELECT member FROM staging.touched WHERE model = '{model}' AND kind = 'withdrawn'"
        settled += (
            f" WHERE _ingested_at <= (SELECT coalesce(max(seen_until), {_START}) FROM ops.watermarks "
            f"WHERE model = '{model}') AND {key} NOT IN ({anew})"
        )
        facts = f"(SELECT count(*) FROM {fact} WHERE {key} NOT IN ({anew}))"
        order = ", ".join(f"r.{name} DESC" for name in NEWEST_FIRST)
        too_early = (
            f"(SELECT count(*) FROM (SELECT r.{quote(at)} AS moment, "
            f"row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS recency FROM ({settled}) AS r "
            f"WHERE r.{key} IN (SELECT {key} FROM {table.full_name} WHERE {quote(at)} < {_FIRST_OF_ALL})) AS early "
            f"WHERE recency = 1 AND moment < {_FIRST_OF_ALL})"
        )
    many = f"SELECT {keys}, count(*) AS n FROM ({settled}) AS r GROUP BY {keys}"
    same = " AND ".join(f"m.{quote(name)} = r.{quote(name)}" for name in table.key)
    contents = (
        f"(SELECT count(*) FROM (SELECT DISTINCT {columns} FROM ({settled}) AS r "
        f"INNER JOIN ({many} HAVING count(*) > 1) AS m ON {same}) AS distinct_lines)"
    )
    return f"""
        SELECT '{table.name}' AS dataset, rows_there.n AS raw, rows_there.n - counted.lines AS waiting, counted.keys,
               counted.lines_of_many, counted.many, {contents} AS contents, {too_early} AS too_early, {facts} AS facts
        FROM (SELECT count(*) AS n FROM {table.full_name}) AS rows_there CROSS JOIN (
            SELECT coalesce(sum(n), 0) AS lines, count(*) AS keys,
                   coalesce(sum(CASE WHEN n > 1 THEN n ELSE 0 END), 0) AS lines_of_many,
                   coalesce(sum(CASE WHEN n > 1 THEN 1 ELSE 0 END), 0) AS many
            FROM ({many}) AS keys_there
        ) AS counted"""


BUILDS = """
    SELECT table_name, built_at, rows_offered, rows_inserted, rows_updated, rows_unchanged, rows_removed, rows_now,
           CASE WHEN reason IS NULL THEN rows_before END AS rows_before
    FROM (
        SELECT *, lag(rows_now) OVER (PARTITION BY model ORDER BY built_at) AS rows_before,
               max(CASE WHEN reason IS NOT NULL THEN built_at END) OVER (PARTITION BY model) AS whole_since
        FROM ops.builds
    ) AS builds
    WHERE (whole_since IS NULL OR built_at >= whole_since)
        AND (rows_offered <> rows_inserted + rows_updated + rows_unchanged
            OR (reason IS NULL AND rows_before + rows_inserted - rows_removed <> rows_now))
    ORDER BY built_at DESC LIMIT 20
"""
"""Query for builds that don't add up, in themselves or after the one before, since the last that was whole."""


@dataclass(frozen=True)
class Unbalanced:
    """A table of which the builds don't add up; ``rows`` is by how many rows, ``message`` how."""

    table: str
    rows: int
    message: str


@infrastructure()
def builds(warehouse: Warehouse, tables: Sequence[str]) -> list[Unbalanced]:
    """Return those of some tables of which the builds don't add up, or that aren't as their last build left them."""
    found = []
    for row in warehouse.rows(BUILDS):
        if row["table_name"] not in tables:
            continue
        parts = sum(row[f"rows_{name}"] for name in ("inserted", "updated", "unchanged"))
        off, what = (
            row["rows_offered"] - parts,
            f"{many(row['rows_offered'], 'row was', 'rows were')} offered, {parts:,} accounted for",
        )
        if not off:
            now = row["rows_before"] + row["rows_inserted"] - row["rows_removed"]
            off, what = (
                row["rows_now"] - now,
                f"what it did makes {many(now, 'row')}, and it left {row['rows_now']:,}",
            )
        found.append(
            Unbalanced(row["table_name"], abs(off), f"build of {row['built_at']:%Y-%m-%d %H:%M:%S}: {what}")
        )
    # In one statement, for others may build at the same time.
    there = " UNION ALL ".join(f"SELECT '{name}' AS table_name, count(*) AS n FROM {name}" for name in tables)
    newest = f"""
        SELECT there.table_name, rows_now, n FROM (
            SELECT table_name, rows_now, row_number() OVER (PARTITION BY model ORDER BY built_at DESC) AS age
            FROM ops.builds
        ) AS builds INNER JOIN ({there}) AS there ON there.table_name = builds.table_name
        WHERE age = 1 AND n <> rows_now ORDER BY 1
    """
    for row in warehouse.rows(newest) if tables else []:
        message = f"its last build left {many(row['rows_now'], 'row')}, and it has {row['n']:,}"
        found.append(Unbalanced(row["table_name"], abs(row["n"] - row["rows_now"]), message))
    return found


def check_builds(warehouse: Warehouse, tables: Sequence[str], run_id: str | None = None) -> None:
    """Record whether the builds of tables add up.

    Raises:
        WorkFailed: those of a table don't.
    """
    wrong = {each.table: each for each in builds(warehouse, tables)}
    checks = [
        CheckResult(f"builds_add_up_{name}", name, "fail", wrong[name].rows, wrong[name].message)
        if name in wrong
        else CheckResult(f"builds_add_up_{name}", name, "pass", 0)
        for name in tables
    ]
    record_checks(warehouse, checks, run_id)
    if wrong:
        told = "; ".join(f"{name}: {each.message}" for name, each in wrong.items())
        raise WorkFailed(
            f"rows don't add up: {told}. Build all tables whole: workbench run retail_etl --full"
        )


def check_lines(warehouse: Warehouse, run_id: str | None = None) -> list[Lines]:
    """Account for the lines of each dataset, and record whether they add up; return the account.

    Raises:
        WorkFailed: those of a dataset don't.
    """
    found = lines(warehouse)
    checks = [
        CheckResult(
            f"lines_add_up_{each.dataset}", f"raw.{each.dataset}", "fail" if each.lost else "pass", each.lost
        )
        for each in found
    ]
    record_checks(warehouse, checks, run_id)
    if wrong := [each for each in found if each.lost]:
        told = ", ".join(f"{each.lost} of {each.dataset}" for each in wrong)
        raise WorkFailed(
            f"lines are unaccounted for: {told}; look with: workbench batches ledger. Facts that are not what raw makes "
            "them are built whole by: workbench run retail_etl --full"
        )
    return found
