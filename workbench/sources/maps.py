"""A map takes a file of another shape to one of our datasets: each of our columns from an expression over theirs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from workbench.documents import read_document
from workbench.errors import UsageError, first_line, plainly, unknown
from workbench.schema import DATASETS
from workbench.sources.dialect import Dialect
from workbench.sources.expressions import ROW, Name, Worked, has_window, parse, reads, work_out


class Map(Dialect):
    """A map as written: ``dataset``, ``columns``, our name to a DuckDB expression over theirs, and how the file is written.

    Without columns, theirs are called as ours are.
    """

    dataset: str
    columns: dict[str, str] = {}
    description: str = ""

    @property
    def canonical(self) -> bytes:
        """What of the map decides the rows, in one form however the file is written."""
        body = {"dataset": self.dataset, "columns": self.columns, **self.said}
        return json.dumps(body, sort_keys=True, ensure_ascii=False).encode()

    @property
    def looks_around(self) -> bool:
        """Whether what it makes of a row depends on other rows of the file."""
        return any(has_window(parse(name, text)) for name, text in self.columns.items())

    def sources(self) -> dict[str, set[str]]:
        """Return, for each of our columns, the names of their columns it reads."""
        return {name: reads(parse(name, text)) for name, text in self.columns.items()}

    def aliases(self, theirs: Iterable[str]) -> dict[str, str]:
        """Return by which names their columns are known to SQL: their own, unless only case tells two apart."""
        names: dict[str, str] = {}
        for name in sorted(theirs):
            taken = {alias.lower() for alias in names.values()}
            names[name] = name if name.lower() not in taken else f"{ROW}{len(names)}"
        return names

    def worked_out(
        self,
        types: Mapping[str, str],
        aliases: Mapping[str, str] | None = None,
        ours: Collection[str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> dict[str, Worked]:
        """Return the expression of each of our columns as SQL.

        Args:
            types: those of their columns that it reads.
            aliases: by which names they are known to SQL, if not by :meth:`aliases`.
            ours: which of our columns, if not all.
            fields: by which names those are known that fields are taken out of, if by others.
        """
        aliases, fields = aliases or self.aliases(types), fields or {}
        names = {name: Name(aliases[name], kind, fields.get(name)) for name, kind in types.items()}
        return {
            name: work_out(name, text, parse(name, text), names)
            for name, text in self.columns.items()
            if ours is None or name in ours
        }


def read_map(path: Path, *, shown_as: str | None = None) -> Map:
    """Read and check a map; errors call it ``shown_as``, or by its path.

    Raises:
        UsageError: no such file, not YAML, an unknown dataset or column, a required column left out, or
            something that isn't one scalar or window expression.
    """
    called = shown_as or path
    try:
        document = read_document(path.read_text(encoding="utf-8"))
        found = Map.model_validate(document)
    except FileNotFoundError:
        raise UsageError(f"no such map: {called}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"map {called}, line {line}: no YAML: {error.problem}") from None
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"map {called}: {unknown('key', str(first['loc'][-1]), Map.model_fields)}"
            ) from None
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"map {called}: {where}: {plainly(first)}") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"map {called}: {first_line(str(error))}") from None
    if found.dataset not in DATASETS:
        raise unknown("dataset", found.dataset, DATASETS)
    if not found.columns and not found.said:
        raise UsageError(f"map {called}: it says neither columns nor how the file is written")
    table = DATASETS[found.dataset]
    ours = [column for column in table.columns if not column.name.startswith("_")]
    for name in found.columns:
        if name not in {column.name for column in ours}:
            raise unknown(f"column of {found.dataset}", name, [column.name for column in ours])
        parse(name, found.columns[name])
    left_out = [column.name for column in ours if column.required and column.name not in found.columns]
    if found.columns and left_out:
        raise UsageError(f"map {called}: {found.dataset} requires {', '.join(left_out)}")
    return found
