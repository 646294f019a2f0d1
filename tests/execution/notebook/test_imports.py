"""What a notebook imports, and which of it is loaded before it asks."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook
from workbench.execution import run_pipeline
from workbench.execution.kernels.fork.client import find_zygote
from workbench.execution.kernels.start import wanted
from workbench.execution.notebook.imports import closure
from workbench.execution.notebook.reading import read_notebook
from workbench.warehouse import unused_modules


def test_modules_are_imported_ahead_but_not_those_beside_the_notebook(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", imports="import json, helper\nfrom os import path\nfrom . import x")
    (tmp_path / "helper.py").touch()
    assert wanted(closure(read_notebook(path), tmp_path), tmp_path) == ["json", "os"]


def test_what_pip_put_into_a_folder_of_its_own_is_not_read_as_our_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, installed in (("target", True), ("library", False)):
        place = tmp_path / folder
        (place / f"of_{folder}").mkdir(parents=True)
        # A table of texts is no table of modules, however long they are.
        (place / f"of_{folder}/__init__.py").write_text(
            f"SCRIPTS = {{'a': {'x' * 5000 + '.grid'!r}, 'b': '..'}}"
        )
        if installed:
            (place / "of_target-1.0.dist-info").mkdir()
        monkeypatch.syspath_prepend(place)
    path = notebook(tmp_path / "own/a.ipynb", imports="from of_target import a\nfrom of_library import a")
    found = closure(read_notebook(path), path.parent)
    assert found.third_party == ("of_target",) and found.own == ("of_library",)


def test_what_a_package_loads_on_first_use_is_part_of_what_a_notebook_imports(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", imports="from workbench.execution import run_pipeline, timed")
    files = closure(read_notebook(path), tmp_path).first_party
    for used in (run_pipeline, find_zygote):
        assert Path(inspect.getfile(used)) in files


def test_what_only_a_function_imports_is_left_until_there_is_time(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb")
    found = closure(read_notebook(path), tmp_path)
    ahead = wanted(found, tmp_path)
    assert "workbench.execution.notebook.recording" in ahead and "workbench.warehouse" not in ahead
    assert {"workbench.warehouse", "duckdb"} <= set(found.later) and "mlflow" not in found.later


def test_what_a_function_imports_that_few_runs_call_is_not_loaded_ahead_but_counts(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(
        "from workbench.libraries.seldom import seldom\n"
        "class Helper:\n    @seldom\n    def help(self):\n        import rare, both\n        import rarely_used\n"
        "def often():\n    import both\n"
    )
    (tmp_path / "rarely_used.py").write_text("import rarer")
    path = notebook(tmp_path / "a.ipynb", imports="import helper")
    found = closure(read_notebook(path), tmp_path)
    assert {"rare", "both", "rarer"} <= set(found.third_party)
    assert "both" in found.later and not {"rare", "rarer", "rarely_used"} & {*found.later, *found.own}
    assert tmp_path / "rarely_used.py" in found.first_party


def test_the_engine_that_a_warehouse_has_no_use_for_is_not_loaded_ahead_but_counts(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb")
    for url, is_loaded in (("duckdb:///a.duckdb", False), ("redshift://user@host/database", True)):
        found = closure(read_notebook(path), tmp_path, unused=unused_modules(url))
        assert {"workbench.warehouse.duckdb", "duckdb"} <= set(found.later)
        assert (
            {"workbench.warehouse.redshift.engine", "redshift_connector"} <= set(found.later)
        ) is is_loaded
        assert any("redshift" in name for name in found.later) is is_loaded
        assert "redshift_connector" in found.third_party
        assert any(path.parent.name == "redshift" for path in found.first_party)


@pytest.mark.parametrize(
    "path", sorted(Path("pipeline_notebooks/retail_etl").glob("*.ipynb")), ids=lambda each: each.stem
)
def test_a_stage_of_the_main_job_loads_nothing_ahead_that_few_of_its_runs_use(path: Path) -> None:
    found = closure(read_notebook(path), path.parent, unused=unused_modules("duckdb:///a.duckdb"))
    ahead = {name.partition(".")[0] for name in found.ahead}
    assert "pandas" in ahead
    assert (
        not {"boto3", "botocore", "bs4", "dbt", "mlflow", "nbformat", "papermill", "redshift_connector"}
        & ahead
    )
    # Only what judges batches by their like learns at every run.
    assert ("sklearn" in ahead) is (path.stem == "data_quality")
