"""The contract of stage notebooks: readable from the top, thin, and true to their pipeline's map."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.execution.notebook.language import find_kernel, named_kernel
from workbench.execution.notebook.notebook import INJECTED
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.notebook.tidy import is_laid_out
from workbench.execution.parameters.declarations import TAG, convert_all, has_tag, parse_cell
from workbench.execution.parameters.syntax import parse
from workbench.execution.parameters.undefined import undefined_names
from workbench.execution.pipeline.partitions import partition_problems
from workbench.execution.pipeline.pipeline import Pipeline
from workbench.execution.pipeline.stage import LOCAL, Stage, destination

LONGEST_CELL = 12
KEPT_WITHOUT = "it is kept without outputs and execution counts"
NOT_LAID_OUT = "its file isn't laid out as Jupyter saves it, in the order of keys or in its lines"
_SECTION = re.compile(r"\*\*(Reads|Writes|Fails when)\s*[:.]?\s*\*\*\s*[:.]?", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Finding:
    """One breach: the notebook, the cell (from 0, None for the whole notebook) and what is wrong."""

    notebook: Path
    cell: int | None
    message: str

    @property
    def mendable(self) -> bool:
        """Whether it is of a kind that :func:`workbench.execution.notebook.tidy.tidy` mends."""
        return self.message in (KEPT_WITHOUT, NOT_LAID_OUT)

    def __str__(self) -> str:
        place = "" if self.cell is None else f", cell {self.cell}"
        return f"{self.notebook}{place}: {self.message}"


def check_pipeline(pipeline: Pipeline) -> list[Finding]:
    """Return every breach of the contract in a pipeline's notebooks; none if all keep it."""
    found: list[Finding] = []
    for name, stage in pipeline.stages.items():
        path = pipeline.notebook(name)
        try:
            content = read_notebook(path)
        except UsageError as error:
            found.append(Finding(path, None, str(error)))
            continue
        cells = content["cells"]
        if not is_laid_out(path):
            found.append(Finding(path, None, NOT_LAID_OUT))
        problems = [*_kernel(content, stage), *_header(cells, stage.reads, stage.writes), *_body(cells)]
        if named_kernel(content, stage.kernel).python:
            problems += [
                *_imports(cells),
                *_parameters(cells, stage, f"stage {name}"),
                *_last(cells),
            ]
        found += [Finding(path, cell, message) for cell, message in problems]
    return found


Problems = Iterator[tuple[int | None, str]]


def _kernel(content: dict[str, Any], stage: Stage) -> Problems:
    try:
        if destination(stage, None) == LOCAL:
            find_kernel(content, "it", stage.kernel)
    except UsageError as error:
        yield None, str(error)


def _header(cells: list[dict[str, Any]], reads: tuple[str, ...], writes: tuple[str, ...]) -> Problems:
    if not cells or cells[0]["cell_type"] != "markdown":
        yield 0, "the first cell is markdown: a title, a sentence, Reads, Writes, Fails when"
        return
    text = cells[0]["source"]
    if not re.match(r"# \S+", text):
        yield 0, "it begins with a title, `# Verb the thing`"
    pieces = _SECTION.split(text)
    sections = {pieces[i].lower(): pieces[i + 1].strip() for i in range(1, len(pieces), 2)}
    if not pieces[0].partition("\n")[2].strip():
        yield 0, "a sentence after the title says what it does"
    for title in ("Reads", "Writes", "Fails when"):
        if not sections.get(title.lower()):
            yield 0, f"it says **{title}**"
    for title, mapped in (("Reads", reads), ("Writes", writes)):
        if section := sections.get(title.lower()):
            named = set(_QUOTED.findall(section))
            if named != set(mapped):
                yield 0, _difference(title, named, set(mapped))


def _difference(title: str, named: set[str], mapped: set[str]) -> str:
    parts = []
    if only_told := named - mapped:
        parts.append(f"only the notebook names {', '.join(sorted(only_told))}")
    if only_mapped := mapped - named:
        parts.append(f"only the map names {', '.join(sorted(only_mapped))}")
    return f"{title} differs from the map: {'; '.join(parts)}"


def _code(cells: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(index, cell) for index, cell in enumerate(cells) if cell["cell_type"] == "code"]


def _parse(source: str) -> ast.Module | None:
    """Return the syntax of a cell; None for what only IPython reads."""
    try:
        return parse(source)
    except SyntaxError:
        return None


def _imports(cells: list[dict[str, Any]]) -> Problems:
    code = _code(cells)
    if not code:
        yield None, "it has no code"
        return
    for position, (index, cell) in enumerate(code):
        tree = _parse(cell["source"])
        imports = (
            [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))] if tree else []
        )
        if position == 0 and (tree is None or not imports or len(imports) != len(tree.body)):
            yield index, "the first code cell holds the imports, and nothing else"
        elif position and imports:
            yield index, "imports belong in the first code cell"


def _parameters(cells: list[dict[str, Any]], stage: Stage, where: str) -> Problems:
    tagged = [(index, cell) for index, cell in _code(cells) if has_tag(cell, TAG)]
    if len(tagged) != 1:
        yield None, f"one cell is tagged `{TAG}`, not {len(tagged)}"
        return
    index, cell = tagged[0]
    try:
        declared = {parameter.name: parameter for parameter in parse_cell(cell["source"], where)}
    except UsageError as error:
        yield index, str(error)
        return
    for parameter in declared.values():
        if not parameter.annotated:
            yield index, f"parameter {parameter.name!r} has no type"
        if not parameter.help:
            yield index, f"parameter {parameter.name!r} has no comment that says what it is"
    try:
        convert_all(declared, stage.parameters, where)
    except UsageError as error:
        yield index, f"the map gives what it doesn't take: {error}"
    earlier = [each["source"] for position, each in _code(cells) if position < index]
    for name, statement in undefined_names(cell["source"], earlier).items():
        hint = f"import it in the first code cell{statement and f', `{statement}`'}"
        yield index, f"{name} is used here, and neither this cell nor one above defines it; {hint}"
    for problem in partition_problems(stage, declared, where):
        yield index, problem


def _last(cells: list[dict[str, Any]]) -> Problems:
    last = cells[-1] if cells else {"cell_type": "", "source": ""}
    tree = _parse(last["source"]) if last["cell_type"] == "code" else None
    called = tree is not None and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record"
        for node in ast.walk(tree)
    )
    if not called:
        yield len(cells) - 1, "the last cell hands its figures over: record(...)"


def _body(cells: list[dict[str, Any]]) -> Problems:
    plain = {index for index, cell in _code(cells) if has_tag(cell, TAG)}
    first = next((index for index, _ in _code(cells)), None)
    for index, cell in _code(cells):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield index, KEPT_WITHOUT
        if has_tag(cell, INJECTED):
            yield index, "it holds the parameters of some run"
        if (lines := len(cell["source"].strip().splitlines())) > LONGEST_CELL:
            yield index, f"a cell has at most {LONGEST_CELL} lines, not {lines}"
        for node in ast.walk(_parse(cell["source"]) or ast.Module([], [])):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield index, f"{node.name} is defined here; that belongs in the package"
        led = index > 0 and cells[index - 1]["cell_type"] == "markdown"
        if not led and index != first and index not in plain:
            yield index, "a line of markdown leads it"
