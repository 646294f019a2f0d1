"""Hold a map against the columns of a file before any row is looked at: what of it can never be worked out, and why."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from workbench.schema import quote
from workbench.sources.expressions import ROW, Name, dotted, parse, work_out
from workbench.sources.maps import Map

_SHOWN = 12
_KIND = re.compile(r"^[A-Za-z ]+ Error: ")
_WORDS = (
    (
        "aggregates are not allowed inside the TRY",
        "it adds rows up, and a column is worked out row by row; write it over a window: sum(…) over (…)",
    ),
    ("in combination with a volatile function", "it may give another value each time, or fail on purpose"),
)


@dataclass(frozen=True)
class Misfit:
    """Why one of our columns can't be had from a file: a code of its reason, and in words."""

    column: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"map, column {self.column!r}: {self.message}"


def misfits(mapping: Map, theirs: Collection[str], types: Mapping[str, str]) -> list[Misfit]:
    """Return what of a map doesn't fit a file; nothing if every column of it can be worked out.

    Args:
        mapping: the map.
        theirs: the names of the file's columns.
        types: of those names that the map reads and the file has, their DuckDB types.
    """
    found = []
    names = {name: Name(mapping.aliases(types)[name], kind) for name, kind in types.items()}
    columns = "".join(f", CAST(NULL AS {kind}) AS {quote(names[name].alias)}" for name, kind in types.items())
    source = f"(SELECT CAST(NULL AS BIGINT) AS {quote(ROW)}{columns})"
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.execute(f"CREATE TABLE no_row AS FROM {source} LIMIT 0")
        for name, text in mapping.columns.items():
            tree = parse(name, text)
            lacking = sorted(mapping.sources()[name] - types.keys())
            if lacking:
                whole = {lacking[0]: text} if text in theirs else dotted(tree)
                found.append(Misfit(name, "missing_column", _lacks(lacking[0], theirs, whole)))
                continue
            worked = work_out(name, text, tree, names)
            windows = "".join(f", {sql} AS {quote(alias)}" for alias, sql in worked.windows.items())
            try:
                for scalar, rows in ((worked.scalar, source), (worked.unsafe, "no_row")):
                    connection.execute(f"SELECT {scalar} FROM (SELECT *{windows} FROM {rows})").fetchall()
            except duckdb.Error as error:
                message = _in_quotes(text) if text in theirs else f"{_in_words(error)} (in {text!r})"
                found.append(Misfit(name, "bad_expression", message))
    return found


def _lacks(name: str, theirs: Collection[str], whole: Mapping[str, str]) -> str:
    if whole.get(name) in theirs:
        return f"the file has no column {name!r}; a name that is no plain word is written in quotes: {quote(whole[name])}"
    near = difflib.get_close_matches(name.lower(), {each.lower(): each for each in theirs}, n=3, cutoff=0.5)
    nearest = [each for low in near for each in theirs if each.lower() == low]
    if nearest:
        return f"the file has no column {name!r}; did you mean {' or '.join(map(repr, nearest))}?"
    more = f" and {len(theirs) - _SHOWN} more" if len(theirs) > _SHOWN else ""
    return f"the file has no column {name!r}; it has {', '.join(list(theirs)[:_SHOWN])}{more}"


def _in_quotes(name: str) -> str:
    return f"{name!r} is a column of the file, and a word of SQL or no plain name; write it in quotes: {quote(name)!r}"


def _in_words(error: duckdb.Error) -> str:
    text = str(error)
    for sign, words in _WORDS:
        if sign in text:
            return words
    return _KIND.sub("", " ".join(text.split("\n\n")[0].split("\nLINE")[0].split()))
