"""Who did what: ``ops.audit_log``."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.schema import cut
from workbench.warehouse import Session


def note(
    session: Session,
    actor: str,
    action: str,
    thing: str,
    details: Mapping[str, Any],
    happened_at: datetime | None = None,
) -> None:
    """Note in the session's transaction who did what to which thing; ``happened_at`` is UTC, now if None."""
    happened_at = happened_at or datetime.now(UTC).replace(tzinfo=None)
    session.execute(
        "INSERT INTO ops.audit_log (happened_at, actor, action, object, details) VALUES (?, ?, ?, ?, ?)",
        [happened_at, cut(actor, 128), cut(action, 128), cut(thing, 512), json.dumps(dict(details))],
    )


def somebody() -> str:
    """Return the name of who calls."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # In a container the user may have no name.
        return f"user {os.getuid()}"
