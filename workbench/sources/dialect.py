"""How a file is written, as far as a map says so; the rest is told by looking at it."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from workbench.documents import listed, no_flag

_NAMES = {"tab": "\t", r"\t": "\t", "space": " "}
# A blank between digits is often one that doesn't break; there are two apostrophes.
_GROUPS = {" ": "[ \u00a0\u202f]", "'": "['’]", "’": "['’]"}  # noqa: RUF001


class Dialect(BaseModel):
    """What can be said of a file's form. What isn't said, which is None, is told by looking.

    Attributes:
        encoding: of a text; a name that Python knows.
        delimiter: one ASCII character between two fields of a CSV, or ``tab``.
        quote: one ASCII character around fields of a CSV, or ``none``.
        skip: lines (of a workbook, rows) above the header, or above the first record where there is none.
        header: ``none`` where no line names the columns; they are then ``column1``, ``column2``, … or ``names``.
        names: of the columns, where the file has no header.
        decimal: the decimal mark of numbers.
        thousands: what groups their digits.
        null: texts that mean that a value is missing.
        sheet: of a workbook, by name or by number from 1; else the first that has something in it.
        unnest: a list in each record (``cart``, ``order.lines``); each of its elements becomes a row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    _no_flags = field_validator("*", mode="before")(no_flag)

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    skip: int | None = Field(default=None, ge=0, le=10_000)
    header: Literal["none"] | None = None
    names: Annotated[tuple[str, ...] | None, BeforeValidator(listed)] = None
    decimal: Literal[",", "."] | None = None
    thousands: Literal[".", ",", "'", "’", " ", "_", "space"] | None = None  # noqa: RUF001
    null: Annotated[tuple[str, ...] | None, BeforeValidator(listed)] = None
    sheet: str | int | None = None
    unnest: str | None = None

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            "".encode(value)
            # Those of names on the net, as idna, are for no text with a fault in it.
            codecs.getincrementaldecoder(value)("backslashreplace").decode(b"a")
            return codecs.lookup(value).name
        except (LookupError, ValueError):
            raise ValueError(
                f"no encoding {value!r} is known; say utf-16, windows-1252, cp1250 or the like"
            ) from None

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, value: str | None, about: Any) -> str | None:
        if value is None or (about.field_name == "quote" and value.lower() == "none"):
            return value and value.lower()
        value = _NAMES.get(value.lower(), value)
        if len(value) != 1 or not value.isascii() or value in "\r\n\0\x1e\x1f" or value.isalnum():
            raise ValueError(f"one ASCII character is wanted that is no letter, not {value!r}")
        return value

    @field_validator("sheet")
    @classmethod
    def _from_one(cls, value: str | int | None) -> str | int | None:
        if isinstance(value, int) and value < 1:
            raise ValueError("sheets are counted from 1")
        return value

    @model_validator(mode="after")
    def _agreeing(self) -> Dialect:
        if self.names is not None and self.header != "none":
            raise ValueError("names are for a file without a header: say header: none, too")
        if self.names is not None and (len(set(self.names)) < len(self.names) or not all(self.names)):
            raise ValueError("names: each column needs one of its own")
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError(f"{self.thousands!r} can't be both the decimal mark and what groups digits")
        if self.delimiter and self.delimiter == (self.quote or '"'):
            raise ValueError(f"{self.delimiter!r} can't be both the delimiter and the quote")
        return self

    @property
    def said(self) -> dict[str, Any]:
        """What is said, and nothing of what isn't."""
        return {name: value for name in Dialect.model_fields if (value := getattr(self, name)) is not None}

    @property
    def has_own_numbers(self) -> bool:
        """Whether numbers are written otherwise than as plain decimals with a point."""
        return self.decimal == "," or self.thousands is not None

    def present(self, sql: str) -> str:
        """Return SQL for a text, null where it means that a value is missing."""
        if not self.null:
            return sql
        texts = ", ".join(_literal(text.strip()) for text in self.null)
        return f"CASE WHEN trim({sql}) IN ({texts}) THEN NULL ELSE {sql} END"

    def plain_number(self, sql: str) -> str:
        """Return SQL for a text, as a plain decimal where it is a number as the file writes them.

        Digits that are marked otherwise are no number then; other texts stay as they are.
        """
        if not self.has_own_numbers:
            return sql
        pattern, groups, others = self._numbers
        text = f"trim({sql})"
        bare = f"regexp_replace({text}, {_literal(groups)}, '', 'g')" if groups else text
        if self.decimal == ",":
            bare = f"replace({bare}, ',', '.')"
        return (
            f"CASE WHEN regexp_full_match({text}, {_literal(pattern)}) THEN {bare} "
            f"WHEN regexp_full_match({text}, {_literal(others)}) THEN '(' || {text} || ')' ELSE {sql} END"
        )

    def plainly(self, value: str) -> str:
        """Return a text as :meth:`plain_number` does; one that means that a value is missing as it is."""
        text = value.strip(" ")
        if not self.has_own_numbers or text in {null.strip() for null in self.null or ()}:
            return value
        pattern, groups, others = self._numbers
        if re.fullmatch(pattern, text):
            bare = re.sub(groups, "", text) if groups else text
            return bare.replace(",", ".") if self.decimal == "," else bare
        return f"({text})" if re.fullmatch(others, text) else value

    @property
    def _numbers(self) -> tuple[str, str, str]:
        """Patterns of a number, of what groups its digits (or nothing), and of digits that are marked otherwise."""
        # Who writes a decimal comma groups by points, if at all.
        group = " " if self.thousands == "space" else self.thousands or ("." if self.decimal == "," else "")
        groups = _GROUPS.get(group, re.escape(group))
        mark = re.escape(self.decimal or ".")
        # Nobody groups digits behind a zero: 0.500 is a half, written by another rule than the map's.
        whole = f"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{groups}[0-9]{{3}})+)" if group else "[0-9]+"
        # A cast, as a map may ask for one, takes digits with underscores between them for a number.
        marks = "._," if group == "_" else ".,"
        return f"[-+]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)", groups, f"[-+]?[0-9{marks}]+"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
