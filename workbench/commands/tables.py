"""Tables on the terminal: never a name or a number cut, however narrow it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workbench.terminal import printable

_GAP = 2


def show(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    styles: Sequence[str | None] = (),
    colors: dict[str, str] | None = None,
) -> None:
    """Print rows below their names.

    On a terminal that is too narrow, cells are wrapped between words; where that isn't enough, each row is printed
    as lines of name and value. A pipe gets one line a row, whatever the length.

    Args:
        names: of the columns.
        rows: their cells, as many as there are names.
        right: names of the columns whose cells stand at the right.
        styles: rich's style of each row, or None.
        colors: rich's style of cells with these texts.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    names = [printable(name) for name in names]
    cells = [[printable(cell) for cell in row] for row in rows]
    columns = [[name, *(row[place] for row in cells)] for place, name in enumerate(names)]
    widest = [max(map(_width, column)) for column in columns]
    least = [max(_width(word) for cell in column for word in (cell.split(" ") or [""])) for column in columns]
    gaps = _GAP * (len(names) - 1)
    if not console.is_terminal:
        for row in [names, *cells]:
            fitted = [
                _padded(*each) for each in zip(row, widest, (name in right for name in names), strict=True)
            ]
            print((" " * _GAP).join(fitted).rstrip())
        return
    if sum(least) + gaps > console.width:
        _one_by_one(names, cells)
        return
    table = Table(
        box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0), collapse_padding=True
    )
    widths = _shared(least, widest, console.width - gaps)
    for name, width in zip(names, widths, strict=True):
        at_right = name in right
        table.add_column(Text(name), width=width, justify="right" if at_right else "left", overflow="fold")
    for place, row in enumerate(cells):
        style = styles[place] if styles else None
        table.add_row(*(Text(cell, (colors or {}).get(cell, "")) for cell in row), style=style)
    console.print(table)


def _padded(text: str, width: int, at_right: bool) -> str:
    spaces = " " * (width - _width(text))
    return spaces + text if at_right else text + spaces


def _shared(least: Sequence[int], widest: Sequence[int], width: int) -> list[int]:
    """Return a width for each column: what its words need at least, the rest to those that want it, evenly."""
    widths = list(least)
    left = width - sum(widths)
    while left > 0 and (wanting := [i for i, want in enumerate(widest) if widths[i] < want]):
        each = max(1, left // len(wanting))
        for place in wanting:
            more = min(each, widest[place] - widths[place], left)
            widths[place] += more
            left -= more
    return widths


def _one_by_one(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    longest = max(map(_width, names), default=0)
    for number, row in enumerate(rows):
        if number:
            print()
        for name, cell in zip(names, row, strict=True):
            print(f"{name}{' ' * (longest - _width(name))}  {cell}".rstrip())


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
