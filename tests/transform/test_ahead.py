"""What dbt does once in a process is done before processes are forked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from workbench.execution.imports import closure
from workbench.execution.processes import wanted
from workbench.settings import get_settings

_LOADED = """
import json
import workbench.transform.ahead
from workbench.execution.fork.process import children, thread_names
from workbench.execution.fork.zygote import HARMLESS
print(json.dumps([*(set(thread_names()) - set(HARMLESS)), *children()]))
"""


def test_getting_dbt_ready_starts_no_thread_or_process() -> None:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True, env={**os.environ, **one}
    )
    assert json.loads(told.stdout.splitlines()[-1]) == []


def test_stages_that_build_are_forked_with_dbt_ready() -> None:
    folder = get_settings().root / "pipeline_notebooks" / "retail_etl"
    for stage in ("customers", "products", "transactions", "marts"):
        content = json.loads((folder / f"{stage}.ipynb").read_text())
        assert "workbench.transform.ahead" in wanted(closure(content, folder), folder)
