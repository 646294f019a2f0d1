"""Each rule of the notebook contract is held by a check that finds its breach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.execution.notebooks import IMPORTS, notebook, pipeline
from workbench.execution import load_pipeline
from workbench.execution.pipeline.contract import check_pipeline

STAGE: dict[str, object] = {"reads": ["landing"], "writes": ["raw.*", "ops.batches"]}


def findings(folder: Path, stage: dict[str, object] = STAGE) -> list[str]:
    pipeline(folder, {"take": stage})
    return [finding.message for finding in check_pipeline(load_pipeline(folder))]


def write(folder: Path, *cells: str, **options: Any) -> Path:
    return notebook(folder / "take.ipynb", *cells, writes=["raw.*", "ops.batches"], **options)


def test_a_notebook_that_keeps_the_contract_has_no_findings(tmp_path: Path) -> None:
    write(tmp_path, "rows = limit * 2\nrows", "%time rows")
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["def f(): pass"], {}, "f is defined here; that belongs in the package"),
        (["class C: pass"], {}, "C is defined here; that belongs in the package"),
        (["x = 1\n" * 13], {}, "a cell has at most 12 lines, not 13"),
        (["import os"], {}, "imports belong in the first code cell"),
        ([], {"imports": "import os\nx = 1"}, "the first code cell holds the imports, and nothing else"),
        ([], {"last": "print('done')"}, "the last cell hands its figures over: record(...)"),
        ([], {"parameters": "limit = 5  # rows"}, "parameter 'limit' has no type"),
        ([], {"parameters": "limit: int = 5"}, "parameter 'limit' has no comment that says what it is"),
        ([], {"parameters": "limit: int = 'x'  # rows"}, "declared as int"),
        ([], {"parameters": "folder: Path | None = None  # of files"},
         "Path is used here, and neither this cell nor one above defines it; "
         "import it in the first code cell, `from pathlib import Path`"),
        ([], {"reads": ["raw.stores"]},
         "Reads differs from the map: only the notebook names raw.stores; only the map names landing"),
    ],
)  # fmt: skip
def test_each_breach_is_found(
    tmp_path: Path, cells: list[str], options: dict[str, Any], message: str
) -> None:
    write(tmp_path, *cells, **options)
    found = findings(tmp_path)
    assert len(found) == 1 and message in found[0]


def test_outputs_tags_headers_and_leads_are_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path, "1 + 1")
    node = nbformat.read(path, as_version=4)
    node.cells[0].source = "Takes."
    node.cells[2].metadata["tags"] = []
    node.cells[4].execution_count = 1
    del node.cells[3]
    nbformat.write(node, path)
    found = "; ".join(findings(tmp_path))
    for message in (
        "it begins with a title", "it says **Reads**", "it says **Fails when**",
        "one cell is tagged `parameters`, not 0",
        "kept without outputs", "a line of markdown leads it",
    ):  # fmt: skip
        assert message in found


def test_a_map_that_gives_what_the_notebook_does_not_take_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    (found,) = findings(tmp_path, STAGE | {"parameters": {"limits": 3}})
    assert "unknown parameter 'limits' of stage take; did you mean 'limit' (int)?" in found


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("since: date | None = None  # first day", "partitioned: unknown parameter 'until' of stage take"),
        ("since: date | None = None  # first day\nuntil: date | None = date(2024, 1, 1)  # last day",
         "partitioned: parameter 'until' of stage take is declared as `datetime.date | None = None`"),
        ("since: str | None = None  # first day\nuntil: date | None = None  # last day",
         "partitioned: parameter 'since' of stage take is declared as `datetime.date | None = None`"),
        ("since: date | None = None  # first day\nuntil: date | None = None  # last day", ""),
    ],
)  # fmt: skip
def test_a_partitioned_stage_takes_the_days_that_its_map_names(
    tmp_path: Path, parameters: str, message: str
) -> None:
    write(tmp_path, parameters=parameters, imports=f"from datetime import date\n{IMPORTS}")
    found = findings(tmp_path, STAGE | {"partitioned": {"first_day": "since", "last_day": "until"}})
    assert len(found) == bool(message) and all(message in each for each in found)
