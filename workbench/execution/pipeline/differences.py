"""Where what a stage touched differs from what its map says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.execution.pipeline.graph import expand, in_warehouse, table_of
from workbench.execution.pipeline.stage import Stage
from workbench.schema import TABLES


def differences(
    stage: Stage,
    reads: dict[str, list[int]],
    writes: dict[str, list[int]],
    unknown: Sequence[int] = (),
) -> list[str]:
    """Return a sentence for each table of the warehouse that a stage touched and its map doesn't name, or the reverse.

    A stage may read what it writes without saying so, and need not write all that its map says: a table to which a
    file may bring rows, for example. What it reads at times only, its map names under ``sometimes``. Where a
    statement isn't understood, or the stage goes over a list, no table is said not to be read.

    Args:
        stage: what the map says.
        reads: the tables it read, with the cells that did.
        writes: the tables it wrote, likewise.
        unknown: cells with a statement that isn't understood.
    """
    return list(_differences(stage, reads, writes, unknown))


def _differences(
    stage: Stage, reads: dict[str, list[int]], writes: dict[str, list[int]], unknown: Sequence[int]
) -> Iterator[str]:
    mapped_reads = {table_of(name): None for name in expand(stage.reads) if in_warehouse(name)}
    mapped_writes = set(expand(stage.writes))
    for name, cells in writes.items():
        if name in TABLES and name not in mapped_writes:
            yield f"{name} is written by {name_cells(cells)}, and the map doesn't say so"
    for name, cells in reads.items():
        if name in TABLES and name not in mapped_reads and name not in mapped_writes and name not in writes:
            yield f"{name} is read by {name_cells(cells)}, and the map doesn't say so"
    if not unknown and not stage.over:
        rare = set(map(table_of, expand(stage.sometimes)))
        for name in mapped_reads:
            if name not in reads and name not in mapped_writes and name not in rare:
                yield f"{name} is read by no cell, and the map says that it is read"


def name_cells(cells: Sequence[int]) -> str:
    """Return what messages call some cells."""
    places = [str(cell) for cell in cells]
    if len(places) == 1:
        return f"cell {places[0]}"
    return f"cells {', '.join(places[:-1])} and {places[-1]}"
