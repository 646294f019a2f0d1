"""What dbt does once in a process, done as this module is imported: processes forked from there have it behind them.

It imports what dbt imports late, makes the schemas that dbt checks its files by, and has the code written that reads
and writes its parts: half of a small build's time. No project is read, no thread or process is started.
"""

from __future__ import annotations

import _strptime  # noqa: F401
import contextlib
from collections.abc import Iterator
from typing import Any

import babel.dates  # noqa: F401
import dbt.adapters.duckdb.environments.local
import dbt.parser.sql
import dbt.task.build  # noqa: F401
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.project import Configuration, PackageConfig, ProfileConfig, Project, ProjectFlags
from dbt.contracts.selection import SelectorFile
from dbt.parser.manifest import ManifestLoader  # noqa: F401
from dbt.task.test import TestResultData
from dbt_common.behavior_flags import Behavior
from dbt_common.clients import agate_helper  # noqa: F401
from dbt_common.dataclass_schema import dbtClassMixin
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

__all__ = ["dbtRunner", "only_warnings"]

_CHECKED = (
    ProjectFlags,
    DuckDBCredentials,
    ProfileConfig,
    Project,
    PackageConfig,
    SelectorFile,
    Configuration,
    TestResultData,
)


class _Warnings(EventManager):
    """Passes on what is a warning or worse; to put into words all else that dbt tells is a fifth of its work."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if force_warn_or_error_handling or (level or e.level_tag()) in (EventLevel.WARN, EventLevel.ERROR):
            super().fire_event(e, level, node, force_warn_or_error_handling)


@contextlib.contextmanager
def only_warnings() -> Iterator[None]:
    """Have dbt tell nothing but warnings and errors."""
    before = get_event_manager()
    ctx_set_event_manager(_Warnings())
    try:
        yield
    finally:
        ctx_set_event_manager(before)


def _kinds(kind: type[dbtClassMixin]) -> Iterator[type[dbtClassMixin]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _prepare() -> None:
    for checked in _CHECKED:
        checked.json_schema()
    with contextlib.suppress(Exception):
        Manifest.from_msgpack(b"")
    # A manifest has a lock, for which Python starts a process.
    for kind in set(_kinds(dbtClassMixin)) - {Manifest}:
        # Its code is written on the first call, whatever becomes of that.
        for reader in ("from_dict", "__mashumaro_from_dict_msgpack__"):
            with contextlib.suppress(Exception):
                getattr(kind, reader)({})
        with contextlib.suppress(Exception):
            kind.__new__(kind).to_dict()
    # It looks through every module for its caller's name; Python keeps what it found.
    Behavior([{"name": "none", "default": True, "description": "none"}], {})


_prepare()
