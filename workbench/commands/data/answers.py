"""Printing an answer piece by piece, as it comes: as a table, CSV or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from workbench.terminal import ReaderGone, is_read, printable

if TYPE_CHECKING:
    import pyarrow

    from workbench.commands.tables import LongTable
    from workbench.warehouse.texts import Texts

Format: TypeAlias = Literal["table", "csv", "json"]

_LONGEST_CELL = 2000
"""Characters of a cell that a table shows; CSV and JSON have all."""
_MEASURED = 10_000
"""Rows of which a table's columns are as wide as they need, before it grows wider if later ones need more."""
_MOST = 2**23
"""Bytes of rows that wait to be measured."""


class Answer:
    """Prints the pieces of one answer.

    Args:
        output: how.
        texts: what writes their values.
    """

    def __init__(self, output: Format, texts: Texts) -> None:
        self._output, self._texts = output, texts
        self._rows = 0
        self._is_begun = False
        self._waiting: list[pyarrow.Table] = []
        self._table: LongTable | None = None

    def take(self, piece: pyarrow.Table) -> None:
        """Print a piece, or let it wait for others of a table.

        Raises:
            ReaderGone: nobody reads it.
        """
        if self._output == "table":
            self._waiting.append(piece)
            rows = sum(each.num_rows for each in self._waiting)
            if rows >= _MEASURED or sum(each.nbytes for each in self._waiting) >= _MOST:
                self._lay_out()
        elif self._output == "csv":
            self._csv(piece)
        else:
            self._json(piece)
        self._rows += piece.num_rows
        self._is_begun = True
        sys.stdout.flush()
        if not is_read():
            raise ReaderGone

    def end(self, note: str) -> None:
        """Print what is to come below the last row.

        Args:
            note: is told of a table beside the number of its rows.
        """
        if self._output == "json":
            # Not by typer, here and below, which takes escape sequences out of what goes to a file.
            sys.stdout.write("\n]\n" if self._rows else "[]\n")
        elif self._output == "table":
            if self._waiting:
                self._lay_out()
            typer.echo(f"{self._rows:,} row{'' if self._rows == 1 else 's'}{note}", err=True)

    def _csv(self, piece: pyarrow.Table) -> None:
        from workbench.warehouse.texts import csv_heading

        text = "" if self._is_begun else csv_heading(piece.column_names)
        text += self._texts.csv(piece) if piece.num_rows else ""
        sys.stdout.write(printable(text, keep="\n\t") if sys.stdout.isatty() else text)

    def _json(self, piece: pyarrow.Table) -> None:
        if not piece.num_rows:
            return
        text = self._texts.json(piece)
        sys.stdout.write(text if self._rows else "[" + text[1:])

    def _lay_out(self) -> None:
        from workbench.commands.tables import LongTable

        if self._table is None:
            self._table = LongTable(self._waiting[0].column_names)
        rows = [
            ["" if value is None else printable(value, longest=_LONGEST_CELL) for value in row]
            for piece in self._waiting
            for row in self._texts.rows(piece)
        ]
        self._waiting.clear()
        self._table.add(rows)
