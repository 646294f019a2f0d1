"""State holds personal data: what Workbench makes is its owner's alone, and an open home is closed."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.private import private_file, private_folder
from workbench.queue.connect import connect_queue
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.tracking import mlflow_client
from workbench.warehouse import connect

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """What somebody else could read of a folder, if they got into it."""
    return sorted(
        str(each.relative_to(folder))
        for each in folder.iterdir()
        if mode(each) & 0o077 and each.stat().st_size
    )


def test_a_home_that_a_command_makes_is_its_owners(home: Path, tmp_path: Path) -> None:
    sales = tmp_path / "stores.csv"
    sales.write_text("store_id,updated_at\nS1,2024-01-01T00:00:00Z\n")
    for arguments in (
        ["init"],
        ["load", str(sales), "--dataset", "stores"],
        ["run", "retail_etl", "--only", "ingest"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "workbench.cli", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert mode(home) == 0o700
    assert {"warehouse.duckdb", "landing", "runs"} <= {each.name for each in home.iterdir()}
    assert mode(home / "warehouse.duckdb") == 0o600
    assert {mode(home / "landing"), mode(home / "runs")} == {0o700}


@pytest.mark.parametrize(
    ("before", "after"), [(0o755, 0o700), (0o777, 0o700), (0o750, 0o700), (0o711, 0o711), (0o700, 0o700)]
)
def test_a_home_of_before_is_closed_but_for_one_that_was_opened_by_hand(
    home: Path, before: int, after: int
) -> None:
    connect(create=True)
    home.chmod(before)
    get_settings()
    assert mode(home) == after


def test_a_shared_home_stays_as_open_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_HOME_SHARED", "true")
    home.mkdir()
    home.chmod(0o775)
    connect(create=True)
    get_settings()
    assert (mode(home), mode(home / "warehouse.duckdb")) == (0o775, 0o644)
    assert mode(private_folder(home / "landing" / "stores")) == 0o755
    monkeypatch.delenv("WORKBENCH_HOME_SHARED")
    get_settings()
    assert mode(home) == 0o700


@pytest.mark.parametrize("kind", ["nothing of ours", "sticky", "the user's own"])
def test_a_folder_that_is_more_than_a_home_stays_as_it_is(
    home: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    if kind != "nothing of ours":
        (home / "landing").mkdir()
    if kind == "the user's own":
        monkeypatch.setenv("HOME", str(home))
    before = 0o1777 if kind == "sticky" else 0o755
    home.chmod(before)
    get_settings()
    assert mode(home) == before


def test_what_lies_elsewhere_is_closed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{elsewhere}/mine.duckdb")
    monkeypatch.setenv("WORKBENCH_LANDING_URI", f"{elsewhere}/landing")
    monkeypatch.setenv("WORKBENCH_MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}/mlflow.db")
    connect(create=True)
    file = tmp_path / "stores.csv"
    file.write_text("store_id,updated_at\nS1,2024-01-01T00:00:00Z\n")
    land(str(file), "stores")
    queue = connect_queue(f"sqlite:///{elsewhere}/queue.db")
    queue.send("{}")
    with mlflow_client():
        pass
    assert {"landing", "mine.duckdb", "mlflow.db", "queue.db"} <= {each.name for each in elsewhere.iterdir()}
    assert open_to_others(elsewhere) == []
    assert mode(elsewhere) == 0o755
    with sqlite3.connect(elsewhere / "queue.db") as file_of_queue:
        assert file_of_queue.execute("SELECT count(*) FROM messages").fetchone() == (1,)


def test_a_file_or_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "file").write_text("kept")
    assert mode(private_folder(tmp_path / "open")) == 0o755
    assert private_file(tmp_path / "file").read_text() == "kept"
    assert mode(private_folder(tmp_path / "a" / "b")) == mode(tmp_path / "a") == 0o700
    with pytest.raises(NotADirectoryError):
        private_folder(tmp_path / "file")
