"""Notebooks as other programs left them: each runs, or is refused with what is wrong, and is kept as a valid one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench.errors import UsageError
from workbench.execution import run_notebook
from workbench.execution.notebook.reading import read_notebook
from workbench.settings import Settings


def code(source: str = "print(1)", **fields: Any) -> dict[str, Any]:
    return {
        "cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **fields
    }  # fmt: skip


def content(*cells: Any, **fields: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields}


OLD = {
    "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"},
    "worksheets": [{"metadata": {}, "cells": [
        {"cell_type": "heading", "level": 2, "source": "A heading", "metadata": {}},
        {"cell_type": "code", "input": "print(1)", "language": "python", "outputs": [], "metadata": {}},
    ]}],
}  # fmt: skip
IN_LINES = {
    "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"},
    "worksheets": [{"metadata": {}, "cells": [
        {"cell_type": "heading", "level": 2, "source": ["A heading\n", "of two lines"], "metadata": {}},
        {"cell_type": "markdown", "source": ["a\n", "b"], "metadata": {}},
        {"cell_type": "code", "input": ["x = 1\n", "print(x)"], "language": "python", "metadata": {},
         "outputs": [{"output_type": "pyout", "prompt_number": 1, "text": ["4\n", "2"], "metadata": {}}]},
    ]}],
}  # fmt: skip
ODD: dict[str, Any] = {
    "format 3": OLD,
    "format 3 as IPython 2 wrote it": IN_LINES,
    "format 2 in lines": {**IN_LINES, "nbformat": 2},
    "format 4.0, without ids": content(code(), nbformat_minor=0),
    "without ids": content(code()),
    "one id twice": content(code(id="same"), code(id="same"), code(id="same")),
    "ids that are none": content(code(id="a b"), code(id=""), code(id=5), code(id=None)),
    "no metadata": {"cells": [code()], "nbformat": 4},
    "metadata that are none": content(code(metadata=None), metadata=None, nbformat_minor="5"),
    "a kernel that is text": content(code(), metadata={"kernelspec": "python3", "language_info": "python"}),
    "a kernel without a name": content(code(), metadata={"kernelspec": {"display_name": "x"}, "language_info": {}}),
    "others' metadata": content(code(), metadata={"papermill": "x", "workbench": 5, "widgets": []}),
    "a cell's metadata": content(
        code(metadata={"tags": "one", "papermill": 5, "jupyter": 7, "collapsed": "x", "name": ""}),
        code(metadata={"tags": None}), code(metadata={"tags": [{"a": 1}, "two", "two"]}),
    ),
    "further fields": content(code(prompt_number=4, foo={"a": 1})),
    "outputs that are none": content(code(outputs=None, execution_count="x")),
    "outputs of old": content(
        code("x", metadata={"tags": ["skip-execution"]}, outputs=[
            {"output_type": "pyout"}, 5, {"output_type": "stream", "text": ["a\n", "b"]},
            {"output_type": "display_data"}, {"output_type": "error", "traceback": "one line"},
        ]),
        code(),
    ),
    "attachments that are none": content(
        {"cell_type": "markdown", "metadata": {}, "source": "x", "attachments": None},
        {"cell_type": "raw", "metadata": {}, "source": ["x\n", "y"], "attachments": {"a.png": 5, "b": {"c": 5}}},
        code(),
    ),
    "half a surrogate pair": content({"cell_type": "markdown", "metadata": {}, "source": "caf\udce9 \ud800"}, code()),
    "no number": content(code(metadata={"x": float("nan")})),
    "a byte order mark": "\ufeff" + json.dumps(content(code())),
    "nothing": content(),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_notebook_runs_and_is_kept_as_a_valid_one(
    tmp_path: Path, settings: Settings, name: str
) -> None:
    path = tmp_path / "odd.ipynb"
    path.write_text(ODD[name] if isinstance(ODD[name], str) else json.dumps(ODD[name]), encoding="utf-8")
    before = path.read_bytes()
    run = run_notebook(path, settings=settings)
    assert (run.state, run.error) == ("succeeded", None)
    stage = run.stages[0]
    assert stage.notebook and stage.report and stage.report.is_file() and path.read_bytes() == before
    kept = nbformat.reads(stage.notebook.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(kept)
    assert kept.metadata.workbench.state == "succeeded"
    last = [cell for cell in kept.cells if cell.cell_type == "code"][-1:]
    assert [cell.outputs[0].text for cell in last] == ["1\n"] * (name != "nothing")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (json.dumps(content(code())).encode("utf-16"), "it is no UTF-8 text"),
        (b"[1]", "is no Jupyter notebook"),
        (b'{"nbformat": 5, "cells": []}', "notebook format 5"),
        (b'{"nbformat": 2, "worksheets": 3}', "can't be brought to format 4"),
        (json.dumps(content({"cell_type": "chart", "source": ""})).encode(), "cell 0 is of type 'chart'"),
        (json.dumps(content(code(source=[5]))).encode(), "cell 0 has a source that is no text"),
    ],
)
def test_what_is_no_notebook_is_refused_with_what_is_wrong(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "a.ipynb").write_bytes(text)
    with pytest.raises(UsageError, match=reason):
        read_notebook(tmp_path / "a.ipynb")


def test_texts_of_an_old_notebook_are_joined(tmp_path: Path) -> None:
    (tmp_path / "old.ipynb").write_text(json.dumps(IN_LINES))
    heading, text, cell = read_notebook(tmp_path / "old.ipynb")["cells"]
    assert heading["source"] == "## A heading of two lines" and heading["cell_type"] == "markdown"
    assert (text["source"], cell["source"]) == ("a\nb", "x = 1\nprint(x)")
    assert cell["outputs"][0]["data"] == {"text/plain": "4\n2"}
