"""What dbt does once in a process, done as this module is imported: processes forked from there have it behind them.

It imports what dbt imports late, makes the schemas that dbt checks its files by, and has the code written that reads
and writes its parts: half of a small build's time. No project is read, no thread or process is started.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import babel.dates  # noqa: F401
import dbt.adapters.duckdb.environments.local
import dbt.parser.sql
import dbt.task.build  # noqa: F401
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.project import Configuration, PackageConfig, ProfileConfig, Project, ProjectFlags
from dbt.contracts.selection import SelectorFile
from dbt.parser.manifest import ManifestLoader  # noqa: F401
from dbt.task.test import TestResultData
from dbt_common.behavior_flags import Behavior
from dbt_common.dataclass_schema import dbtClassMixin

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


def _kinds(kind: type[dbtClassMixin]) -> Iterator[type[dbtClassMixin]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _prepare() -> None:
    for checked in _CHECKED:
        checked.json_schema()
    # A manifest has a lock, for which Python starts a process.
    for kind in set(_kinds(dbtClassMixin)) - {Manifest}:
        # Its code is written on the first call, whatever becomes of that.
        with contextlib.suppress(Exception):
            kind.from_dict({})
        with contextlib.suppress(Exception):
            kind.__new__(kind).to_dict()
    # It looks through every module for its caller's name; Python keeps what it found.
    Behavior([{"name": "none", "default": True, "description": "none"}], {})


_prepare()
