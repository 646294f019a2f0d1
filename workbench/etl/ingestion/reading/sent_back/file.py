"""The file in which rows come back from quarantine into landing: a line of JSON each, read by the form it came in.

The first line says who sends them back and why. A row has its text as it came, or the cells that somebody mended.
Where a map looks at other rows of the file, those are there, too, as *context*, and each row that comes back also as
it was *before*: neither is a row that lands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.etl.ingestion.reading.rows import UnreadableFile

_BEGINNING = '{"workbench_replay": 1,'

Kind = Literal["row", "context", "before"]


@dataclass(frozen=True)
class Head:
    """Who sends rows back, and why."""

    by: str
    why: str


@dataclass(frozen=True)
class Item:
    """One line of the file.

    Attributes:
        batch_id: batch in which the row was refused.
        row_number: its position there.
        first_batch_id: batch in which it was refused first.
        first_row_number: its position there.
        form: how ``record`` is read: ``form`` is csv, json or parquet; of CSV ``delimiter`` and ``columns`` are told.
        record: the row as it came, or as it was mended.
        cells: mended values by the names of their columns; of CSV all of them, else those that differ.
        lost: why the text isn't what came, though nobody mended it: the code of the reason.
        kind: what the line is.
    """

    batch_id: str
    row_number: int
    first_batch_id: str
    first_row_number: int
    form: dict[str, Any]
    record: str
    cells: dict[str, str] | None = None
    lost: str | None = None
    kind: Kind = "row"


def write_items(path: Path, head: Head, items: Iterable[Item]) -> int:
    """Write a file; return how many rows of it land. The same rows, sent back by the same, are the same bytes."""
    rows = 0
    with path.open("w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
        file.write(f"{_BEGINNING} {json.dumps(asdict(head))[1:]}\n")
        for item in items:
            said = {name: value for name, value in asdict(item).items() if value is not None}
            file.write(json.dumps(said) + "\n")
            rows += item.kind == "row"
    return rows


def is_replay(path: Path) -> bool:
    """Return whether a file is one of these."""
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING.encode()


def read_head(path: Path) -> Head:
    """Return who sends the rows of a file back, and why.

    Raises:
        UnreadableFile: it is damaged.
    """
    with path.open(encoding="utf-8") as file:
        said = _read(file.readline(), 1)
    try:
        return Head(str(said["by"]), str(said["why"]))
    except KeyError as error:
        raise UnreadableFile(f"line 1 doesn't say {error}") from None


def read_items(path: Path) -> Iterator[Item]:
    """Yield the lines of a file after its first.

    Raises:
        UnreadableFile: it is damaged.
    """
    with path.open(encoding="utf-8") as file:
        next(file)
        for number, line in enumerate(file, 2):
            try:
                yield Item(**_read(line, number))
            except TypeError as error:
                raise UnreadableFile(f"line {number} is no row from quarantine: {error}") from None


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnreadableFile(f"it is damaged, or was cut short: line {number} is no JSON object")
    return found
