"""Show the tables of the warehouse as they are declared: a dictionary, or the DDL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.errors import unknown

if TYPE_CHECKING:
    from workbench.schema import Dialect, Table


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(schema)


def _complete(incomplete: str) -> list[str]:
    from workbench.schema import TABLES

    names = [*TABLES, *(table.name for table in TABLES.values())]
    return [name for name in names if name.startswith(incomplete)]


def schema(
    table: Annotated[
        str | None,
        typer.Argument(
            help="A table, a dataset, or a pattern such as 'raw.*'; all if left out.",
            show_default=False,
            autocompletion=_complete,
        ),
    ] = None,
    ddl: Annotated[bool, typer.Option("--ddl", help="Print the statements that make them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what tables there are; of one, its columns with types and rules. Needs no warehouse.

    Types and statements are those of the engine in the settings.
    """
    from workbench.commands.tables import show
    from workbench.schema import TABLES, create_schemas, create_table
    from workbench.settings import get_settings
    from workbench.warehouse import dialect_of

    dialect = dialect_of(get_settings().warehouse)
    chosen = _find(table) if table else list(TABLES.values())
    if as_json:
        print(json.dumps([_facts(each, dialect) for each in chosen], indent=2, ensure_ascii=False))
    elif ddl:
        statements = [] if table else create_schemas()
        for each in chosen:
            statements += create_table(each, dialect)
        print(";\n".join([*statements, ""]).rstrip())
    elif len(chosen) > 1:
        show(
            ("table", "columns", "what it holds"),
            [(each.full_name, str(len(each.columns)), each.comment) for each in chosen],
            right=("columns",),
        )
    else:
        (one,) = chosen
        print(f"{one.full_name}: {one.comment}")
        if one.key:
            print(f"key: {', '.join(one.key)}")
        rows = [(c["name"], c["type"], "; ".join(c["rules"]), c["comment"]) for c in _columns(one, dialect)]
        show(("column", "type", "rules", "what it holds"), rows)


def _find(name: str) -> list[Table]:
    """Return the tables of a name: its full one, one on the search path, a dataset, or a pattern.

    Raises:
        UsageError: there is none.
    """
    from fnmatch import fnmatchcase

    from workbench.schema import TABLES

    wanted = name.strip().lower()
    for candidate in (wanted, f"marts.{wanted}", f"core.{wanted}", f"raw.{wanted}"):
        if candidate in TABLES:
            return [TABLES[candidate]]
    found = [
        table
        for full, table in TABLES.items()
        if fnmatchcase(full, wanted) or fnmatchcase(table.name, wanted) or wanted == table.schema
    ]
    if not found:
        raise unknown("table", name, TABLES)
    return found


def _columns(table: Table, dialect: Dialect) -> list[dict[str, Any]]:
    from workbench.schema import sql_type

    return [
        {
            "name": column.name,
            "type": sql_type(column, dialect),
            "rules": [*(["required"] if column.required else []), *table.rules(column)],
            "comment": column.comment,
        }
        for column in table.columns
    ]


def _facts(table: Table, dialect: Dialect) -> dict[str, Any]:
    return {
        "table": table.full_name,
        "comment": table.comment,
        "key": list(table.key),
        "columns": _columns(table, dialect),
    }
