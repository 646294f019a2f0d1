"""How far each model has got: read once at the beginning of a build, written once at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.governance.ledger import after
from workbench.schema import DATASETS
from workbench.transform.results import MODELS, Changes
from workbench.warehouse import Session

START = datetime(1, 1, 1)
_ACCOUNT = (
    "run_id", "model", "table_name", "reason", "rows_offered", "rows_inserted", "rows_updated", "rows_unchanged",
    "rows_removed", "rows_now", "built_at",
)  # fmt: skip
_LEFT = """
    SELECT model, rows_now
    FROM (SELECT model, rows_now, row_number() OVER (PARTITION BY model ORDER BY built_at DESC) AS age FROM ops.builds) AS builds
    WHERE age = 1
"""
_MARK = ("model", "seen_until", "fingerprint", "built_at")


class Marks:
    """What builds before this one left, and what this one leaves.

    ``seen`` is up to which time of ingestion a model has taken raw rows in, missing if it was never built; ``horizon``
    the newest such time of all that landed; ``rows`` how many each table had at the beginning, and ``left`` how many a model's
    last build left there.
    """

    def __init__(self, session: Session, run_id: str) -> None:
        self._session, self._run_id = session, run_id
        found = session.execute("SELECT model, seen_until, fingerprint FROM ops.watermarks").fetchall()
        self.seen: dict[str, datetime] = {model: seen for model, seen, _ in found}
        self._fingerprints: dict[str, str] = {model: mark for model, _, mark in found}
        landed = _of_each("max(_ingested_at)", [table.full_name for table in DATASETS.values()])
        self._newest: dict[str, datetime] = {
            name: newest or START for name, newest in session.execute(landed).fetchall()
        }
        self.horizon = max(self._newest.values())
        counted = _of_each("count(*)", [table.full_name for table in MODELS.values()])
        self.rows = {name: int(rows) for name, rows in session.execute(counted).fetchall()}
        self.left = {model: int(rows) for model, rows in session.execute(_LEFT).fetchall()}
        self._told = {
            model for (model,) in session.execute("SELECT DISTINCT model FROM staging.touched").fetchall()
        }
        self._perhaps_told: set[str] = set()
        ((last,),) = session.execute("SELECT max(built_at) FROM ops.builds").fetchall()
        # Builds take turns; their times tell in which order, whatever the clocks of their machines do.
        self._now = after(last)
        self._marks: dict[str, tuple[Any, ...]] = {}
        self._accounts: list[tuple[Any, ...]] = []

    def is_as_before(self, model: str, fingerprint: str) -> bool:
        """Return whether a model was worked out by the same statements last time."""
        return self._fingerprints.get(model) == fingerprint

    def has_news(self, model: str, tables: Iterable[str]) -> bool:
        """Return whether any of these tables has raw rows that a model hasn't taken in."""
        return any(self._newest.get(name, START) > self.seen.get(model, START) for name in tables)

    def tell(self, models: Iterable[str]) -> None:
        """Note that models may have been told of something in this build: nothing, where no member was found."""
        self._perhaps_told.update(models)

    def is_told(self, model: str) -> bool:
        """Return whether a model has something to work out anew because a table that it reads has changed."""
        if model in self._perhaps_told - self._told:
            told = "SELECT 1 FROM staging.touched WHERE model = ? LIMIT 1"
            if self._session.execute(told, [model]).fetchall():
                self._told.add(model)
        return model in self._told

    def done(self, model: str, until: datetime, fingerprint: str) -> None:
        """Remember how far a model has got, and by which statements."""
        if (self.seen.get(model), self._fingerprints.get(model)) != (until, fingerprint):
            self._marks[model] = (model, until, fingerprint, datetime.now(UTC).replace(tzinfo=None))
        self.seen[model], self._fingerprints[model] = until, fingerprint

    def account(self, model: str, changes: Changes, reason: str | None) -> None:
        """Keep the account of what a build did to a model's table; nothing, where it offered and removed nothing."""
        if changes.offered or changes.removed:
            self._accounts.append((
                self._run_id, model, MODELS[model].full_name, reason, changes.offered, changes.inserted, changes.updated,
                changes.unchanged, changes.removed, changes.now, self._now,
            ))  # fmt: skip

    def write(self) -> None:
        """Write what was remembered."""
        if self._marks:
            models = ", ".join("?" for _ in self._marks)
            self._session.execute(f"DELETE FROM ops.watermarks WHERE model IN ({models})", list(self._marks))
        self._insert("ops.watermarks", _MARK, list(self._marks.values()))
        self._insert("ops.builds", _ACCOUNT, self._accounts)

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            places = f"({', '.join('?' for _ in columns)})"
            self._session.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([places] * len(rows))}",
                [value for row in rows for value in row],
            )


def _of_each(value: str, tables: Sequence[str]) -> str:
    """Return the query of one value of each table, in one statement."""
    return " UNION ALL ".join(
        f"SELECT '{name}' AS table_name, {value} AS found FROM {name}" for name in tables
    )
