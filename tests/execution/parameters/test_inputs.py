"""Values of parameters, wherever a caller gives them, and the help that shows which there are."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution.parameters.inputs import collect

DECLARED = """
limit: int = 5  # rows to take
day: datetime.date | None = None  # last day
token: Secret = Secret("env:SHOP_TOKEN")
folder: Path
"""


def test_a_call_comes_before_json_that_before_a_file_that_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("b: file\nc: file\nd: file\n")
    environment = {f"WORKBENCH_PARAM_{name}": "environment" for name in "ABCD"} | {"A": "other"}
    given = collect(["d=call"], str(file), '{"c": "json", "d": "json"}', environment)
    assert given == {"a": "environment", "b": "file", "c": "json", "d": "call"}


def test_yaml_and_json_keep_their_types(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("day: 2017-01-31\nnames: [a, b]\nlimit: 3\n")
    (tmp_path / "a.json").write_text('{"limit": 3, "names": ["a"]}')
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert collect((), str(tmp_path / "a.yml"), environment={}) == {
        "day": datetime.date(2017, 1, 31), "names": ["a", "b"], "limit": 3,
    }  # fmt: skip
    assert collect((), str(tmp_path / "a.json"), environment={}) == {"limit": 3, "names": ["a"]}
    assert collect((), str(tmp_path / "empty.yaml"), environment={}) == {}


def test_capitals_in_the_environment_stand_for_small_letters() -> None:
    assert collect(environment={"WORKBENCH_PARAM_AS_OF": "x", "WORKBENCH_PARAM_topN": "y"}) == {
        "as_of": "x",
        "topN": "y",
    }
    with pytest.raises(UsageError, match="'as_of' is given twice in the environment"):
        collect(environment={"WORKBENCH_PARAM_AS_OF": "x", "WORKBENCH_PARAM_as_of": "y"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", b"a: [1", "line 1 is no YAML"),
        ("a.yaml", b"- a\n- b\n", "holds no parameters; write a name and a value each"),
        ("a.yaml", b"1: a\n", "holds no parameters"),
        ("a.yaml", b"a: 1\na: 2\n", "parameter 'a' is given twice in"),
        ("a.yaml", b"a:\n  x: 1\n  x: 2\n", "x is there twice, line 3; leave one"),
        ("a.yaml", b"a: !!python/object:os.system x\n", "is no YAML"),
        ("a.yaml", b"day: 2017-02-31\n", "is no YAML"),
        ("a.yaml", b"\xff\xfe\x00", "is no UTF-8 text"),
        ("a.json", b'{"a": 1', "is no JSON"),
        ("a.json", b'{"a": 1, "a": 2}', "parameter 'a' is given twice in"),
        ("a.json", b"[1]", "holds no parameters"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_wrong_file_is_named_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        collect((), str(file), environment={})
    assert message in str(caught.value) and str(file) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no parameters file"):
        collect((), str(tmp_path / "none.yaml"), environment={})
    with pytest.raises(UsageError, match=r"can't read the parameters file .*directory"):
        collect((), str(tmp_path), environment={})


def test_json_that_is_none_is_not_repeated() -> None:
    with pytest.raises(UsageError, match="--parameters-json is no JSON") as caught:
        collect((), None, "{hunter2}", {})
    assert "hunter2" not in str(caught.value)


def workbench(
    *arguments: object, home: Path, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Call the program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *map(str, arguments)],
        input=text, capture_output=True, text=True, timeout=120,
        env=os.environ | {"WORKBENCH_HOME": str(home), "COLUMNS": "100"} | environment,
    )  # fmt: skip


def parameters_of(answer: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout)["parameters"])


def test_the_program_takes_values_from_everywhere(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "assert (limit, day, names) == (1, datetime.date(2017, 1, 31), ('a', 'b'))",
        parameters="limit: int = 5\nday: datetime.date | None = None\nnames: tuple[str, ...] = ()",
        imports="import datetime\nfrom workbench.execution import record",
    )
    answer = workbench(
        "notebook", path, "--json", "-f", "-", "-p", "limit=1", "--parameters-json", '{"names": ["a", "b"]}',
        home=tmp_path / "home", text="limit: 2\nday: 2017-01-31\n", WORKBENCH_PARAM_LIMIT="3",
    )  # fmt: skip
    assert parameters_of(answer) == {"limit": 1, "day": "2017-01-31", "names": ["a", "b"]}


def test_an_unknown_name_in_the_environment_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "open('ran', 'w').close()")
    answer = workbench("notebook", path, home=tmp_path / "home", WORKBENCH_PARAM_LIMITS="3")
    assert answer.returncode == 2 and "unknown parameter 'limits'" in answer.stderr
    assert "did you mean 'limit' (int)?" in answer.stderr and len(answer.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("ran")) and not list((tmp_path / "home").rglob("*.ipynb"))


def test_the_help_of_a_notebook_shows_its_own_parameters(tmp_path: Path) -> None:
    spans = "wait: timedelta = timedelta(hours=1)\nspans: list[timedelta] = [timedelta(minutes=90)]"
    path = notebook(tmp_path / "a.ipynb", parameters=f"{DECLARED}\n{spans}")
    for arguments in (["notebook", path, "--help"], ["notebook", "-h", path, "-p", "limit=3"]):
        answer = workbench(*arguments, home=tmp_path / "home")
        lines = {
            line.split()[0]: " ".join(line.split()) for line in answer.stdout.splitlines() if line.strip()
        }
        assert answer.returncode == 0 and "Parameters of a.ipynb:" in answer.stdout
        assert lines["limit"] == "limit int [5] rows to take"
        assert lines["day"] == "day datetime.date | None [none] last day"
        assert "token Secret [env:SHOP_TOKEN]" in lines.values()
        assert lines["folder"] == "folder Path required"
        assert (lines["wait"], lines["spans"]) == ("wait timedelta [1h]", "spans list[timedelta] [['90m']]")


def test_the_help_of_a_pipeline_shows_parameters_stage_by_stage_with_the_maps_values(tmp_path: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    notebook(tmp_path / "shop" / "b.ipynb", parameters="names: list[str] = []  # of shops")
    shop = pipeline(tmp_path / "shop", {"a": {"parameters": {"limit": 9}}, "b": {"after": ["a"]}})
    answer = workbench("run", shop, "--help", home=tmp_path / "home")
    told = " ".join(answer.stdout.split())
    assert "Parameters of shop, stage a: limit int [9] rows to take" in told
    assert "Parameters of shop, stage b: names list[str] [[]] of shops" in told


def test_the_help_of_what_is_not_there_is_exit_2_and_of_nothing_is_the_plain_help(tmp_path: Path) -> None:
    answer = workbench("notebook", tmp_path / "a.ipynb", "--help", home=tmp_path)
    assert answer.returncode == 2 and "no notebook" in answer.stderr and answer.stdout == ""
    assert "Parameters of" not in workbench("notebook", "--help", home=tmp_path).stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a notebook", "can't read the notebook"),
        (b"\xff\xfe", "can't read the notebook"),
        (b"[]", "is no Jupyter notebook"),
        (b'{"nbformat": 3, "worksheets": 5}', "of notebook format 3, and can't be brought to format 4"),
        (b'{"nbformat": 4, "cells": [3]}', "is no Jupyter notebook of format 4"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "is no Jupyter notebook of format 4"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_notebook_is_said_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    for arguments in ([path], [path, "--help"]):
        answer = workbench("notebook", *arguments, home=tmp_path / "home")
        assert answer.returncode == 2 and message in answer.stderr, answer.stderr
        assert len(answer.stderr.splitlines()) == 1


def test_a_notebook_without_a_parameters_cell_takes_none(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb")
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        cell["metadata"].pop("tags", None)
    path.write_text(json.dumps(content))
    answer = workbench("notebook", path, "-p", "limit=3", home=tmp_path / "home")
    assert answer.returncode == 2 and "unknown parameter 'limit'" in answer.stderr
    assert "it has none" in answer.stderr
    assert "Parameters of a.ipynb: none" in workbench("notebook", path, "-h", home=tmp_path).stdout


def test_a_home_that_cannot_be_written_to_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    answer = workbench("notebook", notebook(tmp_path / "a.ipynb"), home=tmp_path / "home")
    assert answer.returncode == 2 and answer.stderr.startswith("workbench: setting WORKBENCH_HOME: ")
    assert len(answer.stderr.splitlines()) == 1 and (tmp_path / "home").read_text() == "a file"
