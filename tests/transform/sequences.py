"""A database to which random deliveries come, and whose parts are built in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import duckdb

from tests.transform.deliveries import FIRST
from tests.transform.landing import entry, rows
from workbench.governance.accounts import BUILDS, lines_of
from workbench.governance.withdrawal import put_back, take_out
from workbench.schema import TABLES, create_schemas, create_table, table
from workbench.transform import MODELS, TAGS
from workbench.transform.build import of_parts
from workbench.transform.days import Days
from workbench.transform.executor import Build
from workbench.transform.nodes import Node


class Database:
    """A database in memory with the declared tables, and the project's statements."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.connection: Any = duckdb.connect()
        self.connection.execute(
            "ATTACH ':memory:' AS warehouse; USE warehouse; SET threads = 1; SET TimeZone = 'UTC'"
        )
        for statement in create_schemas():
            self.connection.execute(statement)
        for each in TABLES.values():
            if not each.view:
                self.connection.execute(create_table(each)[0])
        self.nodes = nodes
        self.batch = 0
        for dataset, values in FIRST.items():
            self.land(dataset, values)
        self.build()
        self._tables = [each.full_name for each in TABLES.values() if not each.view]
        self.connection.execute("CREATE SCHEMA first")
        for name in self._tables:
            self.connection.execute(f"CREATE TABLE first.{name.replace('.', '_')} AS FROM {name}")

    def start_again(self) -> None:
        """Go back to what the first deliveries were built to."""
        for name in self._tables:
            self.connection.execute(f"DELETE FROM {name}")
            self.connection.execute(f"INSERT INTO {name} FROM first.{name.replace('.', '_')}")
        self.batch = len(FIRST)

    def build(
        self,
        tags: Sequence[str] = (),
        *,
        full: bool = False,
        stop: int | None = None,
        days: Days | None = None,
    ) -> None:
        """Build parts of the project; with ``stop``, break off at a statement that writes, as a kill does."""
        session = Stopped(self.connection, stop) if stop else self.connection
        self.connection.begin()
        try:
            wanted = of_parts(self.nodes, tags or TAGS)
            results = Build(session, self.nodes, "run", analyze=False).execute(wanted, full=full, days=days)
        except Killed:
            self.connection.rollback()
            return
        except BaseException:
            # Else the next sequence would fail for it, and nobody would see why.
            self.connection.rollback()
            raise
        self.connection.commit()
        assert [(result.name, result.failures) for result in results if result.status != "pass"] == []

    def account(self) -> None:
        """Hold what is there to what landed: after each step, built or not, no line is lost and none is there twice."""
        found = lines_of(self.connection)
        assert len(found) >= len(FIRST) and [each for each in found if each.lost] == []
        assert self.connection.execute(BUILDS).fetchall() == []

    def land(self, dataset: str, values: list[dict[str, Any]]) -> None:
        """Take in a batch."""
        self.batch += 1
        names = ", ".join(f'"{name}"' for name in table(f"raw.{dataset}").column_names)
        landed = rows(dataset, self.batch, values)
        self.connection.execute(f"INSERT INTO raw.{dataset} ({names}) SELECT {names} FROM landed")
        self._write(*entry(landed, dataset))

    def stage(self, kind: str, values: dict[str, str]) -> None:
        """Write what a stage's Python writes, and tell the dimension of it."""
        name, key, model, dataset = {
            "people": ("staging.customer_identity", "customer_id", "dim_customer", "customers"),
            "departments": ("staging.product_category", "product_id", "dim_product", "products"),
        }[kind]
        for member, value in values.items():
            self._write(f"DELETE FROM {name} WHERE {key} = ?", [member])
            given = (
                (member, value, 1, None)
                if kind == "people"
                else (member, value, "Goods", None, "predicted", 0.9, None, None)
            )
            marks = ", ".join("?" for _ in given)
            self._write(f"INSERT INTO {name} VALUES ({marks})", list(given))
            self._write("INSERT INTO staging.touched VALUES (?, ?, ?)", [model, dataset, member])

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        self.connection.execute(sql, values)

    def move(self, place: int) -> None:
        """Withdraw a batch, or put it back if it is withdrawn."""
        found = self.connection.execute(
            "SELECT batch_id, withdrawn_at IS NOT NULL FROM ops.batches ORDER BY ingested_at"
        ).fetchall()
        batch, is_withdrawn = found[place % len(found)]
        (put_back if is_withdrawn else take_out)(self.connection, batch, "a reason", "somebody")

    def content(self) -> dict[str, list[Any]]:
        """Return all rows of the tables that are built."""
        return {
            each.full_name: self.connection.execute(f"SELECT * FROM {each.full_name} ORDER BY ALL").fetchall()
            for each in MODELS.values()
        }


class Killed(Exception):
    """A build was broken off."""


class Stopped:
    """A session that breaks off before one of its statements."""

    def __init__(self, connection: Any, statement: int) -> None:
        self._connection, self._left = connection, statement * 12

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        self._left -= 1
        if not self._left:
            raise Killed
        return self._connection.execute(sql, parameters)


def differences(
    brought: dict[str, list[Any]], whole: dict[str, list[Any]]
) -> dict[str, list[tuple[str, Any]]]:
    """Return, for each table that differs, the rows that one side has more often than the other."""
    return {
        name: [
            ("brought", row)
            for row in (Counter(map(repr, brought[name])) - Counter(map(repr, rows))).elements()
        ]
        + [
            ("whole", row)
            for row in (Counter(map(repr, rows)) - Counter(map(repr, brought[name]))).elements()
        ]
        for name, rows in whole.items()
        if brought[name] != rows
    }


def apply(database: Database, what: str, value: Any) -> None:
    """Do one step of a sequence."""
    if what == "build":
        database.build(value)
    elif what == "break off":
        database.build(stop=value)
    elif what == "move":
        database.move(value)
    elif what == "days":
        first, last = value
        for tag in ("transactions", "events", "measurements", "marts"):
            database.build([tag], days=Days(first.date(), last.date()))
    elif what in ("people", "departments"):
        database.stage(what, value)
    else:
        database.land(what, value)
