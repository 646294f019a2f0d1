"""Redshift's SQL in PostgreSQL's words, or the error that says what isn't imitated."""

from __future__ import annotations

from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.rewrite.statements import rewrite

__all__ = ["Rewritten", "rewrite"]
