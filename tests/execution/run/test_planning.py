"""What is known of a run before it begins."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import load_pipeline, run_pipeline
from workbench.execution.run.planning import first_likely, plan
from workbench.settings import Settings


def test_it_is_guessed_from_what_landed_what_a_run_will_begin_with(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", writes=["raw.stores"])
    notebook(folder / "show.ipynb", reads=["raw.stores"])
    stages = {"take": {"reads": ["landing"], "writes": ["raw.stores"]}, "show": {"reads": ["raw.stores"]}}
    shop = pipeline(folder, stages)

    def guess(*names: str) -> str | None:
        planned = plan(load_pipeline(shop), names, {}, one_writer=True)
        found = first_likely(planned, settings)
        return found.name if found else None

    assert guess("take", "show") is None
    (settings.landing / "stores").mkdir(parents=True)
    assert guess("take", "show") == "take" and guess("show") is None
    run_pipeline(shop)
    os.utime(settings.landing / "stores", (0, 0))
    assert guess("take", "show") is None
    os.utime(settings.landing / "stores", (time.time() + 5, time.time() + 5))
    assert guess("take", "show") == "take"
