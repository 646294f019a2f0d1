"""Tables for people: their headings in words, one style of numbers, no index, yes and no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from workbench import numbers
from workbench.settings import get_settings

LONGEST = 200
"""Characters of a cell that are shown."""


class Table:
    """A table that shows itself: HTML in a notebook and on its page, text in a terminal.

    ``cells`` holds what is shown, a row a list; ``is_text`` tells which columns stand on the left.
    """

    def __init__(
        self, headings: list[str], cells: list[list[str]], is_text: list[bool], empty: str = "None."
    ) -> None:
        self.headings, self.cells, self.is_text, self.empty = headings, cells, is_text, empty

    def _repr_html_(self) -> str:
        if not self.cells:
            return f"<p>{escape(self.empty)}</p>"
        heads = "".join(self._cell("th", place, each) for place, each in enumerate(self.headings))
        rows = "".join(
            f"<tr>{''.join(self._cell('td', place, each) for place, each in enumerate(row))}</tr>\n"
            for row in self.cells
        )
        return (
            f'<table class="dataframe">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>'
        )

    def _cell(self, tag: str, place: int, text: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        kind = ' class="text"' if self.is_text[place] else ""
        return f"<{tag}{scope}{kind}>{escape(text)}</{tag}>"

    def __repr__(self) -> str:
        if not self.cells:
            return self.empty
        return pd.DataFrame(self.cells, columns=self.headings).to_string(index=False, max_colwidth=60)


class Facts:
    """A few figures, each beside its name."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        self.facts = dict(facts)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" class="text">{escape(name)}</th><td class="text">{escape(value)}</td></tr>\n'
            for name, value in self.facts.items()
        )
        return f'<table class="dataframe facts-table">\n<tbody>\n{rows}</tbody>\n</table>'

    def __repr__(self) -> str:
        width = max(map(len, self.facts), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self.facts.items())


class Note:
    """A sentence for people, set as text and not as a program's output."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.text)}</p>" if self.text else ""

    def __repr__(self) -> str:
        return self.text


def as_table(
    frame: pd.DataFrame,
    *,
    money: Sequence[str] = (),
    share: Sequence[str] = (),
    headings: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
    limit: int | None = None,
    currency: str | None = None,
    empty: str = "None.",
) -> Table:
    """Return a frame as a table for people; its index isn't shown.

    Args:
        frame: its columns become ours: ``first_sold`` is headed "First sold", true is Yes.
        money: columns of amounts, headed with the currency.
        share: columns of shares, 0 to 1, shown in per cent.
        headings: words for columns whose name doesn't say it.
        optional: columns that are left out if all of their cells are empty, zero or No.
        limit: rows to show at most.
        currency: of the amounts; the reporting currency if None, none if empty.
        empty: what to say if there are no rows.

    Raises:
        KeyError: a column that is named isn't there.
    """
    for name in (*money, *share, *(headings or {}), *optional):
        frame[name]
    frame = frame.head(limit) if limit is not None else frame
    if currency is None:
        currency = get_settings().reporting_currency if money else ""
    amounts = numbers.amounts(value for name in money for value in frame[name])
    written = {name: amounts[place * len(frame) :][: len(frame)] for place, name in enumerate(money)}
    heads, columns, is_text = [], [], []
    for name in map(str, frame.columns):
        values = frame[name].tolist()
        if name in optional and not any(map(_says_something, values)):
            continue
        heading = (headings or {}).get(name) or _in_words(name)
        heads.append(f"{heading}, {currency}" if name in money and currency else heading)
        if name in money:
            cells = written[name]
        elif name in share:
            cells = [numbers.share(value) for value in values]
        elif pd.api.types.is_float_dtype(frame[name]):
            cells = numbers.measures(values)
        else:
            cells = [_cell(value) for value in values]
        columns.append(cells)
        is_text.append(name not in money and name not in share and not _is_number(frame[name]))
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(heads, rows, is_text, empty)


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _is_number(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    known = column.dropna()
    return pd.api.types.is_numeric_dtype(column) or (
        len(known) > 0
        and all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in known)
    )


def _says_something(value: Any) -> bool:
    return _cell(value) not in ("", "0", "No")


def _cell(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M") if value.time() != dt.time() else f"{value:%Y-%m-%d}"
    if isinstance(value, int):
        return numbers.count(value)
    if isinstance(value, float | Decimal):
        return numbers.number(value)
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


__all__ = ["Facts", "Note", "Table", "as_table"]
