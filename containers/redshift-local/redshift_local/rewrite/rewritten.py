"""What becomes of a statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redshift_local.session import Session


@dataclass(frozen=True)
class Rewritten:
    """What to send PostgreSQL; or, in `local`, the work to do in its place, which returns the command tag.

    A `tag` replaces PostgreSQL's. `alone` names a statement that is refused inside a transaction; one that `commits`
    ends the transaction that it stands in. Both are of local statements.
    """

    sql: str
    local: Callable[[Session], Awaitable[str]] | None = None
    tag: str = ""
    alone: str = ""
    commits: bool = False
