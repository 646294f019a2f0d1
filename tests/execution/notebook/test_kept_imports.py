"""What a notebook imports is found again without reading, until a file or a folder of it has changed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from workbench.execution.notebook.imports import Closure, closure


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules, all of them old: ``a`` imports ``b`` of a package and a library."""
    folder = tmp_path / "project"
    (folder / "package").mkdir(parents=True)
    (folder / "package/__init__.py").touch()
    (folder / "package/b.py").write_text("import json\n")
    (folder / "a.py").write_text("import package.b\nimport library\n")
    monkeypatch.syspath_prepend(folder)
    age(folder)
    return folder


def age(folder: Path) -> None:
    """Let a folder and all in it be unchanged for a year, and let the time pass in which a change may not show."""
    for path in (folder, *folder.rglob("*")):
        changed = path.stat().st_mtime - 365 * 86400
        os.utime(path, (changed, changed))
    time.sleep(0.06)


def found(project: Path) -> Closure:
    content = {"cells": [{"cell_type": "code", "source": ["import a\n", "import pandas"]}]}
    return closure(content, project, project.parent / "kept")


def names(project: Path) -> tuple[set[str], set[str]]:
    result = found(project)
    ours = {path.relative_to(project).as_posix() for path in result.first_party if project in path.parents}
    return ours, set(result.third_party)


def kept(project: Path) -> list[Path]:
    return sorted((project.parent / "kept").iterdir())


def test_it_is_found_again_as_it_was(project: Path) -> None:
    first = found(project)
    (path,) = kept(project)
    assert found(project) == first and kept(project) == [path]
    # It is this file that is read.
    content = json.loads(path.read_text())
    content["found"]["third_party"] = ["something"]
    path.write_text(json.dumps(content))
    assert found(project).third_party == ("something",)


def test_a_change_of_a_file_or_of_what_lies_beside_it_is_seen(project: Path) -> None:
    assert names(project) == ({"a.py", "package/__init__.py", "package/b.py"}, {"library", "pandas"})
    (project / "package/b.py").write_text("import another\n")
    assert names(project)[1] == {"library", "pandas", "another"}
    age(project)
    found(project)
    # A module that is imported in the place of a library, and a package in the place of a module.
    (project / "library.py").touch()
    assert names(project) == (
        {"a.py", "library.py", "package/__init__.py", "package/b.py"},
        {"pandas", "another"},
    )
    (project / "package/b").mkdir()
    (project / "package/b/__init__.py").touch()
    assert "package/b/__init__.py" in names(project)[0]
    age(project)
    found(project)
    (project / "a.py").unlink()
    assert names(project) == (set(), {"a", "pandas"})


def test_what_may_still_change_unseen_is_not_kept(project: Path) -> None:
    (project / "a.py").touch()
    found(project)
    assert not (project.parent / "kept").exists()


def test_other_content_is_seen_though_the_time_of_its_change_was_put_back(project: Path) -> None:
    (project / "a.py").write_text("import one\n")
    age(project)
    about = (project / "a.py").stat()
    first = found(project)
    (project / "a.py").write_text("import two\n")
    os.utime(project / "a.py", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (project / "a.py").stat().st_size == about.st_size
    second = found(project)
    assert "two" in second.third_party and "two" not in first.third_party
    place = first.first_party.index(project / "a.py")
    assert second.first_party[place] == first.first_party[place]
    assert second.hashes[place] != first.hashes[place]


def test_a_file_that_is_none_is_overlooked(project: Path) -> None:
    first = found(project)
    (path,) = kept(project)
    for text in (
        "",
        "[]",
        '{"states": 1}',
        '{"states": {"/nowhere": [1, 1]}}',
    ):
        path.write_text(text)
        assert found(project) == first
