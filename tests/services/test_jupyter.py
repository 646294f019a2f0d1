"""JupyterLab as a person opens it: its kernels see the settings that hold where it was started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT
from workbench.services.jupyter import command, environment
from workbench.settings import get_settings

PROGRAM = """
import json, os
from workbench.settings import get_settings
settings = get_settings()
names = ("home", "root", "warehouse", "landing_place", "mlflow_uri", "queue", "reporting_currency", "fiscal_calendar")
print(json.dumps({"mlflow": os.environ["MLFLOW_TRACKING_URI"]} | {name: str(getattr(settings, name)) for name in names}))
"""


def test_kernels_see_what_was_set_in_a_file_or_relative_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("WORKBENCH_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_PROJECT", "project")
    said = {
        "HOME": "there", "WAREHOUSE_URL": "duckdb:///own.duckdb", "LANDING_URI": "drop", "QUEUE_URL": "sqlite:///q.db",
        "MLFLOW_TRACKING_URI": "sqlite:///m.db", "REPORTING_CURRENCY": "EUR", "FISCAL_CALENDAR": "4-5-4,february,sunday",
    }  # fmt: skip
    (tmp_path / ".env").write_text("".join(f"WORKBENCH_{name}={value}\n" for name, value in said.items()))
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir()
    seen = environment(get_settings())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=os.environ | seen | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {
        "home": str(tmp_path / "there"), "root": str(tmp_path / "project"), "reporting_currency": "EUR",
        "warehouse": f"duckdb:///{tmp_path}/own.duckdb", "landing_place": str(tmp_path / "drop"),
        "queue": f"sqlite:///{tmp_path}/q.db", "mlflow_uri": f"sqlite:///{tmp_path}/m.db",
        "fiscal_calendar": get_settings().fiscal_calendar, "mlflow": f"sqlite:///{tmp_path}/m.db",
    }  # fmt: skip
    # Services that run go before settings.
    served = environment(get_settings(), {"WORKBENCH_MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"})
    assert served["MLFLOW_TRACKING_URI"] == served["WORKBENCH_MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert "_MLFLOW_SERVER_ARTIFACT_ROOT" not in served


def test_what_a_person_says_of_jupyterlab_goes_before_what_we_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = get_settings()
    root, url = (
        f"--ServerApp.root_dir={settings.root}",
        "--LabApp.default_url=/lab/tree/notebooks/1_ask_the_warehouse.ipynb",
    )
    assert {root, url} < set(command(settings)) and {root, url, "--port"} < set(
        command(settings, ["--port", "1"])
    )
    for given in ([f"--ServerApp.root_dir={tmp_path}"], ["--notebook-dir", str(tmp_path)], [str(tmp_path)]):
        assert (
            not {root, url} & set(command(settings, given))
            and command(settings, given)[-len(given) :] == given
        )
    # What an option is given is no place to open, however long it is.
    for given in (
        ["--config", str(tmp_path)],
        [f"--ServerApp.token={'x' * 300}"],
        ["--port", "1", "x" * 300],
    ):
        assert {root, url} < set(command(settings, given))
    assert root not in command(settings, ["--port=1", str(tmp_path)])
    given = ["--LabApp.default_url=/lab"]
    assert root in command(settings, given) and url not in command(settings, given)
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path))
    assert command(get_settings())[-1] == f"--ServerApp.root_dir={tmp_path}"
