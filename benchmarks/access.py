"""What it costs to note which tables the stages of retail_etl touch: the first run, and a run whose statements are known.

The cells run in this process. What counts is the processor time of the noting itself, in a stage's process and in the
runner that works the tables out, against the wall time of the cells: two runs, one with and one without, differ by far
more for other reasons.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from workbench.demo.generated.generate import generate
from workbench.execution import load_pipeline
from workbench.execution.notebook.access_log import AccessLog
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import access, connect
from workbench.warehouse.statements import Statements, _tables_of

spent: dict[str, float] = {"noting": 0.0, "calls": 0}


def counted(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that adds up how long it takes its thread."""

    def call(*arguments: Any, **options: Any) -> Any:
        before = time.thread_time()
        try:
            return method(*arguments, **options)
        finally:
            spent["noting"] += time.thread_time() - before
            spent["calls"] += 1

    return call


def run(statements: Path) -> dict[str, Any]:
    """Run the cells of all stages; return seconds: of the cells, of noting, and of working the tables out."""
    pipeline = load_pipeline("retail_etl")
    log = get_settings().home / "access.jsonl"
    wall = runner = 0.0
    spent.update(noting=0.0, calls=0)
    _tables_of.cache_clear()
    known = Statements(statements)
    for name in pipeline.order:
        node = nbformat.read(pipeline.notebook(name), as_version=4)
        os.environ[access.ACCESS_LOG] = str(log)
        access._logs.clear()
        noted = AccessLog(log, known)
        namespace: dict[str, Any] = {}
        started = time.perf_counter()
        for index, cell in enumerate(node.cells):
            if cell.cell_type == "code":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(cell.source, namespace)  # noqa: S102
                before = time.thread_time()
                noted.end_cell(index)
                runner += time.thread_time() - before
        wall += time.perf_counter() - started
        before = time.thread_time()
        found = noted.close(node.cells)
        runner += time.thread_time() - before
        assert found.reads or name == "ingest"
        del os.environ[access.ACCESS_LOG]
    return {
        "cells_seconds": round(wall, 2),
        "noting_ms": round(1000 * spent["noting"], 1),
        "calls": int(spent["calls"]),
        "runner_ms": round(1000 * runner, 1),
        "share_percent": round(100 * (spent["noting"] + runner) / wall, 2),
    }


def main() -> None:
    """Print the costs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000)
    rows = parser.parse_args().rows
    access._Log.statement = counted(access._Log.statement)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_HOME"] = folder + "/home"
        generate(Path(folder) / "feed", rows)
        connect(create=True)
        for each in sorted((Path(folder) / "feed").iterdir()):
            if each.name in DATASETS:
                land(str(each), each.name)
        statements = Path(folder) / "cache" / "statements.jsonl"
        print(json.dumps({"first run": run(statements), "all is known": run(statements)}, indent=2))


if __name__ == "__main__":
    main()
