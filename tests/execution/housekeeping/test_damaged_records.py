"""Journals and records of runs that are damaged stop nobody and hide no other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.execution.housekeeping.lost import lost_run
from tests.execution.notebooks import notebook, pipeline
from workbench.execution import run_pipeline
from workbench.execution.housekeeping.recovery import recover
from workbench.execution.notebook.journal import replay
from workbench.execution.records.store import RECORD, list_runs, read_run
from workbench.settings import Settings
from workbench.warehouse import Warehouse

BEGIN = {
    "t": 0, "event": "begin", "version": 1, "at": time.time(), "run_id": "r", "stage": "a",
    "notebook": {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"papermill": {}},
        "cells": [
            {"cell_type": "code", "id": str(i), "source": f"print({i})", "outputs": [], "execution_count": None,
             "metadata": {"papermill": {}}}
            for i in range(3)
        ],
    },
}  # fmt: skip
EVENTS = [
    BEGIN,
    {"t": 1, "event": "cell", "index": 0},
    {"t": 1, "event": "stream", "name": "stdout", "text": "zero\n"},
    {"t": 1, "event": "done", "index": 0, "count": 1, "ok": True},
    {"t": 2, "event": "cell", "index": 1},
    {"t": 3, "event": "stream", "name": "stdout", "text": "one\n"},
]
WHOLE = "".join(json.dumps(event) + "\n" for event in EVENTS).encode()
LINES = WHOLE.splitlines(keepends=True)


def of(index: int, line: bytes) -> bytes:
    return b"".join([*LINES[:index], line, *LINES[index:]])


TORN = {
    "whole": WHOLE,
    "zeros at its end": WHOLE + bytes(4096),
    "zeros and more lines": WHOLE + bytes(512) + b"\n" + LINES[-1],
    "cut": WHOLE[:-9],
    "nothing but zeros": bytes(4096),
    "empty": b"",
    "a first line that is cut": WHOLE[100:],
    "bytes that are no text": of(3, b"\xff\xfe{]\n"),
    "a line of another form": of(3, b'["event"]\n17\n"x"\n{}\n{"event": 5}\n'),
    "events that lack something": of(
        3, b'{"t": 1, "event": "cell"}\n{"t": 1, "event": "stream"}\n{"event": "done"}\n'
    ),
    "a cell that isn't there": of(3, b'{"t": 1, "event": "cell", "index": 99}\n'),
    "a cell of another kind": of(3, b'{"t": 1, "event": "cell", "index": "a"}\n'),
    "a time that is none": of(3, b'{"t": "soon", "event": "cell", "index": 2}\n'),
    "a moment beyond all": WHOLE.replace(b'"t": 3', b'"t": 1e300'),
    "brackets without end": of(3, b"[" * 100_000 + b"\n"),
    "a notebook that is none": LINES[0].replace(b'"cells"', b'"bells"') + LINES[1],
}


def test_a_torn_journal_stops_nobody(warehouse: Warehouse, settings: Settings) -> None:
    runs = {}
    for kind, content in TORN.items():
        run = runs[kind] = lost_run(settings)
        (settings.runs / run.run_id / "a.journal.jsonl").write_bytes(content)
    gone, folder = lost_run(settings), lost_run(settings)
    (settings.runs / folder.run_id / "a.journal.jsonl").mkdir()
    assert len(recover(settings)) == len(TORN) + 2
    for kind, run in runs.items():
        found = read_run(run.run_id, settings)
        assert found.state == found.stages[0].state == "lost" and found.recorded, kind
        assert found.finished_at is not None, kind
        assert found.report and found.report.is_file(), kind
        told = replay(settings.runs / run.run_id / "a.journal.jsonl")
        if kind in ("nothing but zeros", "empty", "a first line that is cut", "a notebook that is none"):
            assert told is None and found.stages[0].report is None, kind
        elif kind != "a moment beyond all":
            assert told and "".join(told.node.cells[0].outputs[0].text) == "zero\n", kind
            assert found.stages[0].report and found.stages[0].report.is_file(), kind
    assert read_run(gone.run_id, settings).stages[0].state == "lost"
    assert warehouse.query("SELECT DISTINCT state FROM ops.runs").to_pylist() == [{"state": "lost"}]
    assert warehouse.counts("ops.runs") == {"ops.runs": 2 * (len(TORN) + 2)}


RECORDS = {
    "empty": b"", "zeros": bytes(900), "cut": b'{"run_id": "x", "pipe', "no text": b"\xff\x00\xfe",
    "another thing": b"[1, 2]", "a wrong type": b'{"run_id": 5, "pipeline": "shop", "stages": 7}',
    "brackets": b"[" * 100_000,
}  # fmt: skip


def test_a_record_that_can_not_be_read_hides_no_other(tmp_path: Path, settings: Settings) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    folder = pipeline(tmp_path / "shop", {"a": {"writes": ["core.dim_date"]}})
    run = run_pipeline(folder)
    assert [stage.state for stage in run_pipeline(folder).stages] == ["skipped"]
    for number, content in enumerate(RECORDS.values()):
        torn = settings.runs / f"29990101T00000{number}Z-abcdef"
        torn.mkdir()
        (torn / RECORD).write_bytes(content)
    (settings.runs / "zeros").mkdir()
    (settings.runs / "zzz.txt").touch()
    assert read_run("latest", settings).pipeline == "shop"
    listed = list_runs(settings, 20)
    assert [each.state for each in listed] == ["lost"] * len(RECORDS) + ["succeeded"] * 2
    assert all("can't read" in str(each.error) for each in listed[: len(RECORDS)])
    assert recover(settings) == []
    # What it may have left half written, nobody knows: so it runs again, once.
    again = run_pipeline(folder)
    assert [(stage.state, stage.why) for stage in again.stages] == [
        ("succeeded", "29990101T000006Z-abcdef may have left core.dim_date half written")
    ]
    assert [stage.state for stage in run_pipeline(folder).stages] == ["skipped"]
    shown = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "runs"], capture_output=True, text=True, timeout=300
    )
    assert shown.returncode == 0 and run.run_id in shown.stdout and "Traceback" not in shown.stderr
    assert f"can't read {settings.runs / '29990101T000000Z-abcdef' / RECORD}" in " ".join(
        shown.stderr.split()
    )
