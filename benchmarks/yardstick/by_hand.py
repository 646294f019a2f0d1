"""The yardstick in one process: `python by_hand.py LANDING DATABASE`; prints its seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path

import duckdb

_SCRIPT = Path(__file__).with_name("etl.sql")
_PEOPLE = "-- people -"


def main(landing: str, database: str) -> None:
    """Fill a new database from landed files; the engine has two gigabytes, as `workbench run` gives it."""
    raw, rest = _SCRIPT.read_text().split(_PEOPLE)
    clock = Clock()
    with duckdb.connect(database, config={"memory_limit": "2GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE landing = ?", [landing])
        connection.execute("SET VARIABLE currency = 'USD'")
        # Nothing depends on the order of rows but which of two equal ones stays.
        for statement in duckdb.extract_statements(raw):
            connection.execute(statement)
        clock.part("raw")
        people(connection)
        clock.part("people")
        for statement in duckdb.extract_statements("-- " + rest):
            name = statement.query.strip().rpartition("\n\n")[2].split("(")[0].split(" AS")[0]
            connection.execute(statement)
            clock.part(
                "facts" if "fact_transactions" in name else "marts" if "marts" in name else "dimensions"
            )
    clock.part("marts")
    print(json.dumps(clock.parts))


class Clock:
    """Processor seconds by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._last = 0.0

    def part(self, name: str) -> None:
        """Put what has passed since the last call down to a part."""
        now = time.process_time()
        self.parts[name] = round(self.parts.get(name, 0.0) + now - self._last, 3)
        self._last = now


def people(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `standard` and `identity` with the same libraries as the product: SQL doesn't link people."""
    from workbench.etl.linkage.keys import match_keys, table_of
    from workbench.etl.linkage.link import identities, link
    from workbench.etl.members.standardize import CONTACT, IDENTIFYING, standardize

    columns = [*CONTACT, *IDENTIFYING]
    log = connection.execute(
        f"SELECT customer_id, updated_at, {', '.join(CONTACT)}, {', '.join(f'NULL AS {name}' for name in IDENTIFYING)} "
        "FROM raw.customers WHERE NOT coalesce(is_deleted, false) "
        "QUALIFY row_number() OVER (PARTITION BY customer_id, updated_at ORDER BY rowid DESC) = 1 ORDER BY ALL"
    ).df()
    standard = standardize(log.astype(dict.fromkeys(columns, object)))
    linked = link(table_of(match_keys(standard)))
    identity = identities(dict.fromkeys(standard["customer_id"], datetime.min), linked.links, linked.people)
    for name, rows in (("standard", standard), ("identity", identity)):
        connection.register("rows", rows)
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM rows")


if __name__ == "__main__":
    main(*sys.argv[1:3])
