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
    LongTable(names, right=right, colors=colors).add(rows, styles)


class LongTable:
    """A table that is printed piece by piece, as `show` prints one: columns are as wide as the pieces so far need.

    Args:
        names: of the columns.
        right: names of the columns whose cells stand at the right.
        colors: rich's style of cells with these texts.
    """

    def __init__(
        self, names: Sequence[str], *, right: Collection[str] = (), colors: dict[str, str] | None = None
    ) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)
        self._names = [printable(name) for name in names]
        self._right, self._colors = right, colors or {}
        self._widest = [_width(name) for name in self._names]
        self._least = [_longest_word(name) for name in self._names]
        self._is_begun = False

    def add(self, rows: Sequence[Sequence[str]], styles: Sequence[str | None] = ()) -> None:
        """Print further rows, the first ones below the names."""
        cells = [[printable(cell) for cell in row] for row in rows]
        is_terminal = self._console.is_terminal
        for place, column in enumerate(zip(*cells, strict=True)):
            self._widest[place] = max(self._widest[place], *map(_width, column))
            if is_terminal:
                self._least[place] = max(self._least[place], *map(_longest_word, column))
        if not is_terminal:
            self._line_by_line(cells)
        elif sum(self._least) + self._gaps > self._console.width:
            _one_by_one(self._names, cells, is_first=not self._is_begun)
        else:
            self._wrapped(cells, styles)
        self._is_begun = True

    @property
    def _gaps(self) -> int:
        return _GAP * (len(self._names) - 1)

    def _line_by_line(self, cells: Sequence[Sequence[str]]) -> None:
        columns = list(zip(self._widest, (name in self._right for name in self._names), strict=True))
        for row in cells if self._is_begun else [self._names, *cells]:
            fitted = [_padded(text, *column) for text, column in zip(row, columns, strict=True)]
            print((" " * _GAP).join(fitted).rstrip())

    def _wrapped(self, cells: Sequence[Sequence[str]], styles: Sequence[str | None]) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0), collapse_padding=True,
            show_header=not self._is_begun,
        )  # fmt: skip
        widths = _shared(self._least, self._widest, self._console.width - self._gaps)
        for name, width in zip(self._names, widths, strict=True):
            at_right = name in self._right
            table.add_column(
                Text(name), width=width, justify="right" if at_right else "left", overflow="fold"
            )
        for place, row in enumerate(cells):
            style = styles[place] if styles else None
            table.add_row(*(Text(cell, self._colors.get(cell, "")) for cell in row), style=style)
        self._console.print(table)


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


def _one_by_one(names: Sequence[str], rows: Sequence[Sequence[str]], is_first: bool) -> None:
    longest = max(map(_width, names), default=0)
    for number, row in enumerate(rows):
        if number or not is_first:
            print()
        for name, cell in zip(names, row, strict=True):
            print(f"{name}{' ' * (longest - _width(name))}  {cell}".rstrip())


def _longest_word(text: str) -> int:
    return max(map(_width, text.split(" ")))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
