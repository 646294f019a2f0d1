"""Files of JSONPath expressions, one a column: which part of each object goes where."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from redshift_local.bulk import s3
from redshift_local.errors import SqlError
from redshift_local.operations import Copy

_STEP = re.compile(r"""\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")


def with_paths(client: Any, spec: Copy, columns: int) -> Copy:
    """Return the COPY with the expressions of its file. Raises SqlError for a file that doesn't fit the columns."""
    location = spec.json_paths_at
    assert location is not None  # noqa: S101
    with s3.errors_as_sql(location.uri):
        body = client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    try:
        paths = json.loads(body)["jsonpaths"]
        if not isinstance(paths, list):
            raise ValueError
        found = tuple(steps(path) for path in paths)
    except (ValueError, KeyError, TypeError) as problem:
        raise SqlError(
            "XX000",
            f'{location.uri} is no jsonpaths file: it would be {{"jsonpaths": ["$.id", "$.names[0]"]}}',
        ) from problem
    if len(found) != columns:
        raise SqlError(
            "XX000",
            f"Number of jsonpaths and the number of columns should match. JSONPath size: {len(found)}, "
            f"Number of columns in table or column list: {columns}",
        )
    return replace(spec, json_paths=found)


def steps(path: str) -> tuple[str | int, ...]:
    """Return the names and indexes that an expression goes through; raise ValueError for another expression."""
    if not path.startswith("$"):
        raise ValueError(path)
    found: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(path)
        name = next((part for part in step.groups()[:3] if part is not None), None)
        found.append(name if name is not None else int(step[4]))
        at = step.end()
    return tuple(found)


def follow(path: tuple[str | int, ...], value: Any) -> Any:
    """Return what a path leads to, or None."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value
