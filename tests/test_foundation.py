"""What must agree across the repository's own files."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def test_environment_yml_is_in_step_with_pyproject() -> None:
    script = runpy.run_path(str(ROOT / "scripts/environment.py"))
    assert (ROOT / "environment.yml").read_text() == script["environment"]()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_versions_and_hashes_and_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"(?m)https?://|^--|find-links|file:", text)
    pinned = [line for line in text.splitlines() if re.match(r"^[a-z0-9]", line)]
    assert pinned
    assert all("==" in line for line in pinned)
    assert text.count("--hash=sha256:") >= len(pinned)


@pytest.mark.parametrize("notebook", sorted(ROOT.glob("*notebooks/**/*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(notebook: Path) -> None:
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


def test_the_files_that_begin_first_are_there() -> None:
    assert len(set(LONGEST)) == len(LONGEST)
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []


def test_no_package_shadows_a_library() -> None:
    assert not (ROOT / "mlflow/__init__.py").exists()
    assert not (ROOT / "dbt/__init__.py").exists()


def test_the_licence_that_the_package_names_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (licence,) = project["license-files"]
    assert (ROOT / licence).read_text().startswith(f"{project['license']} License")


def test_only_the_warehouse_asks_which_engine_it_is() -> None:
    branch = re.compile(
        r"dialect\s*(==|!=|\bin\b|\bnot in\b)|\[[\w.]*\.dialect\]|match [\w.]*dialect:"
        r"|isinstance\([^)]*(DuckDB|Redshift)Warehouse"
    )
    sources = [
        *ROOT.glob("workbench/**/*.py"),
        *ROOT.glob("*notebooks/**/*.ipynb"),
        *ROOT.glob("scripts/*.py"),
    ]
    found = {path.relative_to(ROOT).as_posix() for path in sources if branch.search(path.read_text())}
    assert {path for path in found if not path.startswith("workbench/warehouse/")} == set()
