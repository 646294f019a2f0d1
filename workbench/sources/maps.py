"""A map takes a file of another shape to one of our datasets: each of our columns from an expression over theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import sqlglot
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlglot import exp

from workbench.errors import UsageError, unknown
from workbench.schema import DATASETS, quote

ROW = "\x1frow"
"""The column of row numbers for windows without an order; no expression can name it, since YAML has no such character."""


class Map(BaseModel):
    """A map as written: ``dataset`` and ``columns``, our name to a DuckDB expression over their columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    columns: dict[str, str]
    description: str = ""

    @property
    def canonical(self) -> bytes:
        """What of the map decides the rows, in one form however the file is written."""
        body = {"dataset": self.dataset, "columns": self.columns}
        return json.dumps(body, sort_keys=True, ensure_ascii=False).encode()

    def sources(self) -> dict[str, set[str]]:
        """Return, for each of our columns, the names of their columns it reads."""
        return {
            name: {c.name for c in _parse(name, text).find_all(exp.Column)}
            for name, text in self.columns.items()
        }

    def aliases(self, theirs: Iterable[str]) -> dict[str, str]:
        """Return by which names their columns are known to SQL: their own, unless only case tells two apart."""
        names: dict[str, str] = {}
        for name in sorted(theirs):
            taken = {alias.lower() for alias in names.values()}
            names[name] = name if name.lower() not in taken else f"{ROW}{len(names)}"
        return names

    def sql(self, name: str, aliases: Mapping[str, str]) -> str:
        """Return the expression of one of our columns, made safe for rows it can't be worked out for.

        A scalar that fails on a row is null there. A ``row_number()`` without an order follows the file.
        ``aliases`` are the names of their columns in SQL.
        """
        tree = _parse(name, self.columns[name])
        other = [column for column in tree.find_all(exp.Column) if aliases[column.name] != column.name]
        for column in other:
            column.set("this", exp.to_identifier(aliases[column.name], quoted=True))
        text = tree.sql(dialect="duckdb") if other else self.columns[name]
        windows = list(tree.find_all(exp.Window))
        if not windows:
            return f"TRY({text})"
        unordered = [w for w in windows if isinstance(w.this, exp.RowNumber) and not w.args.get("order")]
        if not unordered:
            return text
        for window in unordered:
            window.set("order", exp.Order(expressions=[exp.column(ROW, quoted=True)]))
        return tree.sql(dialect="duckdb")


def _parse(name: str, text: str) -> exp.Expression:
    try:
        statements = sqlglot.parse(f"SELECT {text} AS {quote(name)}", read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise UsageError(f"map, column {name!r}: not an expression: {str(error).splitlines()[0]}") from None
    select = statements[0] if len(statements) == 1 else None
    only_projection = isinstance(select, exp.Select) and not any(
        value for key, value in select.args.items() if key not in ("expressions", "kind", "hint")
    )
    if not isinstance(select, exp.Select) or not only_projection or len(select.expressions) != 1:
        raise UsageError(f"map, column {name!r}: one scalar or window expression is wanted, not {text!r}")
    tree = select.expressions[0].unalias()
    if tree.find(exp.Query, exp.Subquery, exp.Star, exp.Placeholder, exp.Parameter):
        raise UsageError(f"map, column {name!r}: no subquery, star or parameter may stand in {text!r}")
    return tree


def read_map(path: Path) -> Map:
    """Read and check a map.

    Raises:
        UsageError: no such file, not YAML, an unknown dataset or column, a required column left out, or
            something that isn't one scalar or window expression.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Map.model_validate(document)
    except FileNotFoundError:
        raise UsageError(f"no such map: {path}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"map {path}: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"map {path}: {where}: {first['msg']}") from None
    if found.dataset not in DATASETS:
        raise unknown("dataset", found.dataset, DATASETS)
    table = DATASETS[found.dataset]
    ours = [column for column in table.columns if not column.name.startswith("_")]
    for name in found.columns:
        if name not in {column.name for column in ours}:
            raise unknown(f"column of {found.dataset}", name, [column.name for column in ours])
        _parse(name, found.columns[name])
    left_out = [column.name for column in ours if column.required and column.name not in found.columns]
    if left_out:
        raise UsageError(f"map {path}: {found.dataset} requires {', '.join(left_out)}")
    return found
