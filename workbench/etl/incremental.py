"""What the stages' own Python works out, written by difference: the dimension is told which members have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from workbench.governance.withdrawal import LAST_MOVE
from workbench.schema import quote, table
from workbench.settings import get_settings
from workbench.warehouse import Session, Warehouse
from workbench.warehouse.access import infrastructure, note_tables

_START = datetime(1, 1, 1)
_LEFT_ROWS = "it left rows"


class Doable(Protocol):
    """A step that can be noted as done."""

    name: str

    def done(self, session: Session, inputs: str = "") -> None:
        """Remember, in a transaction, how far it has got."""


class Step:
    """A step of a stage that needs to be done only where something that it works from is new.

    Args:
        warehouse: where it reads and writes.
        name: of the step; its watermark is kept under it.
        datasets: raw tables that it reads.
        modules: those whose code says what comes out.
        fills: table that it fills; one that somebody has emptied is filled again.
        after: the step whose result it works from, if it reads raw tables by that alone: it is new where that is.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        name: str,
        datasets: Sequence[str],
        modules: Iterable[ModuleType],
        *,
        fills: str,
        after: str = "",
    ) -> None:
        self._warehouse, self.name, self._datasets = warehouse, name, datasets
        newest = " UNION ALL ".join(f"SELECT max(_ingested_at) AS t FROM raw.{name}" for name in datasets)
        if after:
            newest = "SELECT max(seen_until) AS t FROM ops.watermarks WHERE model = ?"
        mark = "(SELECT max({}) FROM ops.watermarks WHERE model = ?)".format
        with infrastructure():
            (found,) = warehouse.query(
                f"SELECT (SELECT max(t) FROM ({newest}) AS landed) AS newest, {mark('seen_until')} AS seen, "
                f"{mark('fingerprint')} AS fingerprint, {mark('fingerprint')} AS before, ({LAST_MOVE}) AS moved, "
                f"(SELECT count(*) FROM {fills}) AS filled",
                [*([after] if after else []), name, name, after],
            ).to_pylist()
        # What a batch that was withdrawn or restored leaves behind has no time of ingestion, so that is part of the mark.
        content = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
        self._code = sha256(content + f"{found['moved']} {found['before']}".encode()).hexdigest()
        self._newest: datetime = found["newest"] or _START
        same_code = str(found["fingerprint"] or "")[:32] == self._code[:32] and bool(found["filled"])
        self.is_needed = get_settings().full or not same_code or self._newest != found["seen"]
        """False where everything it works from was worked in before."""
        self._was = str(found["fingerprint"] or "")[32:] if same_code and not get_settings().full else ""

    def skipped(self, name: str) -> None:
        """Note that a table was looked at and found to be up to date, for whoever keeps an account of what is touched."""
        note_tables(reads=[f"raw.{dataset}" for dataset in self._datasets], writes=[name])

    def is_known(self, inputs: str) -> bool:
        """Return whether a hash of what it works from is that of the last time."""
        return self._was == inputs[:32]

    @infrastructure()
    def done(self, session: Session, inputs: str = "") -> None:
        """Remember, in a transaction, how far it has got, and a hash of what it worked from."""
        set_watermark(session, self.name, self._newest, self._code[:32] + inputs[:32])


class MemberStep:
    """A step that works out the members of a dataset that something has happened to, and all where its code has changed.

    Something happens to members of whom rows land, or whose rows are withdrawn or restored.

    Args:
        warehouse: where it reads and writes.
        name: of the step; its watermark is kept under it, and under ``<name> moves`` up to which move of a batch it has got,
            and whether it left any rows.
        dataset: whose members they are.
        member: the column that names them.
        modules: those whose code says what comes out.
        fills: table that it fills; one that somebody has emptied is filled again.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        name: str,
        dataset: str,
        member: str,
        modules: Iterable[ModuleType],
        *,
        fills: str,
    ) -> None:
        self.name, self._dataset, self._member, self._fills = name, dataset, quote(member), fills
        self._code = hash_of(modules)
        mark = "(SELECT max({}) FROM ops.watermarks WHERE model = ?)".format
        with infrastructure():
            (found,) = warehouse.query(
                f"SELECT (SELECT max(_ingested_at) FROM raw.{dataset}) AS newest, ({LAST_MOVE}) AS moved, "
                f"{mark('seen_until')} AS seen, {mark('fingerprint')} AS fingerprint, {mark('seen_until')} AS moved_before, "
                f"{mark('fingerprint')} AS left_rows, (SELECT count(*) FROM {fills}) AS filled",
                [name, name, f"{name} moves", f"{name} moves"],
            ).to_pylist()
        self._seen: datetime = found["seen"] or _START
        self._moved_before: datetime = found["moved_before"] or _START
        self._newest = max(found["newest"] or _START, self._seen)
        self._moved = found["moved"] or _START
        # Where all batches are withdrawn it is empty as it should be.
        is_lost = found["left_rows"] == _LEFT_ROWS and not found["filled"]
        self.is_whole = get_settings().full or is_lost or str(found["fingerprint"] or "") != self._code
        """True where all members are to be worked out."""
        self.is_needed = self.is_whole or self._newest > self._seen or self._moved != self._moved_before
        """False where nothing has happened."""

    def landed(self) -> tuple[str, list[Any]]:
        """Return the query for the members of whom rows have landed, and its parameters."""
        return f"SELECT {self._member} FROM raw.{self._dataset} WHERE _ingested_at > ?", [self._seen]

    def moved(self) -> tuple[str, list[Any]]:
        """Return the query for the members of whose rows some were withdrawn or restored, and its parameters."""
        moves = "SELECT object FROM ops.audit_log WHERE action IN ('withdraw batch', 'restore batch') AND happened_at > ?"
        both = " UNION ALL ".join(
            f"SELECT {self._member} FROM {schema}.{self._dataset} WHERE _batch_id IN ({moves})"
            for schema in ("raw", "withdrawn")
        )
        return both, [self._moved_before] * 2

    def touched(self) -> tuple[str, list[Any]]:
        """Return the query for the members that something has happened to, and its parameters."""
        if self._moved == self._moved_before:
            return self.landed()
        (landed, since), (moved, before) = self.landed(), self.moved()
        return f"{landed} UNION ALL {moved}", [*since, *before]

    @infrastructure()
    def done(self, session: Session, inputs: str = "") -> None:
        """Remember, in a transaction, how far it has got."""
        filled = session.execute(f"SELECT 1 FROM {self._fills} LIMIT 1").fetchall()
        set_watermark(session, self.name, self._newest, self._code + inputs)
        set_watermark(session, f"{self.name} moves", self._moved, _LEFT_ROWS if filled else "")


def set_watermark(session: Session, name: str, until: datetime | None, fingerprint: str) -> None:
    """Remember how far a step has got, and a hash of what it is worked out by."""
    session.execute("DELETE FROM ops.watermarks WHERE model = ?", [name])
    session.execute(
        "INSERT INTO ops.watermarks (model, seen_until, fingerprint, built_at) VALUES (?, ?, ?, ?)",
        [name, until, fingerprint, datetime.now(UTC).replace(tzinfo=None)],
    )


def hash_of(modules: Iterable[ModuleType]) -> str:
    """Return a hash of the code of modules, 32 letters."""
    return sha256(b"".join(Path(str(module.__file__)).read_bytes() for module in modules)).hexdigest()[:32]


@infrastructure()
def replace_changed(
    warehouse: Warehouse,
    name: str,
    rows: pa.Table,
    *,
    member: str,
    model: str,
    kind: str,
    step: Doable,
    inputs: str = "",
    only: tuple[str, Sequence[Any]] | None = None,
    replaced: Mapping[str, pa.Table] | None = None,
    added: Mapping[str, pa.Table] | None = None,
    also: Callable[[Session, str], None] | None = None,
) -> int:
    """Make a declared table hold these rows: only members of which a row differs are written.

    Args:
        warehouse: where.
        name: of the table.
        rows: all it is to have, with its columns.
        member: the column that says whose rows they are.
        model: is told which members have changed.
        kind: what it calls them.
        step: is done with that, in the same transaction.
        inputs: a hash of what they were worked out from.
        only: a query for the members that the rows are all of, and its parameters; others keep what they have.
        replaced: small tables that are replaced whole, in the same transaction, each by its rows.
        added: tables that get rows more, in the same transaction.
        also: is done in the same transaction; gets its session, and the kind under which the members that differ are in
            ``staging.touched`` meanwhile.

    Returns:
        How many members differ.
    """
    target = table(name)
    columns = ", ".join(map(quote, target.column_names))
    within, values = only or ("", ())
    before = warehouse.query(
        f"SELECT {columns} FROM {name}{f' WHERE {quote(member)} IN ({within})' if within else ''}", values
    )
    with duckdb.connect() as local:
        local.register("was", before)
        local.register("given", rows.select(list(target.column_names)))
        local.execute("CREATE TABLE now AS FROM was LIMIT 0")
        local.execute(f"INSERT INTO now SELECT {columns} FROM given")
        differing = (
            f"SELECT DISTINCT {quote(member)} AS member FROM ("
            "(SELECT * FROM was EXCEPT SELECT * FROM now) UNION ALL (SELECT * FROM now EXCEPT SELECT * FROM was))"
        )
        local.execute(f"CREATE TABLE changed AS {differing}")
        changed = local.sql(
            "SELECT ? AS model, ? AS kind, member FROM changed", params=[model, f"{kind} of {step.name}"]
        ).to_arrow_table()
        fresh = local.sql(
            f"SELECT now.* FROM now SEMI JOIN changed ON changed.member = now.{quote(member)}"
        ).to_arrow_table()
    with ExitStack() as prepared:
        told = prepared.enter_context(warehouse.prepare("staging.touched", changed))
        written = prepared.enter_context(warehouse.prepare(name, fresh))
        more = {**(replaced or {}), **{each: found for each, found in (added or {}).items() if len(found)}}
        beside = {
            each: prepared.enter_context(warehouse.prepare(each, found)) for each, found in more.items()
        }

        def work(session: Any) -> None:
            if len(changed):
                told.load(session)
                session.execute(
                    f"DELETE FROM {name} WHERE {quote(member)} IN "
                    "(SELECT member FROM staging.touched WHERE model = ? AND kind = ?)",
                    [model, f"{kind} of {step.name}"],
                )
                written.load(session)
            if also:
                also(session, f"{kind} of {step.name}")
            if len(changed):
                session.execute(
                    "UPDATE staging.touched SET kind = ? WHERE model = ? AND kind = ?",
                    [kind, model, f"{kind} of {step.name}"],
                )
            for each, staged in beside.items():
                if each in (replaced or {}):
                    session.execute(f"DELETE FROM {each}")
                staged.load(session)
            step.done(session, inputs)

        warehouse.run(work, repeatable=True)
    return len(changed)
