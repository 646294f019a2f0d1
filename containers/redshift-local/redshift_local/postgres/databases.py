"""Makes the user, the database, and Redshift's functions and catalog in it (`sql/`), where they are missing."""

from __future__ import annotations

from importlib import resources
from typing import Literal

from redshift_local.postgres.process import Postgres

Isolation = Literal["serializable", "snapshot"]
# Each may need what those before it make.
_SCRIPTS = (
    "functions.sql",
    "dates.sql",
    "patterns.sql",
    "catalog.sql",
    "bytes.sql",
    "late.sql",
    "tables.sql",
    "views.sql",
)
_LEVELS = {"serializable": "serializable", "snapshot": "repeatable read"}
_BEFORE = "SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS redshift_local;\n"
_ISOLATION = "ALTER DATABASE :\"database\" SET default_transaction_isolation = :'level';"
_USER = r"""
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') AS missing \gset
\if :missing
CREATE ROLE :"name" LOGIN CREATEDB CREATEROLE;
\endif
ALTER ROLE :"name" PASSWORD :'password';
"""


def set_up(postgres: Postgres, database: str, user: str, password: str, isolation: Isolation) -> None:
    """Make what is missing, and set the user's password and the database's isolation. Raises LocalError."""
    given = {"name": user, "password": password, "database": database}
    postgres.run(_USER, **given)
    # Every database is copied from the template, those that clients make too.
    _fill(postgres, "template1")
    if postgres.run("SELECT 1 FROM pg_database WHERE datname = :'database';", **given):
        _fill(postgres, database)
    else:
        postgres.run('CREATE DATABASE :"database" OWNER :"name";', **given)
    postgres.run(_ISOLATION, **given, level=_LEVELS[isolation])


def _fill(postgres: Postgres, database: str) -> None:
    """Make what a database lacks of Redshift's functions and catalog."""
    folder = resources.files("redshift_local.postgres").joinpath("sql")
    scripts = "\n".join(folder.joinpath(script).read_text() for script in _SCRIPTS)
    postgres.run(_BEFORE + scripts, database)
