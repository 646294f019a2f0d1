"""Write what is told of the program from the program itself: docs/reference, and descriptions in dbt's files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from workbench.schema import REPORTS, SCHEMAS, TABLES, Column, Table, sql_type, units
from workbench.settings import Reach, Settings

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "make docs"
_WRITTEN = "<!-- Written by `make docs` from {}. -->\n\n"
_BOUNDS = {"ge": "from {}", "gt": "over {}", "le": "up to {}", "lt": "under {}"}


def pages() -> dict[Path, str]:
    """Return what each generated file must hold, by its path in the project."""
    reference = Path("docs") / "reference"
    found = {
        reference / "settings.md": settings(),
        reference / "commands.md": commands(),
        reference / "dictionary.md": dictionary(),
    }
    found[Path("dbt") / "macros" / "units.sql"] = units.macro()
    for path in sorted((ROOT / "dbt" / "models").rglob("*.yml")):
        found[path.relative_to(ROOT)] = described(path.read_text(encoding="utf-8"))
    return found


def settings() -> str:
    """Return the page of all settings."""
    lines = [
        "# Settings\n",
        _WRITTEN.format("workbench/settings/declared.py").rstrip() + "\n",
        "Each is read from the environment, or from the file `.env` in the working directory. A relative path is one from",
        "the working directory. Some are handed on: to the processes of notebooks, or to those and to tasks on ECS.\n",
        "| setting | type | default | what it says | handed to |",
        "|---|---|---|---|---|",
    ]
    reaches = Settings.reaches()
    for name, field in Settings.model_fields.items():
        variable = f"`{Settings.model_config['env_prefix']}{name.upper()}`"
        lines.append(
            _row(variable, _type(field), _default(field), _sentence(field), _handed_to(reaches[name]))
        )
    return "\n".join(lines) + "\n"


def _handed_to(reach: Reach) -> str:
    return "notebooks, tasks" if reach.tasks else "notebooks" if reach.notebooks else ""


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(kind))
    known = [each for each in get_args(kind) if each is not type(None)] or [kind]
    words = {
        str: "text",
        bool: "true or false",
        int: "integer",
        float: "number",
        Path: "path",
        SecretStr: "secret",
    }
    bounds = [
        text.format(f"{value:,}" if isinstance(value, int) else value)
        for mark in field.metadata
        for name, text in _BOUNDS.items()
        if (value := getattr(mark, name, None)) is not None
    ]
    return ", ".join([words.get(known[0], known[0].__name__.lower()), " ".join(bounds)]).rstrip(", ")


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None or isinstance(value, SecretStr) else str(value)
    return f"`{text}`" if text else ""


def _sentence(field: FieldInfo) -> str:
    marks = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    told = [name.replace("_", " ") for name, is_so in marks.items() if is_so is True]
    return "; ".join([field.description or "", *told])


def commands() -> str:
    """Return the page of all commands, as their help has them."""
    from typer import Context
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from workbench.cli import app

    program = get_command(app)
    text = get_docs_for_click(obj=program, ctx=Context(program, info_name="workbench"), name="workbench")
    _, _, rest = text.partition("\n\n")
    page = "# Commands\n\n" + _WRITTEN.format("the help of the commands") + rest
    # A blank line more or less is Typer's affair.
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


def dictionary() -> str:
    """Return the page of all tables and columns."""
    lines = [
        "# Data dictionary\n",
        _WRITTEN.format("workbench/schema").rstrip() + "\n",
        "Every table of the warehouse. `workbench schema TABLE` prints one, `workbench schema --ddl` the statements. The",
        "layout is Redshift's: DuckDB has none. Timestamps are UTC, without zone. A rule is what a landed value must pass",
        "beyond its type.\n",
    ]
    for schema in SCHEMAS:
        lines.append(f"## {schema}\n")
        if schema == "withdrawn":
            lines.append(
                "A table for each of raw, with the same columns: where the rows of a batch are that was withdrawn.\n"
            )
            continue
        for table in TABLES.values():
            if table.schema == schema:
                lines += _table(table)
    lines += [
        "## Reporting views\n",
        "On Redshift, over a materialized view each that refreshes by itself.\n",
        "| view | what it holds | reads |",
        "|---|---|---|",
        *(
            _row(f"`{each.full_name}`", each.comment, ", ".join(f"`{name}`" for name in each.reads))
            for each in REPORTS
        ),
    ]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> Iterator[str]:
    style = {"all": "a copy on each node", "even": "spread evenly"}.get(
        table.dist, f"spread by `{table.dist}`"
    )
    yield f"### {table.full_name}\n"
    yield f"{table.comment[:1].upper()}{table.comment[1:]}.\n"
    yield f"- key: {_names(table.key) or 'none'}"
    yield "- a view" if table.view else f"- layout: {style}, sorted by {_names(table.sort) or 'nothing'}"
    yield f"- because: {table.why}\n"
    yield "| column | DuckDB | Redshift | null | rules | what it holds |"
    yield "|---|---|---|---|---|---|"
    for column in table.columns:
        yield _row(
            f"`{column.name}`", sql_type(column, "duckdb"), sql_type(column, "redshift"),
            "yes" if column.nullable else "no", ", ".join(table.rules(column)),
            column.comment,
        )  # fmt: skip
    yield ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def described(text: str) -> str:
    """Return a file of dbt's properties with the descriptions of what is declared; its tests stay as they are."""
    blocks = re.split(r"(?m)^(?=  - name: )", text)
    return "".join([blocks[0], *(_described_block(block) for block in blocks[1:])])


def _described_block(block: str) -> str:
    name = re.match(r"  - name: (\w+)\n", block)
    if name is None:
        raise ValueError(f"no name in {block[:40]!r}")
    if re.search(r"(?m)^    tables:\n", block):
        return re.sub(
            r"(?m)^      - name: (\w+)\n(?:        description: .*\n)?",
            lambda found: (
                f"{found[0].splitlines()[0]}\n        description: {_text(TABLES[f'{name[1]}.{found[1]}'])}\n"
            ),
            block,
        )
    table = next(
        each
        for each in TABLES.values()
        if each.name == name[1] and each.schema in ("staging", "core", "marts")
    )
    head, _, columns = block.rstrip("\n").partition("\n    columns:\n")
    blank = block[len(block.rstrip("\n")) :]
    kept = dict(re.findall(r"(?m)^      - name: (\w+)\n((?:        .*\n?)*)", columns))
    if unknown := set(kept) - set(table.column_names):
        raise ValueError(f"{table.full_name} has no column {', '.join(sorted(unknown))}")
    lines = [
        re.sub(r"(?m)^    description: .*$", lambda _: f"    description: {_text(table)}", head),
        "    columns:",
    ]
    for column in table.columns:
        lines += [f"      - name: {column.name}", f"        description: {_text(column)}"]
        tests = re.sub(r"(?m)^        description: .*\n?", "", kept.get(column.name, "")).rstrip("\n")
        lines += [tests] if tests else []
    return "\n".join(lines) + blank


def _text(declared: Table | Column) -> str:
    return json.dumps(declared.comment, ensure_ascii=False)


def main() -> None:
    """Write each file that isn't as it must be."""
    for path, text in pages().items():
        file = ROOT / path
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
