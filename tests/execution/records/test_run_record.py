"""The record of a run: documented field by field, kept on upgrades, and true whatever the clock does."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import duckdb
import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import Run, StageRun, run_pipeline
from workbench.execution.records import model as run_record
from workbench.execution.records.model import Version
from workbench.execution.records.store import new_run, read_run, save
from workbench.schema import TABLES
from workbench.settings import Settings
from workbench.warehouse import connect

PAGE = Path(__file__).parents[3] / "docs" / "architecture" / "run-record.md"


def test_every_field_is_documented_and_nothing_else() -> None:
    for title, model in (("A run", Run), ("A stage", StageRun), ("A version", Version)):
        section = PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
        told = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", section, re.MULTILINE))
        schema = model.model_json_schema(mode="serialization")["properties"]
        assert told == {name: field["description"] for name, field in schema.items()}


def test_a_stage_tells_what_it_took_and_what_it_read_and_wrote(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    insert = "connect().execute(\"INSERT INTO ops.lineage VALUES ('x', 'a', 'b', now())\")"
    notebook(
        folder / "a.ipynb", "sum(range(100000))", insert,
        imports="from workbench.execution import record\nfrom workbench.warehouse import connect",
    )  # fmt: skip
    run = run_pipeline(
        pipeline(folder, {"a": {"reads": ["raw.stores"], "writes": ["ops.lineage", "report"]}})
    )
    assert run.state == "succeeded" and run.version == run_record.VERSION
    stage = run.stages[0]
    identity = f"{run.run_id}.a"
    assert stage.inputs == {"raw.stores": Version(version="empty", rows=0)}
    assert stage.outputs == {
        "ops.lineage": Version(version=identity, rows=1), "report": Version(version=identity)
    }  # fmt: skip
    assert stage.reason == "done" and stage.why == "it never ran" and stage.process_kind in ("fork", "kernel")
    assert len(stage.cell_seconds) == 5 and all(seconds >= 0 for seconds in stage.cell_seconds)
    assert stage.peak_memory and stage.peak_memory > 1_000_000 and stage.cpu_seconds is not None
    row = connect().query("SELECT * FROM ops.runs WHERE run_id = ?", [identity]).to_pylist()[0]
    assert json.loads(row["key_parts"]) == stage.key_parts and "the notebook" in stage.key_parts
    assert json.loads(row["inputs"]) == {"raw.stores": {"version": "empty", "rows": 0}}
    assert json.loads(row["cell_seconds"]) == stage.cell_seconds and row["peak_memory"] == stage.peak_memory
    assert (row["version"], row["reason"], row["why"], row["attempts"]) == (2, "done", "it never ran", 1)
    assert read_run(run.run_id, settings) == run


def test_a_clock_that_jumps_does_not_change_a_duration(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("shop", settings)
    run.begin()
    moment = datetime.datetime.now(datetime.UTC)
    for jump in (-86400, 86400):
        monkeypatch.setattr(run_record, "now", lambda jump=jump: moment + datetime.timedelta(seconds=jump))
        assert run.seconds is not None and 0 <= run.seconds < 60
    run.end("succeeded")
    assert run.seconds is not None and 0 <= run.seconds < 60
    assert run.started_at is not None and run.finished_at is not None and run.finished_at >= run.started_at


def test_a_record_of_an_earlier_version_can_be_read(settings: Settings) -> None:
    folder = settings.runs / "20250101T000000Z-abcdef"
    folder.mkdir(parents=True)
    old = {
        "state": "succeeded", "started_at": "2025-01-01T00:00:00Z", "finished_at": "2025-01-01T00:00:05Z",
        "error": None, "report": None, "run_id": folder.name, "pipeline": "shop", "kind": "pipeline",
        "stages": [{"state": "succeeded", "name": "a", "source": "a.ipynb", "counts": {"n": 1}, "seconds": 2}],
        "parameters": {}, "seconds": 5.0, "timings": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(old))
    run = read_run("latest", settings)
    assert run.seconds == 5 and run.stages[0].counts == {"n": 1} and run.stages[0].inputs == {}


def test_a_record_of_version_1_is_read_under_the_names_of_version_2(settings: Settings) -> None:
    folder = settings.runs / "20251102T090000Z-0a1b2c"
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes((Path(__file__).parent / "run_version_1.json").read_bytes())
    run = read_run(folder.name, settings)
    assert (run.version, run.executor, run.is_part, run.overrides) == (2, "local", True, {"limit": 7})
    take, show = run.stages
    assert take.key_parts == {"the notebook": "9f86d081"} and take.results == {"batches": 3}
    assert take.cell_seconds == [0.0123, 1.5] and take.process_kind == "fork" and take.reason == "done"
    assert take.notebook == Path("/srv/shop/.workbench/runs/20251102T090000Z-0a1b2c/take.ipynb")
    assert take.outputs == {"raw.stores": Version(version=f"{folder.name}.take", rows=12)}
    assert (show.state, show.process_kind, show.notebook) == ("failed", "kernel", None)
    save(run, settings)
    again = read_run(folder.name, settings)
    assert again == run and not {"given", "key", "cells"} & set(json.loads((folder / "run.json").read_text()))


def test_a_warehouse_of_an_earlier_version_gets_the_new_columns_and_keeps_its_rows(tmp_path: Path) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    folder = pipeline(tmp_path / "shop", {"a": {}})
    warehouse = connect(create=True)
    later = TABLES["ops.runs"].column_names[TABLES["ops.runs"].column_names.index("version") :]
    with duckdb.connect(warehouse.path) as connection:
        for column in later:
            connection.execute(f'ALTER TABLE ops.runs DROP COLUMN "{column}"')
        connection.execute(
            "INSERT INTO ops.runs (run_id, pipeline, stage, state) VALUES ('o', 'shop', 'a', 'succeeded')"
        )
    run = run_pipeline(folder)
    assert run.state == "succeeded", run.error
    rows = connect().query("SELECT run_id, why FROM ops.runs WHERE stage = 'a' ORDER BY run_id").to_pylist()
    assert [row["run_id"] for row in rows] == [f"{run.run_id}.a", "o"] and rows[1]["why"] is None
    assert connect().initialize() == []
