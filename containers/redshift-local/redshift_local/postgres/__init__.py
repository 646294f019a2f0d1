"""The PostgreSQL behind the front: its process, and what is made in it so that it looks like a Redshift."""

from __future__ import annotations

from redshift_local.postgres.process import ADMINISTRATOR, Postgres, find_programs

__all__ = ["ADMINISTRATOR", "Postgres", "find_programs"]
