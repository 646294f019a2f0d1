"""A landed file as numbered rows of its columns beside the record as it came, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

NUMBERED = "/* lines */ numbered"
"""The plain lines of a text file, where rows may be picked from them before they are split."""


class UnreadableFile(Exception):
    """The file as a whole can't be read; its text says why.

    Args:
        text: why.
        cut_short: whether it is as one is that is still written.
    """

    def __init__(self, text: str, *, cut_short: bool = False) -> None:
        super().__init__(text)
        self.cut_short = cut_short


@dataclass(frozen=True)
class Source:
    """A column of theirs: what it is called in the SQL of :class:`Rows`, and its DuckDB type.

    ``number`` is what to read where a number is wanted, and ``fields`` where one is taken out of an object or a list,
    if that is something else: of JSON a number in its own words may be none to the contract, and is one inside its text.
    """

    sql: str
    type: str
    number: str | None = None
    fields: str | None = None


@dataclass(frozen=True)
class Rows:
    """A landed file, opened inside a DuckDB connection.

    No name of theirs is a name in the SQL, so none can hide one of ours or another of theirs.

    Attributes:
        names: their columns as they write them, or of JSON lines the first of the keys.
        sources: of the names asked for, those that occur. A name in another case is taken for it where the name
            itself doesn't occur.
        others: names of what isn't among the sources: it goes to ``extra``.
        relation: SQL for the rows that could be parsed: ``n`` (from 1), the sources, and ``extra``, the rest as JSON.
        records: SQL for ``n`` and ``record``, every row as it came. Table ``line_errors`` holds n, record and reason
            of those that couldn't be parsed, once :meth:`judge_lines` was called.
        headless: why no column is known; None if one is.
        wrong: SQL for such rows among the plain lines.
        trimmed: whether no value has blanks around it.
        is_spelled: whether numbers are texts, as somebody wrote them.
        form: what the file is, in words.
        notes: how it was read where that was told by looking, in words.
        record_form: SQL for how the record of a row of the table ``refused`` is read, as JSON.
        is_replay: whether the rows come back from quarantine; table ``replayed`` tells of each of them.
    """

    names: tuple[str, ...]
    sources: dict[str, Source]
    others: tuple[str, ...]
    relation: str
    records: str
    headless: str | None = None
    wrong: str | None = None
    trimmed: bool = False
    form: str = ""
    notes: tuple[str, ...] = ()
    is_spelled: bool = True
    record_form: str = "CAST(NULL AS VARCHAR)"
    is_replay: bool = False

    def pick(self, connection: duckdb.DuckDBPyConnection, condition: str) -> Rows:
        """Return the rows whose ``n`` meets a condition; of the lines, only theirs are read and split again."""
        if self.wrong is None:
            return replace(self, relation=f"(SELECT * FROM {self.relation} WHERE {condition})")
        # In one statement DuckDB would read and split every line before it looks at the condition.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE picked AS SELECT n FROM numbers WHERE {condition}")
        is_picked = "n IN (SELECT n FROM picked)"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE few AS SELECT * FROM numbered WHERE {is_picked}")
        return replace(
            self,
            relation=f"(SELECT * FROM {self.relation.replace(NUMBERED, 'few')} WHERE {is_picked})",
            records=self.records.replace(NUMBERED, "few"),
            wrong=self.wrong.replace(NUMBERED, "few"),
        )

    def at_most(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Return how many rows there are, or more where lines count that are no record."""
        relation = self.records if self.wrong is None else "numbers"
        ((found,),) = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()
        return int(found)

    def judge_lines(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put the plain lines that can't be parsed into ``line_errors``."""
        if self.wrong is not None:
            connection.execute(f"INSERT INTO line_errors {self.wrong}")
