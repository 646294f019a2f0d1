"""Have dbt keep to itself what nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

_WANTED = (EventLevel.WARN, EventLevel.ERROR)


class _Warnings(EventManager):
    """Passes on what is a warning or worse; to put into words all else is a seventh of dbt's work."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if force_warn_or_error_handling or (level or e.level_tag()) in _WANTED:
            super().fire_event(e, level, node, force_warn_or_error_handling)


@contextmanager
def only_warnings() -> Iterator[None]:
    """Have dbt tell nothing but warnings and errors as long as the context is open."""
    before = get_event_manager()
    ctx_set_event_manager(_Warnings())
    try:
        yield
    finally:
        ctx_set_event_manager(before)
