"""Which tables a notebook reads and writes, cell by cell, from what its processes note in their access log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.execution.notebook.notebook import INJECTED, Access
from workbench.execution.parameters.declarations import has_tag
from workbench.warehouse.access import read_log
from workbench.warehouse.statements import Statements, full_names


class AccessLog:
    """The access log of one execution of a notebook.

    Args:
        path: the file that the notebook's processes write to.
        statements: what is known of statements.
    """

    def __init__(self, path: Path, statements: Statements) -> None:
        self.path, self._statements = path, statements
        self._read = 0
        self._events: list[tuple[int, dict[str, Any]]] = []
        path.unlink(missing_ok=True)

    def end_cell(self, index: int) -> None:
        """Take what has been noted so far and not yet taken for a cell's, by its place in the executed notebook."""
        events, self._read = read_log(self.path, self._read)
        self._events += [(index, event) for event in events]

    def close(self, cells: Sequence[Any]) -> Access:
        """Return what the notebook touched, and delete the log.

        Args:
            cells: those of the executed notebook.
        """
        self.end_cell(max((index for index, _ in self._events), default=len(cells) - 1))
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        added = [place for place, cell in enumerate(cells) if has_tag(cell, INJECTED)]
        made = {name for _, event in self._events for name in event.get("made", ())}
        reads: dict[str, list[int]] = {}
        writes: dict[str, list[int]] = {}
        unknown: list[int] = []
        unchanged: set[str] = set()
        changed: set[str] = set()
        for index, event in self._events:
            cell = index - sum(place < index for place in added)
            touched = {"reads": event.get("reads", ()), "writes": event.get("writes", ())}
            if sql := event.get("sql"):
                tables = self._statements.tables(sql, event["dialect"])
                made |= tables.made
                touched = {
                    "reads": full_names(tables.reads, made),
                    "writes": full_names(tables.writes, made),
                }
                if not tables.understood and cell not in unknown:
                    unknown.append(cell)
            unchanged.update(event.get("unchanged", ()))
            changed.update(name for name in touched["writes"] if name not in event.get("unchanged", ()))
            for kept, names in ((reads, touched["reads"]), (writes, touched["writes"])):
                for name in names:
                    if cell not in kept.setdefault(name, []):
                        kept[name].append(cell)
        return Access(
            dict(sorted(reads.items())), dict(sorted(writes.items())), unknown, sorted(unchanged - changed)
        )
