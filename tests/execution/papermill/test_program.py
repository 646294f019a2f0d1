"""The program ``papermill --engine workbench``: parameters, files, exit status."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from tests.execution.papermill.both import call, write


def test_the_program_takes_parameters_and_keeps_the_notebook_where_it_was_called(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    write(
        tmp_path / "in.ipynb",
        "a: int = 1\nb: list[str] = []",
        "import os\nprint(a, b, os.getcwd())",
        tags={0: "parameters"},
    )
    done = call(
        *("in.ipynb", "out.ipynb", "-p", "a", "3", "-y", "{b: [x, y]}", "--cwd", "work"),
        *("--log-output", "--stdout-file", tmp_path / "printed.txt", "--no-progress-bar"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    line = f"3 ['x', 'y'] {work}\n"
    assert (tmp_path / "printed.txt").read_text() == line
    assert line in done.stderr
    node = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    nbformat.validate(node)
    assert node.cells[-1].outputs[0].text == line
    assert node.metadata.papermill.output_path == "out.ipynb"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == [
        "in.ipynb", "out.ipynb", "printed.txt", "work",
    ]  # fmt: skip
    assert not any(work.iterdir())


@pytest.mark.parametrize(
    ("cells", "options", "status", "words"),
    [
        pytest.param(["a: int = 1"], ["-p", "a", "x"], 2, "Error: parameter 'a'", id="wrong type"),
        pytest.param(
            ["a: int = 1"],
            ["-p", "aa", "1"],
            2,
            "Error: unknown parameter 'aa'",
            id="unknown",
            marks=pytest.mark.soak,
        ),
        pytest.param(["a: int"], [], 2, "Error: ", id="missing", marks=pytest.mark.soak),
        pytest.param(["a: int = 1", "raise ValueError('v')"], [], 1, "ValueError: v", id="error"),
        pytest.param(["a: int = 1", "import os; os._exit(1)"], [], 138, "exited with status 1", id="death"),
        pytest.param(["a: int = 1", "import sys; sys.exit(0)"], [], 0, "", id="exit 0"),
    ],
)
def test_the_programs_exit_status_says_how_it_ended(
    tmp_path: Path, cells: list[str], options: list[str], status: int, words: str
) -> None:
    write(tmp_path / "in.ipynb", *cells, tags={0: "parameters"})
    done = call("in.ipynb", "out.ipynb", "--no-progress-bar", *options, folder=tmp_path)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert (tmp_path / "out.ipynb").exists() == (status != 2)
    if status == 2:
        assert "Traceback" not in done.stderr


def test_the_program_only_prepares_if_asked_and_writes_to_standard_output(tmp_path: Path) -> None:
    write(tmp_path / "in.ipynb", "a: int = 1", "print(a)", tags={0: "parameters"})
    prepared = call("in.ipynb", "out.ipynb", "-p", "a", "2", "--prepare-only", folder=tmp_path)
    assert prepared.returncode == 0, prepared.stderr
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs == []
    printed = call("in.ipynb", "-", "-p", "a", "2", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)["cells"][-1]["outputs"][0]["text"] == ["2\n"]
