"""What only Redshift's leader node takes in queries of the catalog, as sqlalchemy-redshift sends them.

Columns that Redshift has put into PostgreSQL's catalog, `WHERE 1`, and WHERE by a name that the SELECT list gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.lexer.tokens import Token, name_value, text_of

_OF_ATTRIBUTES = ("attisdistkey", "attsortkeyord", "attencodingtype")
_NAMED = ("schema", "table_name", "relname")


def rewrite_catalog_query(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens of a query of pg_class in PostgreSQL's words, and others as they are."""
    if not any(token.word == "pg_class" for token in tokens):
        return list(tokens)
    done: list[Token] = []
    named: dict[str, list[Token]] = {}
    in_where = False
    for index, token in enumerate(tokens):
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.word in ("select", "union"):
            named, in_where = ({}, False) if token.word == "select" else (named, False)
        elif token.word == "where":
            in_where = True
        elif token.word == "order":
            in_where = False
        before = done[-1] if done else Token("op", "")
        if token.word in _OF_ATTRIBUTES and before.text == ".":
            table = done[-2]
            call = f"redshift_local.{token.word}({table.text}.attrelid, {table.text}.attname)"
            done[-2:] = [table.with_text(call)]
            continue
        if token.word == "adsrc" and before.word != "as":
            done.append(token.with_text("pg_get_expr(adbin, adrelid) AS adsrc"))
            continue
        if token.word == "reldiststyle" and before.text == ".":
            table = done[-2]
            done[-2:] = [table.with_text(f"redshift_local.reldiststyle({table.text}.oid)")]
            continue
        if token.text == "1" and before.word == "where":
            done.append(token.with_text("true"))
            continue
        if token.kind in ("word", "quoted") and name_value(token) in _NAMED:
            name = name_value(token)
            if before.word == "as" and len(done) > 3:
                named[name] = done[-4:-1] if done[-3].text == "." else done[-2:-1]
            elif in_where and before.text != "." and after == "=" and name in named:
                done.append(Token("text", text_of(named[name]).strip(), token.before))
                continue
        done.append(token)
    return done
