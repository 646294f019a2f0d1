"""Numbers of JSON lines with the digits that they have there: DuckDB reads ``1.10`` as 1.1 and ``1e5`` as 100000.0.

Where that would change one, its line is kept in two ways. ``line`` has it as it is read where a number is wanted, and
``worded`` as a text with a mark before it, from which its own words are taken where text is wanted. So are texts that are
numbers as somebody writes them, by what a map says: ``"1.234,56"`` is 1234.56 where a number is wanted.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import pyarrow as pa

from workbench.etl.ingestion.reading.values import literal
from workbench.sources.dialect import Dialect

_END = r"[,\]}\s]"
_START = r"[:,\[]\s*"
_RARE = r"[nN][aA]|[iI][nN]|[0-9]{9,}\.|[0-9]*\.[0-9]{9}|0\.00000|[0-9]+(\.[0-9]+)?[eE]"
_ZERO = r"-?[0-9]+\.[0-9]+0|-0"
_ODD = f"regexp_matches(line, '{_START}([-+]?({_RARE})|({_ZERO}){_END})')"
"""Whether there may be a NaN or an infinity, or a number that isn't the same once it was read."""
_MEMBER = rf"([^:,\[{{\s]\"\s*:\s*)({_ZERO})({_END})"
"""Such a number behind its name: the quote closes one, since those that open have something else before them."""
_ARE_MEMBERS = (
    f"NOT contains(line, chr(92)) AND NOT regexp_matches(line, '{_START}[-+]?({_RARE})') AND "
    f"len(regexp_extract_all(line, '{_START}({_ZERO}){_END}')) = len(regexp_extract_all(line, '{_MEMBER}'))"
)
"""Whether nothing is odd but zeros at ends, each certainly outside of texts: the engine rewrites those."""
_TEXT = re.compile(r"""("[^"\\]*(?:\\.[^"\\]*)*")""")
_TOKEN = re.compile(
    r"-?[0-9]+(?:\.(?P<fraction>[0-9]+)(?:[eE](?P<power>[-+]?[0-9]+))?|[eE](?P<whole_power>[-+]?[0-9]+))|"
    r"-0(?![0-9.eE])|(?P<odd>[-+]?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?))"
)
_SPELLED = r"""regexp_matches(line, '"[-+ ]*[0-9.,]([^"a-zA-Z]|\\u[0-9a-fA-F]{4})*"')"""
"""Whether there may be a text that is a number as somebody writes it."""
_GAP = "\0"
"""What stands for each text while numbers are looked for; JSON has no such character."""
_DIGITS = 15
"""A number with more digits and a point may not be the same after it was a floating-point number."""
_SMALL = re.compile(r"-?0\.00000")
"""How numbers begin that are written with an exponent once they were read."""
_LONGEST = 40
"""Digits with which a number that has an exponent is written out."""
_AT_A_TIME = 10_000


@dataclass(frozen=True)
class Words:
    """SQL for lines and values of a file that has numbers which keep their own words; without them, what it was.

    Attributes:
        mark: what stands before such a number; no text of the file has it. None if the file has no such number.
    """

    mark: str | None

    @property
    def relation(self) -> str:
        """The lines: ``n``, ``line`` to take texts and other columns from, and with a mark ``read`` for numbers."""
        if self.mark is None:
            return "objects"
        return "(SELECT n, coalesce(worded, line) AS line, line AS read FROM objects)"

    def text(self, value: str) -> str:
        """Return SQL for a text: of numbers in an object or a list in it, too, the words."""
        if self.mark is None:
            return value
        return f"""regexp_replace({value}, {literal(f'"?{self.mark}([^"]*)"?')}, '\\1', 'g')"""

    def fields(self, value: str) -> str:
        """Return SQL for an object or a list whose numbers are texts, so that one can be taken out in its words."""
        return value if self.mark is None else f"replace({value}, {literal(self.mark)}, '')"

    def json(self, value: str) -> str:
        """Return SQL for JSON."""
        return value if self.mark is None else f"CAST({self.text(f'CAST({value} AS VARCHAR)')} AS JSON)"


def keep_digits(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> Words:
    """Rewrite lines of table ``objects`` where a number, a NaN or an infinity wouldn't be read as what it is.

    Many programs write NaN and Infinity, which are no JSON: they become texts, as do numbers of more digits than DuckDB
    keeps. Column ``record`` is made, with the line as it came where it was rewritten, and ``worded``.
    """
    connection.execute("ALTER TABLE objects ADD COLUMN record VARCHAR")
    connection.execute("ALTER TABLE objects ADD COLUMN worded VARCHAR")
    mark, place = f"{secrets.token_hex(8)}:", 0
    odd, are_members = _ODD, _ARE_MEMBERS
    if dialect.has_own_numbers:
        odd, are_members = f"({_ODD} OR {_SPELLED})", f"(NOT {_SPELLED} AND {_ARE_MEMBERS})"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unsorted AS SELECT n, line, {are_members} AS are_members FROM objects WHERE {odd}"
    )
    marked = f"regexp_replace(line, '{_MEMBER}', '\\1\"{mark}\\2\"\\3', 'g')"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rewritten AS SELECT n, line, {marked} AS worded FROM unsorted WHERE are_members"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE odd AS SELECT n, line FROM unsorted WHERE NOT are_members"
    )
    connection.execute("DROP TABLE unsorted")
    while rows := connection.execute(
        f"SELECT n, line FROM odd WHERE rowid >= {place} AND rowid < {place + _AT_A_TIME}"
    ).fetchall():
        place += _AT_A_TIME
        changed = list(_rewritten(rows, mark, dialect))
        if not changed:
            continue
        numbers, lines, worded = zip(*changed, strict=True)
        connection.register(
            "mended", pa.table({"n": numbers, "line": lines, "worded": pa.array(worded, pa.string())})
        )
        connection.execute("INSERT INTO rewritten SELECT n, line, worded FROM mended")
        connection.unregister("mended")
    connection.execute(
        "UPDATE objects SET record = objects.line, line = rewritten.line, worded = rewritten.worded FROM rewritten "
        "WHERE objects.n = rewritten.n"
    )
    found = connection.execute("SELECT 1 FROM rewritten WHERE worded IS NOT NULL LIMIT 1").fetchone()
    connection.execute("DROP TABLE rewritten")
    return Words(mark if found else None)


def _rewritten(
    rows: Sequence[tuple[int, str]], mark: str, dialect: Dialect
) -> Iterator[tuple[int, str, str | None]]:
    """Yield n, the line to be read and the line with marked words of the lines in which there are such numbers."""
    parts = _TEXT.split("\n".join(line for _, line in rows))
    outside = _GAP.join(parts[::2])
    read = _TOKEN.sub(_to_be_read, outside)
    worded = _TOKEN.sub(lambda token: _in_words(token, mark), outside)
    plain = _plain_texts(parts, dialect) if dialect.has_own_numbers else parts
    if worded == outside and plain == parts:
        return
    for (n, line), one, other in zip(
        rows, _filled(plain, read).split("\n"), _filled(parts, worded).split("\n"), strict=True
    ):
        if not one == other == line:
            yield n, one, other if other != one else None


def _plain_texts(parts: list[str], dialect: Dialect) -> list[str]:
    """Return the parts of lines with those texts plain that are numbers as somebody writes them; names stay."""
    found = parts.copy()
    for place in range(1, len(parts), 2):
        if parts[place + 1].lstrip()[:1] != ":":
            value = json.loads(parts[place], strict=False)
            if (number := dialect.plainly(value)) is not value:
                found[place] = json.dumps(number)
    return found


def _filled(parts: list[str], outside: str) -> str:
    """Return the lines with what stands outside of texts replaced."""
    whole = parts.copy()
    whole[::2] = outside.split(_GAP)
    return "".join(whole)


def _to_be_read(token: re.Match[str]) -> str:
    text, power = token[0], token["power"] or token["whole_power"]
    if power is not None:
        is_short = len(power) <= 4 and abs(Decimal(text).adjusted()) <= _LONGEST
        return f'"{Decimal(text):f}"' if is_short else text
    return f'"{text}"' if token["odd"] is not None or _is_long(token) or _SMALL.match(text) else text


def _in_words(token: re.Match[str], mark: str) -> str:
    text, fraction = token[0], token["fraction"] or ""
    has_power = token["power"] is not None or token["whole_power"] is not None
    if token["odd"] is not None or (not has_power and _is_long(token)):
        return f'"{text}"'
    ends_in_zero = len(fraction) > 1 and fraction.endswith("0")
    is_changed = has_power or ends_in_zero or text == "-0" or _SMALL.match(text)
    return f'"{mark}{text}"' if is_changed else text


def _is_long(token: re.Match[str]) -> bool:
    return (
        token["fraction"] is not None
        and len(token[0]) > _DIGITS
        and sum(map(str.isdigit, token[0])) > _DIGITS
    )
