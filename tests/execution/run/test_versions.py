"""What tells one state of a table, a file or anything else that a stage reads from another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.execution.notebooks import notebook, pipeline, states
from workbench.execution import run_pipeline
from workbench.settings import Settings
from workbench.warehouse import connect

IMPORTS = "from workbench.execution import record\nfrom workbench.warehouse import connect"
FILL = (
    'connect().execute("INSERT INTO raw.stores (store_id, updated_at, _batch_id, _row_number, _ingested_at) '
    "VALUES ('1', now(), 'b', 1, now())\")"
)


def test_what_an_earlier_stage_changed_in_a_table_is_seen_though_its_map_is_silent(tmp_path: Path) -> None:
    feed, folder = tmp_path / "feed", tmp_path / "shop"
    notebook(feed / "fill.ipynb", FILL, imports=IMPORTS)
    run_pipeline(pipeline(feed, {"fill": {"writes": ["raw.stores"]}}))
    notebook(folder / "take.ipynb", imports=IMPORTS)
    notebook(folder / "show.ipynb")
    pipeline(folder, {"take": {}, "show": {"reads": ["raw.stores"], "after": ["take"]}})
    run_pipeline(folder)
    assert states(run_pipeline(folder))["show"][0] == "skipped"
    notebook(folder / "take.ipynb", FILL, imports=IMPORTS)
    found = states(run_pipeline(folder))
    assert found["take"] == ("succeeded", "the notebook changed")
    assert found["show"] == ("succeeded", "raw.stores changed")


def test_what_people_add_by_commands_is_versioned_by_its_rows(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "heed.ipynb")
    pipeline(folder, {"heed": {"reads": ["ops.anomaly_feedback"]}})
    run_pipeline(folder)
    assert states(run_pipeline(folder))["heed"][0] == "skipped"
    for _ in range(2):
        connect().execute(
            "INSERT INTO ops.anomaly_feedback (alert_id, kind, subject, verdict, given_by, given_at) "
            "VALUES ('a', 'fraud', 'receipt 1', 'real', 'ann', now())"
        )
        assert states(run_pipeline(folder))["heed"] == ("succeeded", "ops.anomaly_feedback changed")
        assert states(run_pipeline(folder))["heed"][0] == "skipped"


def test_what_nobody_can_version_always_runs(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for name in ("a", "b", "c", "d", "e"):
        notebook(folder / f"{name}.ipynb")
    (folder / "rates.csv").write_text("1")
    pipeline(
        folder,
        {
            "a": {"reads": ["weather"]},
            "b": {"skip": "never"},
            "c": {"reads": ["file:rates.csv"], "code": ["sql"]},
            "d": {"reads": ["file:rates.csv"], "skip": "without_files"},
            "e": {"reads": ["file:none.csv"], "skip": "without_files"},
        },
    )
    (folder / "sql").mkdir()
    (folder / "sql" / "q.sql").write_text("SELECT 1")
    run_pipeline(folder)
    found = states(run_pipeline(folder))
    assert found["a"] == ("succeeded", "weather can't be versioned")
    assert found["b"] == ("succeeded", "its map says skip: never") and found["c"][0] == "skipped"
    assert found["d"] == ("succeeded", "its map says skip: without_files, and there is rates.csv")
    assert found["e"][0] == "skipped"
    (folder / "sql" / "q.sql").write_text("SELECT 2")
    assert states(run_pipeline(folder))["c"] == ("succeeded", "sql/q.sql changed")
    os.utime(folder / "rates.csv", (1, 1))
    assert states(run_pipeline(folder))["c"] == ("succeeded", "file:rates.csv changed")


def test_a_file_that_is_gone_or_altered_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    write, read = 'from pathlib import Path\nPath("out").mkdir(exist_ok=True)\n', "from pathlib import Path\n"
    write += 'for name in ("walks.csv", "out/a.csv"):\n    Path(name).write_text("1")'
    read += 'assert Path("walks.csv").read_text() == "1"'
    notebook(folder / "simulate.ipynb", write)
    notebook(folder / "draw.ipynb", read)
    maps = {"simulate": {"writes": ["walks.csv", "file:out"]}, "draw": {"reads": ["walks.csv", "file:out"]}}
    pipeline(folder, maps)
    run_pipeline(folder)
    skipped = [("skipped", ""), ("skipped", "")]

    def again(where: Path = folder) -> list[tuple[str, str]]:
        return [
            (state, "" if state == "skipped" else why) for state, why in states(run_pipeline(where)).values()
        ]

    assert again() == skipped
    for spoil, why in (
        ((folder / "walks.csv").unlink, "walks.csv is gone"),
        (lambda: (folder / "walks.csv").write_text("2"), "walks.csv isn't as its last run left it"),
        (lambda: shutil.rmtree(folder / "out"), "file:out is gone"),
        (lambda: (folder / "out" / "b.csv").write_text("2"), "file:out isn't as its last run left it"),
    ):
        spoil()
        assert again()[0] == ("succeeded", why)
        assert again() == skipped
    # A copy of the folder has the same name, and nothing of what a run left.
    copied = tmp_path / "elsewhere" / "trial"
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("walks.csv"))
    assert again(copied)[0] == ("succeeded", "walks.csv is gone")
    assert (copied / "walks.csv").read_text() == "1"


def test_a_model_that_is_registered_no_more_is_made_again(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "trial"
    make = 'client = mlflow.MlflowClient()\nif not client.search_registered_models():\n    client.create_registered_model("m")\n'
    notebook(
        folder / "train.ipynb",
        f'{make}client.create_model_version("m", "file:///none")',
        imports=f"import mlflow\n{IMPORTS}",
    )
    pipeline(folder, {"train": {"writes": ["models.m"]}})
    run = run_pipeline(folder)
    assert run.state == "succeeded", run.error
    assert run.stages[0].outputs["models.m"].files == "version 1"
    assert states(run_pipeline(folder))["train"][0] == "skipped"
    (settings.home / "mlflow.db").unlink()
    assert states(run_pipeline(folder))["train"] == ("succeeded", "models.m is gone")
    assert states(run_pipeline(folder))["train"][0] == "skipped"
