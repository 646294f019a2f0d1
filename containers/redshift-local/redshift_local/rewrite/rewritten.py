"""What becomes of a statement."""

from __future__ import annotations

from dataclasses import dataclass

from redshift_local.operations import Operation


@dataclass(frozen=True)
class Rewritten:
    """What to send PostgreSQL; or, in `local`, what to do in its place. A `tag` replaces PostgreSQL's command tag."""

    sql: str
    local: Operation | None = None
    tag: str = ""
