"""CREATE TABLE and its kin: takes out what PostgreSQL has no place for, and hands it on to be remembered.

What is taken out goes into a comment behind the statement, in base64, from where an event trigger (catalog.sql)
puts it into the catalog in the statement's own transaction.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from redshift_local.errors import bad_statement
from redshift_local.lexer.reader import Reader
from redshift_local.lexer.tokens import Token, text_of
from redshift_local.quoting import literal, quote
from redshift_local.rewrite.columns import column_definition, key_clause, rewrite_elements
from redshift_local.rewrite.expressions import rewrite_expression
from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.rewrite.table_operations import alter_type, append

DISTSTYLES = ("even", "all", "key", "auto")


def create_table(tokens: Sequence[Token]) -> str:
    """Return CREATE [TEMP] TABLE, with columns or AS, in PostgreSQL's words."""
    reader = Reader(tokens)
    reader.need("create")
    local = reader.take("local")
    temporary = reader.take("temp") or reader.take("temporary") or local
    reader.need("table")
    exists = reader.take("if not exists")
    table = reader.qualified_name()
    # A name that begins with # is a temporary table's.
    temporary = temporary or table[-1].startswith("#")
    declared: dict[str, Any] = {"table": table[-1]}
    before = "create temp table " if temporary else "create table "
    before += ("if not exists " if exists else "") + ".".join(map(quote, table))
    body = ""
    if reader.at("(") and not _is_list_of_names(reader):
        body = " " + rewrite_elements(reader.parentheses(), declared)
    elif reader.at("("):
        body = " " + text_of(rewrite_expression(reader.parentheses())).strip()
    _attributes(reader, declared)
    if reader.take("as"):
        return f"{before}{body} as{text_of(rewrite_expression(reader.rest()))}{_mark(declared)}"
    reader.end()
    _check(declared)
    return f"{before}{body}{_mark(declared)}"


def create_materialized_view(tokens: Sequence[Token]) -> str:
    """Return CREATE MATERIALIZED VIEW in PostgreSQL's words; refreshing by itself is remembered and not done."""
    reader = Reader(tokens)
    reader.need("create materialized view")
    name = reader.qualified_name()
    declared: dict[str, Any] = {"table": name[-1]}
    names = text_of(reader.parentheses()) if reader.at("(") else ""
    _attributes(reader, declared)
    reader.need("as")
    query = text_of(rewrite_expression(reader.rest()))
    return f"create materialized view {'.'.join(map(quote, name))}{names} as{query}{_mark(declared)}"


def alter_table(tokens: Sequence[Token]) -> Rewritten | None:
    """Return what becomes of an ALTER TABLE; None for one that PostgreSQL has, too."""
    reader = Reader(tokens)
    reader.need("alter table")
    table = ".".join(map(quote, reader.qualified_name()))
    if reader.take("append"):
        return append(table, reader)
    if reader.take("alter column") or reader.take("alter"):
        column = reader.name() if not reader.done() else ""
        if reader.take("type"):
            return alter_type(table, column, reader)
    changed = _alter_design(tokens)
    return Rewritten(changed, tag="ALTER TABLE") if changed else None


def _alter_design(tokens: Sequence[Token]) -> str | None:
    reader = Reader(tokens)
    reader.need("alter table")
    table = ".".join(map(quote, reader.qualified_name()))
    if reader.take("add constraint") or reader.at_any("add primary", "add unique", "add foreign"):
        return _add_key(reader, table)
    if reader.at_any(
        "alter distkey",
        "alter diststyle",
        "alter sortkey",
        "alter compound",
        "alter interleaved",
        "alter encode",
    ):
        changed: dict[str, Any] = {}
        reader.need("alter")
        if reader.take("encode auto"):
            changed["encodings"] = {}
        else:
            _attributes(reader, changed)
        reader.end()
        return _redesign(table, changed)
    if reader.take("add column") or reader.take("add"):
        added: dict[str, Any] = {"columns": []}
        column = column_definition(reader, added)
        if set(added) - {"columns", "encodings"}:
            raise bad_statement("ADD COLUMN takes no key: add it with ALTER TABLE … ADD or ALTER …")
        return f"alter table {table} add column {column}"
    if reader.take("alter column"):
        column = reader.name()
        if reader.take("encode"):
            return _redesign(table, {"encodings": {column: reader.name()}})
    return None


def alter_materialized_view(tokens: Sequence[Token]) -> Rewritten:
    """Return what becomes of ALTER MATERIALIZED VIEW … AUTO REFRESH and of a change of its design."""
    reader = Reader(tokens)
    reader.need("alter materialized view")
    view = ".".join(map(quote, reader.qualified_name()))
    reader.take("alter")
    changed: dict[str, Any] = {}
    _attributes(reader, changed)
    reader.end()
    return Rewritten(_redesign(view, changed), tag="ALTER MATERIALIZED VIEW")


def _add_key(reader: Reader, table: str) -> str:
    name = None if reader.take("add") else reader.name()
    key = key_clause(reader, name)
    reader.end()
    return _redesign(table, {"keys": [key]})


def _redesign(table: str, changed: dict[str, Any]) -> str:
    call = f"perform redshift_local.redesign({literal(table)}, {literal(json.dumps(changed))})"
    return f"do {literal(f'begin {call}; end')}"


def _is_list_of_names(reader: Reader) -> bool:
    """Whether the parentheses hold the names of a CREATE TABLE … AS: names and commas alone."""
    inside = reader.peek_parentheses()
    return all(token.kind in ("word", "quoted") or token.text == "," for token in inside) and all(
        token.text == "," for token in inside[1::2]
    )


def _attributes(reader: Reader, declared: dict[str, Any]) -> None:
    """Read what stands between a table's columns and its AS, in any order."""
    while True:
        if reader.take("backup"):
            if not (reader.take("yes") or reader.take("no")):
                raise bad_statement("syntax error: BACKUP takes YES or NO")
        elif reader.take("auto refresh"):
            declared["autorefresh"] = reader.take("yes")
            if not declared["autorefresh"]:
                reader.need("no")
        elif reader.take("encode auto"):
            pass
        elif reader.take("diststyle"):
            declared["diststyle"] = reader.name()
            if declared["diststyle"] not in DISTSTYLES:
                raise bad_statement(
                    f"DISTSTYLE takes {', '.join(DISTSTYLES).upper()}, not {declared['diststyle']}"
                )
            if declared["diststyle"] == "key" and reader.take("distkey"):
                declared["distkey"] = _one_name(reader)
        elif reader.take("distkey"):
            declared["diststyle"], declared["distkey"] = "key", _one_name(reader)
        elif reader.at_any("compound sortkey", "interleaved sortkey", "sortkey"):
            declared["sortstyle"] = "interleaved" if reader.take("interleaved") else "compound"
            reader.take("compound")
            reader.need("sortkey")
            if reader.take("auto") or reader.take("none"):
                declared |= {"sortstyle": "auto", "sortkeys": []}
            else:
                declared["sortkeys"] = reader.names()
        else:
            return


def _one_name(reader: Reader) -> str:
    # ALTER TABLE names the column without parentheses.
    return reader.one_name() if reader.at("(") else reader.name()


def _check(declared: dict[str, Any]) -> None:
    """Hold the design to the columns, as Redshift does."""
    columns = declared.pop("columns", None)
    if columns is None:
        return
    if declared.get("diststyle") == "key" and not declared.get("distkey"):
        raise bad_statement("DISTSTYLE KEY needs a DISTKEY")
    keys = [column for key in declared.get("keys", []) for column in key["columns"]]
    for wanted in [declared.get("distkey"), *declared.get("sortkeys", []), *keys]:
        if wanted is not None and wanted not in columns:
            raise bad_statement(f'column "{wanted}" named in key does not exist')


def _mark(declared: dict[str, Any]) -> str:
    declared.pop("columns", None)
    if len(declared) == 1:
        return ""
    return f" /*redshift_local:{base64.b64encode(json.dumps(declared).encode()).decode()}*/"
