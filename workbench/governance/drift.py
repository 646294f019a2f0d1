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
from workbench.warehouse import Session, Warehouse

Change = Literal["added", "missing", "changed"]
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Drift:
    """A column that differs, since which batch; ``added`` is kept beside ours, ``missing`` and ``changed`` refuse files."""

    dataset: str
    column_name: str
    change: Change
    batch_id: str
    message: str
    noted_at: datetime


def note_drift(session: Session, batch: Batch, file: str, columns: Mapping[str, Change]) -> None:
    """Note columns of a batch that differ, each once, and raise an alert for each that is new.

    Args:
        session: in the transaction of the batch.
        batch: its entry.
        file: the name of its file.
        columns: what became of each that differs, by its name.
    """
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
    raised = []
    for name, change in fresh.items():
        message = _words(change).format(name=name, dataset=batch.dataset, file=file)
        session.execute(
            "INSERT INTO ops.schema_drift (dataset, column_name, change, batch_id, message, noted_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                batch.dataset, cut(name, _LONGEST_NAME), change, batch.batch_id, cut(message, 2048), batch.ingested_at,
            ],
        )  # fmt: skip
        raised.append(
            Alert(
                "schema_drift",
                "warning",
                f"{batch.dataset}.{name}",
                message,
                finding=(batch.dataset, name, change),
            )
        )
    alerts.put(session, raised, batch.run_id)


def _words(change: Change) -> str:
    return {
        "added": "files of {dataset} have a column {name!r} that isn't declared, since {file}: it is kept in _extra",
        "missing": "{file} lacks the column {name!r} that {dataset} requires, and was refused",
        "changed": "no value of {name!r} in {file} is one of {dataset}: the column has changed",
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
