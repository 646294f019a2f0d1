"""The columns and keys of a CREATE TABLE. Keys are remembered and not enforced, as in Redshift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.reader import Reader
from redshift_local.lexer.tokens import Token, closing, split, text_of
from redshift_local.quoting import quote
from redshift_local.rewrite.expressions import REFUSED_TYPES, rewrite_expression

_ATTRIBUTES = (
    "default", "identity", "generated", "encode", "distkey", "sortkey", "not", "null", "unique", "primary",
    "references", "collate",
)  # fmt: skip
MAX_VARCHAR, MAX_CHAR, MAX_DIGITS = 65535, 4096, 38
# The most bytes of each type of text.
_TEXTS = {
    **dict.fromkeys(("varchar", "nvarchar", "character varying", "text"), MAX_VARCHAR),
    **dict.fromkeys(("char", "character", "nchar", "bpchar"), MAX_CHAR),
}
_NAMES = {"nvarchar": "varchar", "text": "varchar", "nchar": "char"}
# The type where no size is given, which is not what PostgreSQL makes of it.
_BARE = {
    **dict.fromkeys(("varchar", "nvarchar", "character varying", "text"), "varchar(256)"),
    **dict.fromkeys(("char", "character", "nchar"), "char(1)"),
    **dict.fromkeys(("decimal", "numeric", "dec"), "numeric(18, 0)"),
    "bpchar": "char(256)",
}


def rewrite_elements(tokens: Sequence[Token], declared: dict[str, Any]) -> str:
    """Return the parenthesised columns; puts what is to be remembered into `declared`."""
    kept: list[str] = []
    declared["columns"] = []
    copies = False
    for part in split(tokens[1:-1], ","):
        reader = Reader(part)
        if reader.at_any("primary key", "unique", "foreign key", "constraint"):
            name = reader.name() if reader.take("constraint") else None
            declared.setdefault("keys", []).append(key_clause(reader, name))
            reader.end()
        elif reader.at_any("like"):
            copies = True
            kept.append(text_of(rewrite_expression(part)).strip())
        else:
            kept.append(column_definition(reader, declared))
    if copies:
        # The columns are the other table's: PostgreSQL alone knows them.
        declared["columns"] = None
    if not kept:
        raise bad_statement("a table needs a column")
    return "(" + ", ".join(kept) + ")"


def key_clause(reader: Reader, name: str | None) -> dict[str, Any]:
    """Read PRIMARY KEY (…), UNIQUE (…) or FOREIGN KEY (…) REFERENCES …"""
    key: dict[str, Any] = {"name": name}
    if reader.take("primary key"):
        key |= {"kind": "PRIMARY KEY", "columns": reader.names()}
    elif reader.take("unique"):
        key |= {"kind": "UNIQUE", "columns": reader.names()}
    else:
        reader.need("foreign key")
        key |= {"kind": "FOREIGN KEY", "columns": reader.names()}
        reader.need("references")
        key["references"] = _referenced(reader)
    return key


def _referenced(reader: Reader) -> str:
    table = ".".join(map(quote, reader.qualified_name()))
    return table + (text_of(reader.parentheses()) if reader.at("(") else "")


def column_definition(reader: Reader, declared: dict[str, Any]) -> str:
    """Return one column; puts what is to be remembered of it into `declared`."""
    name = reader.name()
    declared["columns"].append(name)
    words = [quote(name), _type(reader.until(*_ATTRIBUTES))]
    while not reader.done():
        if reader.take("encode"):
            declared.setdefault("encodings", {})[name] = reader.name()
        elif reader.take("distkey"):
            declared |= {"diststyle": "key", "distkey": name}
        elif reader.take("sortkey"):
            declared["sortstyle"] = "compound"
            declared.setdefault("sortkeys", []).append(name)
        elif reader.take("not null"):
            words.append("not null")
        elif reader.take("null"):
            words.append("null")
        elif reader.at_any("unique", "primary key", "references"):
            words.append(_key(reader, name, declared))
        elif reader.at_any("identity", "generated"):
            words.append(_identity(reader))
        elif reader.take("default"):
            words.append("default" + text_of(rewrite_expression(reader.until(*_ATTRIBUTES))))
        elif reader.take("collate"):
            if reader.name() not in ("case_sensitive", "cs"):
                raise not_imitated("COLLATE CASE_INSENSITIVE")
        else:
            raise bad_statement(f'syntax error at or near "{reader.token().text}" in column "{name}"')
    return " ".join(words)


def _key(reader: Reader, column: str, declared: dict[str, Any]) -> str:
    """Remember a column's key; a primary key's columns hold no null, which Redshift does enforce."""
    key: dict[str, Any] = {"name": None, "columns": [column]}
    if reader.take("primary key"):
        key["kind"] = "PRIMARY KEY"
    elif reader.take("unique"):
        key["kind"] = "UNIQUE"
    else:
        reader.need("references")
        key |= {"kind": "FOREIGN KEY", "references": _referenced(reader)}
    declared.setdefault("keys", []).append(key)
    return "not null" if key["kind"] == "PRIMARY KEY" else ""


def _identity(reader: Reader) -> str:
    """`identity(seed, step)`, or `generated by default as identity(seed, step)`, which takes values that are given."""
    by_default = reader.take("generated by default as")
    reader.need("identity")
    numbers = text_of(reader.parentheses()).strip("() \n").replace(" ", "").split(",")
    if (
        len(numbers) != 2
        or not all(number.lstrip("-").isdigit() for number in numbers)
        or int(numbers[1]) == 0
    ):
        raise bad_statement("IDENTITY takes a seed and a step other than 0: IDENTITY(1, 1)")
    seed, step = map(int, numbers)
    end = (
        f"maxvalue {max(seed, 2**63 - 1)} minvalue {min(seed, 1)}"
        if step > 0
        else f"minvalue {-(2**63)} maxvalue {max(seed, -1)}"
    )
    kind = "by default" if by_default else "always"
    return f"generated {kind} as identity (start with {seed} increment by {step} {end})"


def _type(tokens: list[Token]) -> str:
    """Return a column's type with Redshift's length where none is given; raise SqlError beyond Redshift's limits."""
    opening = next((index for index, token in enumerate(tokens) if token.text == "("), len(tokens))
    name = " ".join(token.word for token in tokens[:opening])
    if not name or not all(token.word for token in tokens[:opening]):
        raise bad_statement(f'type "{text_of(tokens).strip()}" does not exist')
    if name in REFUSED_TYPES:
        raise not_imitated(f"the type {name.upper()}")
    if opening == len(tokens):
        return _BARE.get(name, name)
    close = closing(tokens, opening)
    size = [token.text.lower() for token in tokens[opening + 1 : close] if token.text != ","]
    if name in _TEXTS:
        most = _TEXTS[name]
        size = [str(most) if size == ["max"] else "".join(size)]
        if not size[0].isdigit() or not 1 <= int(size[0]) <= most:
            raise bad_statement(f"the length of {name} must be 1 to {most}, not {size[0]}")
    elif name in ("decimal", "numeric", "dec") and not (
        size[0].isdigit() and 1 <= int(size[0]) <= MAX_DIGITS
    ):
        raise bad_statement(f"{name.upper()} precision {size[0]} must be between 1 and {MAX_DIGITS}")
    return f"{_NAMES.get(name, name)}({', '.join(size)}){text_of(tokens[close + 1 :])}"
