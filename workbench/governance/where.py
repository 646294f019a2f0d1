"""Where a row is: the lines that landed of it, the versions it joined, its fact, and the figures and alerts it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from workbench.errors import UsageError, unknown
from workbench.governance.accounts import FACTS
from workbench.governance.figures import figures_of_events, figures_of_readings, rows_by
from workbench.governance.quarantine.moves import NEWEST_MOVES
from workbench.governance.quarantine.rows import came_from
from workbench.schema import DATASETS, EXTRA, NEWEST_FIRST, Column, Table, quote
from workbench.warehouse import Warehouse

Row = dict[str, Any]
PLACE = {"batch_id": "_batch_id", "row_number": "_row_number"}
"""What a row can be asked for by beside its columns: the file it came in, and its position there."""

DIMENSIONS = {"customer": "core.dim_customer", "product": "core.dim_product", "store": "core.dim_store"}
PERIODS = {"day": "sales_daily", "week": "sales_weekly", "month": "sales_monthly"}
_STARTS = {"day": "sales_date", "week": "week_start", "month": "month_start"}
_BOOKKEEPING = ("_batch_id", "_row_number", "_ingested_at")


@dataclass
class Member:
    """One key of a dataset, with all that is made of it.

    ``lines`` are those that landed, the newest first, each with ``state``: current, superseded, repeat or withdrawn; and
    with ``came_from``: where it was refused before, of one that came back from quarantine.
    ``versions`` are the dimension's that the fact joined, by name, or all of a member's own. ``periods`` are rows of the
    marts, with ``period``: of sales a day, week and month; of an event its session and its step of the funnel; of a reading a day.
    """

    dataset: str
    key: Row
    lines: list[Row]
    fact: Row | None = None
    versions: list[Row] = field(default_factory=list)
    periods: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)


@dataclass
class Found:
    """What there is; ``more`` tells of datasets with more keys than were asked for, how many."""

    members: list[Member]
    quarantined: list[Row]
    batches: dict[str, Row]
    more: dict[str, int]


def find(warehouse: Warehouse, asked: Mapping[str, str], limit: int = 10) -> Found:
    """Find rows by values of their columns, as they landed.

    Args:
        warehouse: where.
        asked: texts by the name of a column of raw, ``batch_id`` or ``row_number``; a row has all of them.
        limit: keys of a dataset at most, those that landed last.

    Raises:
        UsageError: no dataset has such columns, a value isn't of its column's type, or nothing is found.
    """
    tables = _tables(asked)
    members: list[Member] = []
    more: dict[str, int] = {}
    for table in tables:
        found, left = _landed(warehouse, table, asked, limit)
        members += found
        if left:
            more[table.name] = left
    quarantined = _quarantined(warehouse, tables, asked, limit)
    if not members and not quarantined:
        said = ", ".join(f"{name}={value}" for name, value in asked.items())
        raise UsageError(
            f"nothing landed with {said}, and nothing in quarantine says so. Values are as they came, letter by letter; "
            "what waits in landing is taken in by: workbench run retail_etl"
        )
    for dataset in {member.dataset for member in members}:
        same = [member for member in members if member.dataset == dataset]
        if dataset in FACTS:
            _facts(warehouse, DATASETS[dataset], same)
        elif f"core.dim_{dataset.removesuffix('s')}" in DIMENSIONS.values():
            _own_versions(warehouse, dataset.removesuffix("s"), same)
    ids = {line["_batch_id"] for member in members for line in member.lines}
    back = came_from(warehouse, ids)
    for line in (line for member in members for line in member.lines):
        line["came_from"] = back.get((line["_batch_id"], line["_row_number"]))
    ids |= {each[f"{name}batch_id"] for each in back.values() for name in ("", "first_")}
    ids |= {row["into_batch_id"] for row in quarantined if row["into_batch_id"]}
    batches = rows_by(warehouse, "ops.batches", "batch_id", ids | {row["batch_id"] for row in quarantined})
    _alerts(warehouse, members)
    return Found(members, quarantined, {row["batch_id"]: row for row in batches}, more)


def _tables(asked: Mapping[str, str]) -> list[Table]:
    """Return the datasets whose rows can be asked for so."""
    if not asked:
        raise UsageError("say what to look for: workbench where transaction_id=T123")
    known = {column.name for table in DATASETS.values() for column in table.columns} - {*_BOOKKEEPING, EXTRA}
    for name in asked:
        if name not in known and name not in PLACE:
            raise unknown("column", name, known | PLACE.keys())
    found = [table for table in DATASETS.values() if asked.keys() <= {*table.column_names, *PLACE}]
    if not found:
        raise UsageError(f"no dataset has all of the columns {', '.join(asked)}; workbench schema shows them")
    return found


def _condition(table: Table, asked: Mapping[str, str]) -> tuple[str, list[Any]]:
    columns = [table.column(PLACE.get(name, name)) for name in asked]
    values = [_value(name, column, text) for (name, text), column in zip(asked.items(), columns, strict=True)]
    # The beginning of a batch's id is enough, as everywhere.
    tests = [
        f"substring(r.{quote(column.name)}, 1, {len(value)}) = ?"
        if column.name == "_batch_id"
        else f"r.{quote(column.name)} = ?"
        for column, value in zip(columns, values, strict=True)
    ]
    return " AND ".join(tests), values


def _value(name: str, column: Column, text: str) -> Any:
    """Return a value of a column's type."""
    try:
        match column.kind:
            case "integer" | "bigint":
                return int(text)
            case "decimal":
                return Decimal(text)
            case "date":
                return date.fromisoformat(text)
            case "timestamp":
                return datetime.fromisoformat(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError, InvalidOperation):
        raise UsageError(f"{name} is {column.comment}: {text!r} is no {column.kind}") from None
    return text


def _landed(
    warehouse: Warehouse, table: Table, asked: Mapping[str, str], limit: int
) -> tuple[list[Member], int]:
    """Return the keys that rows with these values have, each with all of its lines; and how many keys are left."""
    condition, values = _condition(table, asked)
    keys = ", ".join(map(quote, table.key))
    own = ", ".join(f"r.{quote(name)}" for name in table.key)
    places = " UNION ALL ".join(
        f"SELECT {own}, r._ingested_at FROM {schema}.{table.name} AS r WHERE {condition}"
        for schema in ("raw", "withdrawn")
    )
    asked_for = f"SELECT {keys}, max(_ingested_at) AS landed FROM ({places}) AS places GROUP BY {keys}"
    wanted = f"{asked_for} ORDER BY landed DESC, {keys} LIMIT {int(limit)}"
    columns = ", ".join(f"r.{quote(name)}" for name in table.column_names)
    same = " AND ".join(f"w.{quote(name)} = r.{quote(name)}" for name in table.key)
    lines = " UNION ALL ".join(
        f"SELECT '{schema}' AS place, {columns} FROM {schema}.{table.name} AS r INNER JOIN ({wanted}) AS w ON {same}"
        for schema in ("raw", "withdrawn")
    )
    rows = warehouse.rows(lines, values * 4)
    rows.sort(key=lambda row: tuple(row[name] for name in NEWEST_FIRST), reverse=True)
    members: dict[tuple[Any, ...], Member] = {}
    for row in rows:
        key = {name: row[name] for name in table.key}
        members.setdefault(tuple(key.values()), Member(table.name, key, [])).lines.append(row)
    for member in members.values():
        _judge(member.lines)
    if len(members) < limit:
        return list(members.values()), 0
    (all_of_it,) = warehouse.rows(f"SELECT count(*) AS n FROM ({asked_for}) AS keys", values * 2)
    return list(members.values()), int(all_of_it["n"]) - len(members)


def _judge(lines: Sequence[Row]) -> None:
    """Say of each line of a key, the newest first, what it is."""
    newer: list[Row] = []
    for line in lines:
        content = {name: value for name, value in line.items() if name not in (*_BOOKKEEPING, "place")}
        if line.pop("place") == "withdrawn":
            line["state"] = "withdrawn"
            continue
        line["state"] = "current" if not newer else "repeat" if content in newer else "superseded"
        newer.append(content)


def _quarantined(
    warehouse: Warehouse, tables: Iterable[Table], asked: Mapping[str, str], limit: int
) -> list[Row]:
    """Return rows in quarantine of these files, or whose text has these values in it."""
    conditions, values = ["q.dataset IN (" + ", ".join(f"'{table.name}'" for table in tables) + ")"], []
    for name, text in asked.items():
        if name == "batch_id":
            conditions.append(f"substring(q.batch_id, 1, {len(text)}) = ?")
        elif name == "row_number":
            conditions.append("q.row_number = ?")
        else:
            conditions.append("position(? IN q.record) > 0")
        values.append(int(text) if name == "row_number" else text)
    rows = warehouse.rows(
        "SELECT q.batch_id, q.dataset, q.row_number, q.reasons, q.record, "
        "CASE WHEN m.move IS NULL OR m.move = 'reopened' THEN 'open' ELSE m.move END AS status, m.into_batch_id, "
        f"m.into_row_number, m.moved_by, m.why, m.moved_at FROM ops.quarantine AS q LEFT JOIN ({NEWEST_MOVES}) AS m "
        "ON m.batch_id = q.batch_id AND m.row_number = q.row_number "
        f"WHERE {' AND '.join(conditions)} ORDER BY q.quarantined_at DESC, q.row_number LIMIT 1000",
        values,
    )
    whole = [
        re.compile(rf"(?<!\w){re.escape(text)}(?!\w)") for name, text in asked.items() if name not in PLACE
    ]
    return [row for row in rows if all(word.search(row["record"]) for word in whole)][:limit]


def _facts(warehouse: Warehouse, table: Table, members: list[Member]) -> None:
    """Add the fact of each key, the versions that it joined, and the periods of sales that it is in."""
    fact, _ = FACTS[table.name]
    rows = rows_by(warehouse, fact, table.key[0], {member.key[table.key[0]] for member in members})
    known = {tuple(row[name] for name in table.key): row for row in rows}
    for member in members:
        member.fact = known.get(tuple(member.key.values()))
    for name, dimension in DIMENSIONS.items():
        key = f"{name}_key"
        wanted = {member.fact.get(key) for member in members if member.fact} - {None}
        versions = {row[key]: row for row in rows_by(warehouse, dimension, key, wanted)}
        for member in members:
            if member.fact and (version := versions.get(member.fact.get(key))):
                member.versions.append({"dimension": dimension, **version})
    with_fact = [member for member in members if member.fact]
    facts = [member.fact or {} for member in with_fact]
    if table.name == "transactions":
        _periods(warehouse, with_fact)
    elif table.name == "events":
        for member, figures in zip(with_fact, figures_of_events(warehouse, facts), strict=True):
            member.periods += figures
    elif table.name == "measurements":
        for member, figures in zip(with_fact, figures_of_readings(warehouse, facts), strict=True):
            member.periods += figures


def _periods(warehouse: Warehouse, members: list[Member]) -> None:
    for period, mart in PERIODS.items():
        starts = {id(member): _start(period, member) for member in members}
        rows = rows_by(warehouse, f"marts.{mart}", _STARTS[period], set(starts.values()))
        for member in members:
            member.periods += [
                {"period": period, **row}
                for row in rows
                if (row[_STARTS[period]], row["department"]) == (starts[id(member)], _department(member))
            ]


def _start(period: str, member: Member) -> date:
    sold: date = (member.fact or {})["sale_date"]
    if period == "month":
        return sold.replace(day=1)
    return date.fromordinal(sold.toordinal() - sold.weekday()) if period == "week" else sold


def _department(member: Member) -> str:
    product = (row for row in member.versions if row["dimension"] == DIMENSIONS["product"])
    return next((row["department"] for row in product if row["department"]), "Unassigned")


def _own_versions(warehouse: Warehouse, name: str, members: list[Member]) -> None:
    key = f"{name}_id"
    rows = rows_by(warehouse, DIMENSIONS[name], key, {member.key[key] for member in members})
    for member in members:
        versions = (row for row in rows if row[key] == member.key[key])
        member.versions = [
            {"dimension": DIMENSIONS[name], **row}
            for row in sorted(versions, key=lambda row: row["valid_from"])
        ]


def _alerts(warehouse: Warehouse, members: Iterable[Member]) -> None:
    """Add the alerts about the day and department that a sale is in, or about its currency where it has no rate."""
    sold = [member for member in members if member.fact and member.dataset == "transactions"]
    alerts = (
        warehouse.rows(
            "SELECT alert_id, raised_at, kind, severity, subject, message, is_open FROM ops.alerts "
            "WHERE kind IN ('no_rate', 'sales_anomaly') ORDER BY raised_at"
        )
        if sold
        else []
    )
    for member in sold:
        fact = member.fact or {}
        subjects = {("sales_anomaly", f"{_department(member)} on {_start('day', member)}")}
        if fact["conversion_status"] == "no_rate":
            subjects.add(("no_rate", fact["currency"]))
        member.alerts = [row for row in alerts if (row["kind"], row["subject"]) in subjects]
