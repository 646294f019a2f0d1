"""How the columns of a dataset's files came to differ from what is declared: ``ops.schema_drift``, one row a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.ledger import Batch
from workbench.schema import cut
from workbench.terminal import printable
from workbench.warehouse import Session, Warehouse

Change = Literal["added", "missing", "changed", "stopped"]
_LONGEST_NAME = 256
_MOST_ALERTS = 5


@dataclass(frozen=True)
class Drift:
    """A column that differs, since which batch.

    ``added`` is kept beside ours, ``missing`` and ``changed`` refuse files, and ``stopped`` is an optional one that files had and have no more.
    """

    dataset: str
    column_name: str
    change: Change
    batch_id: str
    message: str
    noted_at: datetime


def note_drift(session: Session, batch: Batch, file: str, columns: Mapping[str, Change]) -> None:
    """Note columns of a batch that differ, each once, and raise an alert for each that is new: of many, one for all.

    Args:
        session: in the transaction of the batch.
        batch: its entry.
        file: the name of its file.
        columns: what became of each that differs, by its name, whose unprintable letters are kept as they are shown.
    """
    columns = {printable(name): change for name, change in columns.items()}
    if not columns:
        return
    known = session.execute(
        "SELECT column_name, change FROM ops.schema_drift WHERE dataset = ?", [batch.dataset]
    ).fetchall()
    fresh = {
        name: change
        for name, change in columns.items()
        if (cut(name, _LONGEST_NAME), change) not in map(tuple, known)
    }
    for name, change in fresh.items():
        message = _words(change).format(name=name, dataset=batch.dataset, file=file)
        session.execute(
            "INSERT INTO ops.schema_drift (dataset, column_name, change, batch_id, message, noted_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                batch.dataset, cut(name, _LONGEST_NAME), change, batch.batch_id, cut(message, 2048), batch.ingested_at,
            ],
        )  # fmt: skip
    alerts.put(session, _alerts(batch, file, fresh), batch.run_id)


def _alerts(batch: Batch, file: str, fresh: Mapping[str, Change]) -> list[Alert]:
    """Return an alert a column; of more columns with the same change than are read by anybody, one that counts them."""
    found = []
    for change in dict.fromkeys(fresh.values()):
        names = [name for name, its in fresh.items() if its == change]
        if len(names) > _MOST_ALERTS:
            told = ", ".join(names[:_MOST_ALERTS])
            message = f"{len(names)} columns of {file} are new to {batch.dataset} in this way ({change}): {told} and more"
            subject, finding = (
                f"{batch.dataset}, {len(names)} columns",
                (batch.dataset, batch.batch_id, change),
            )
            found.append(Alert("schema_drift", "warning", subject, message, finding=finding))
            continue
        found += [
            Alert(
                "schema_drift", "warning", f"{batch.dataset}.{name}",
                _words(change).format(name=name, dataset=batch.dataset, file=file),
                finding=(batch.dataset, name, change),
            )
            for name in names
        ]  # fmt: skip
    return found


def _words(change: Change) -> str:
    return {
        "added": "files of {dataset} have a column {name!r} that isn't declared, since {file}: it is kept in _extra",
        "missing": "{file} lacks the column {name!r} that {dataset} requires, and was refused",
        "changed": "no value of {name!r} in {file} is one of {dataset}: the column has changed",
        "stopped": "{file} lacks the column {name!r} of {dataset}, which the files of its kind before it had: its values are missing",
    }[change]


def history(warehouse: Warehouse, dataset: str = "") -> list[Drift]:
    """Return the changes that were noted, the newest first; with ``dataset``, of this one alone."""
    only, values = ("WHERE dataset = ?", [dataset]) if dataset else ("", [])
    rows = warehouse.rows(
        "SELECT dataset, column_name, change, batch_id, message, noted_at FROM ops.schema_drift "
        f"{only} ORDER BY noted_at DESC, column_name",
        values,
    )
    return [Drift(**row) for row in rows]
