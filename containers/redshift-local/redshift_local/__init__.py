"""A local look-alike of Amazon Redshift for development and tests: PostgreSQL behind a front that speaks as Redshift."""

from __future__ import annotations

from redshift_local.errors import LocalError
from redshift_local.server import Address, RedshiftLocal

__all__ = ["Address", "LocalError", "RedshiftLocal"]
