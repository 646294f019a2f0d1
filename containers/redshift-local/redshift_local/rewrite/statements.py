"""Finds out what kind a statement is and has it rewritten."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

from redshift_local.errors import SqlError, bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, split, starts, text_of, tokenize
from redshift_local.rewrite import design, utility
from redshift_local.rewrite.catalog_queries import rewrite_catalog_query
from redshift_local.rewrite.copy import copy
from redshift_local.rewrite.expressions import rewrite_expression
from redshift_local.rewrite.merge import merge
from redshift_local.rewrite.qualify import rewrite_qualify
from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.rewrite.table_operations import truncate
from redshift_local.rewrite.unload import parse_unload

_REFUSED = {
    "create external": "CREATE EXTERNAL (Spectrum)", "create datashare": "CREATE DATASHARE",
    "alter datashare": "ALTER DATASHARE", "create library": "CREATE LIBRARY", "create model": "CREATE MODEL",
    "create or replace external": "CREATE EXTERNAL (Spectrum)", "create rls": "CREATE RLS POLICY",
    "create masking": "CREATE MASKING POLICY", "create identity": "CREATE IDENTITY PROVIDER",
    "cancel": "CANCEL: pg_cancel_backend(pid)", "use": "USE", "attach": "ATTACH", "detach": "DETACH",
    "listen": "LISTEN", "notify": "NOTIFY", "create extension": "CREATE EXTENSION",
    "create index": "CREATE INDEX, which Redshift doesn't have,", "create unique": "CREATE INDEX, which Redshift doesn't have,",
    "create trigger": "CREATE TRIGGER, which Redshift doesn't have,", "reindex": "REINDEX",
}  # fmt: skip


def rewrite(sql: str, *, many: bool = False) -> Rewritten:
    """Return a statement, or with `many` several of them, in PostgreSQL's words; raise SqlError."""
    try:
        return _cached(sql, many) if len(sql) < 20_000 else _rewrite(sql, many)
    except SqlError:
        raise
    except Exception as problem:
        # A statement that trips the rewriting must not take the client's connection along.
        raise SqlError(
            "XX000", f"the local Redshift can't read this statement ({type(problem).__name__})"
        ) from problem


def _rewrite(sql: str, many: bool) -> Rewritten:
    parts = [part for part in split(tokenize(sql), ";") if text_of(part).strip() and part[0].kind != "end"]
    if len(parts) > 1 and not many:
        raise bad_statement("cannot insert multiple commands into a prepared statement")
    done = [_one(part) for part in parts]
    if len(done) > 1 and any(one.local for one in done):
        raise not_imitated(
            "COPY, UNLOAD, TRUNCATE or ALTER TABLE APPEND among other statements of one query",
            "send it on its own",
        )
    if len(done) == 1:
        return done[0]
    return Rewritten(";".join(one.sql for one in done))


_cached = functools.lru_cache(maxsize=4096)(_rewrite)


def _one(tokens: Sequence[Token]) -> Rewritten:
    tokens = rewrite_catalog_query(rewrite_qualify(tokens))
    for words, construct in _REFUSED.items():
        if starts(tokens, words):
            raise not_imitated(construct)
    for words, change in _CHANGED.items():
        if starts(tokens, words):
            changed = change(tokens)
            if changed is not None:
                return changed
    return Rewritten(text_of(rewrite_expression(tokens)))


def _create_table(tokens: Sequence[Token]) -> Rewritten:
    return Rewritten(tokens[0].before + design.create_table(tokens))


def _create_materialized_view(tokens: Sequence[Token]) -> Rewritten:
    return Rewritten(tokens[0].before + design.create_materialized_view(tokens))


def _unload(tokens: Sequence[Token]) -> Rewritten:
    operation = parse_unload(tokens)
    query = _rewrite(operation.query, many=False)
    if query.local is not None or not query.sql.lstrip(" (\n\t").lower().startswith(("select", "with")):
        raise bad_statement("UNLOAD takes a SELECT")
    return Rewritten("", local=replace(operation, query=query.sql))


def _merge(tokens: Sequence[Token]) -> Rewritten:
    return Rewritten(tokens[0].before + merge(tokens), tag="MERGE")


_CHANGED: dict[str, Callable[[Sequence[Token]], Rewritten | None]] = {
    **dict.fromkeys(
        ("create table", "create temp table", "create temporary table", "create local temp table",
         "create local temporary table"),
        _create_table,
    ),
    "create materialized view": _create_materialized_view,
    "alter materialized view": design.alter_materialized_view,
    "alter table": design.alter_table,
    "copy": copy,
    "unload": _unload,
    "truncate": truncate,
    "merge": _merge,
    "create view": utility.create_view,
    "create or replace view": utility.create_view,
    "vacuum": utility.vacuum,
    "analyze": utility.analyze,
    "analyse": utility.analyze,
    "show": utility.show,
    "set transaction": utility.begin,
    "set": utility.set_parameter,
    "reset": utility.set_parameter,
    "begin": utility.begin,
    "start transaction": utility.begin,
}  # fmt: skip
