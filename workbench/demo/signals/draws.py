"""Draws in SQL that a number decides, so that the same data come out every time."""

from __future__ import annotations

from pathlib import Path

import duckdb


def draw(number: str, salt: int, seed: int) -> str:
    """Return SQL for a number from 0 up to 1 that an expression, ``salt`` and ``seed`` decide."""
    return f"((hash(hash({number}) + {salt + 97 * seed}) >> 11) / 9007199254740992.0)"


def copy_csv(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write a query's rows as CSV; return how many."""
    target = str(path).replace("'", "''")
    done = connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT csv, HEADER)").fetchone()
    return int(done[0]) if done else 0
