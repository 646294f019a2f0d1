"""Statements other than those about tables: views, VACUUM and ANALYZE, SHOW, SET, BEGIN."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.reader import Reader
from redshift_local.lexer.tokens import Token, starts, string_value, text_of
from redshift_local.quoting import literal, quote
from redshift_local.rewrite.expressions import rewrite_expression
from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.settings import SETTINGS

_NOTHING = "do 'begin end'"
_BINDING = ["with", "no", "schema", "binding"]


def create_view(tokens: Sequence[Token]) -> Rewritten:
    """A late-binding view is made by a function (late.sql), with its query as text; another is PostgreSQL's."""
    words = [token for token in tokens if token.kind != "end"]
    if [token.word for token in words[-4:]] != _BINDING:
        return Rewritten(text_of(rewrite_expression(words)))
    reader = Reader(words[:-4])
    reader.need("create")
    replaces = reader.take("or replace")
    reader.need("view")
    view = ".".join(map(quote, reader.qualified_name()))
    names = reader.names() if reader.at("(") else []
    reader.need("as")
    query = text_of(rewrite_expression(reader.rest())).strip()
    listed = f"array[{', '.join(map(literal, names))}]::text[]"
    call = f"perform redshift_local.create_late({literal(view)}, {str(replaces).lower()}, {listed}, {literal(query)})"
    return Rewritten(f"do {literal(f'begin {call}; end')}", tag="CREATE VIEW")


def vacuum(tokens: Sequence[Token]) -> Rewritten:
    """VACUUM in Redshift's forms becomes PostgreSQL's plain one; like Redshift's, it can't run in a transaction."""
    reader = Reader(tokens)
    reader.need("vacuum")
    for kind in ("full", "sort only", "delete only", "reindex", "recluster"):
        if reader.take(kind):
            break
    table = (
        ""
        if reader.done() or reader.at_any("to", "boost")
        else " " + ".".join(map(quote, reader.qualified_name()))
    )
    if reader.take("to"):
        number = reader.token().text
        reader.need("percent")
        if not number.isdigit() or int(number) > 100:
            raise bad_statement(f"VACUUM takes 0 to 100 PERCENT, not {number}")
    reader.take("boost")
    reader.end()
    return Rewritten("vacuum" + table)


def analyze(tokens: Sequence[Token]) -> Rewritten:
    """ANALYZE, without what PostgreSQL doesn't choose by; ANALYZE COMPRESSION has no answer here."""
    reader = Reader(tokens)
    reader.token()
    if reader.take("compression"):
        raise not_imitated("ANALYZE COMPRESSION")
    reader.take("verbose")
    table = "" if reader.done() else " " + ".".join(map(quote, reader.qualified_name()))
    columns = ", ".join(map(quote, reader.names())) if reader.at("(") else ""
    if not (reader.take("predicate columns") or reader.take("all columns")):
        reader.end()
    return Rewritten(f"analyze{table}{f' ({columns})' if columns else ''}")


def show(tokens: Sequence[Token]) -> Rewritten | None:
    """SHOW SCHEMAS, TABLES and COLUMNS select from the catalog; SHOW of a setting is PostgreSQL's."""
    reader = Reader(tokens)
    reader.need("show")
    if reader.take("schemas from database"):
        view, filters = "svv_all_schemas", [("database_name", reader.name())]
    elif reader.take("tables from schema"):
        view, filters = "svv_all_tables", _filters(reader, "database_name", "schema_name")
    elif reader.take("columns from table"):
        view, filters = "svv_all_columns", _filters(reader, "database_name", "schema_name", "table_name")
    elif reader.at_any(
        "databases",
        "table",
        "view",
        "external",
        "procedure",
        "grants",
        "datashares",
        "model",
        "constraints",
        "parameters",
        "functions",
        "procedures",
    ):
        raise not_imitated(f"SHOW {reader.name().upper()}")
    elif tokens[1].word in SETTINGS:
        return Rewritten(
            f"select current_setting('redshift_local.{tokens[1].word}') as {tokens[1].word}", tag="SHOW"
        )
    else:
        return Rewritten(text_of(tokens))
    conditions = [f"{column} = {literal(value)}" for column, value in filters]
    if reader.take("like"):
        conditions.append(f"{_NAMED[view]} like {literal(string_value(reader.token()))}")
    limit = f" limit {int(reader.token().text)}" if reader.take("limit") else ""
    reader.end()
    order = " order by ordinal_position" if view == "svv_all_columns" else f" order by {_NAMED[view]}"
    return Rewritten(f"select * from pg_catalog.{view} where {' and '.join(conditions)}{order}{limit}")


_NAMED = {"svv_all_schemas": "schema_name", "svv_all_tables": "table_name", "svv_all_columns": "column_name"}


def _filters(reader: Reader, *columns: str) -> list[tuple[str, str]]:
    names = reader.qualified_name()
    if len(names) > len(columns):
        raise bad_statement(f"too many names: {'.'.join(names)}")
    return list(zip(columns[-len(names) :], names, strict=True))


def set_parameter(tokens: Sequence[Token]) -> Rewritten | None:
    """SET and RESET of what only Redshift has: kept for the session, and nothing goes by it."""
    at = 2 if len(tokens) > 1 and tokens[1].word in ("session", "local") else 1
    if len(tokens) > at and tokens[at].word in SETTINGS:
        name = tokens[at].with_text(f"redshift_local.{tokens[at].word}")
        return Rewritten(text_of([*tokens[:at], name, *tokens[at + 1 :]]))
    return None


def begin(tokens: Sequence[Token]) -> Rewritten:
    """BEGIN and SET TRANSACTION take any isolation level and keep the database's, as Redshift does."""
    words = [token for token in tokens if token.kind != "end"]
    kept: list[Token] = []
    at = 0
    while at < len(words):
        if starts(words, "isolation level", at):
            at += 2 + (2 if words[at + 2].word in ("read", "repeatable") else 1) if at + 2 < len(words) else 2
        else:
            # PostgreSQL takes the modes without the commas between them, too.
            kept += [words[at]] if words[at].text != "," else []
            at += 1
    if [token.word for token in kept] == ["set", "transaction"]:
        return Rewritten(_NOTHING, tag="SET")
    return Rewritten(text_of(kept))
