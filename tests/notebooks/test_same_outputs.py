"""Every stage of both pipelines shows the same, forked and in a kernel started afresh."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.demo.generate import generate
from workbench.execution import load_pipeline
from workbench.execution.notebook.notebook import Outcome, prepare
from workbench.execution.run.executor import Executor
from workbench.settings import Settings, get_settings
from workbench.warehouse import connect

PIPELINES = ("retail_etl", "anomaly_detection", "maintenance")
# What differs from any run to the next: addresses, ids of MLflow, a table's random id, times of day, seconds, places.
_RUN = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{32}\b|\bT_[0-9a-f]{5}\w*|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?|\b\d+\.\d+(e-?\d+)?\b|/\S*/home-\w+"
)
# Seconds are whole numbers now and then, which nothing but their place tells from a count.
_SECONDS = re.compile(r"(?<=Own work, seconds).*?(?=\n|</table>|\Z)", re.DOTALL)


def executed(home: Path, *, cold: bool) -> Iterator[tuple[str, Outcome]]:
    settings = Settings(home=home)
    connect(settings.warehouse, create=True)
    executor = Executor(settings, "20260101T000000Z-abcdef", home / "runs", cold=cold)
    try:
        for pipeline in map(load_pipeline, PIPELINES):
            for name in pipeline.order:
                prepared = prepare(pipeline.notebook(name), name, pipeline.stages[name].parameters)
                output = home / "runs" / f"{pipeline.name}.{name}.ipynb"
                yield f"{pipeline.name}.{name}", executor.execute(prepared, output)
    finally:
        executor.close()


def normal(value: Any) -> Any:
    """Return a text with what differs from run to run masked."""
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items() if name != "timings"}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        whole = _SECONDS.sub(lambda found: re.sub(r"(?<=[ >])\d[\d.,e+-]*", "#", found[0]), value)
        return re.sub(r" +", " ", _RUN.sub("#", whole))
    return "#" if isinstance(value, float) else value


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    """How each stage ended, by the kind of its process."""
    base = tmp_path_factory.mktemp("same")
    generate(base / "made", rows=20_000)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("fork", "kernel"):
            home = base / f"home-{kind}"
            for folder in (base / "made").iterdir():
                if folder.is_dir():
                    shutil.copytree(folder, home / "landing" / folder.name, copy_function=shutil.copy2)
            patch.setenv("WORKBENCH_HOME", str(home))
            assert get_settings().home == home
            found[kind] = dict(executed(home, cold=kind == "kernel"))
    return found


def test_every_stage_succeeds_in_both(outcomes: dict[str, dict[str, Outcome]]) -> None:
    for kind, stages in outcomes.items():
        assert {name: outcome.error for name, outcome in stages.items()} == dict.fromkeys(stages)
        assert {outcome.process_kind for outcome in stages.values()} == {kind}


def test_outputs_are_equal_mime_type_by_mime_type(outcomes: dict[str, dict[str, Outcome]]) -> None:
    pictures = 0
    for stage, forked in outcomes["fork"].items():
        afresh = outcomes["kernel"][stage]
        assert forked.record.keys() == afresh.record.keys()
        for one, other in zip(forked.node.cells, afresh.node.cells, strict=True):
            assert one.source == other.source
            assert one.get("execution_count") == other.get("execution_count")
            shown, expected = one.get("outputs", []), other.get("outputs", [])
            assert [output.output_type for output in shown] == [output.output_type for output in expected]
            for output, twin in zip(shown, expected, strict=True):
                data, wanted = output.get("data", {}), twin.get("data", {})
                assert list(data) == list(wanted)
                for mime, value in data.items():
                    pictures += mime == "image/png"
                    exact = mime.startswith("image/")
                    left, right = (value, wanted[mime]) if exact else (normal(value), normal(wanted[mime]))
                    assert left == right, f"{stage}: {mime} of {one.source!r}"
                assert normal(dict(output, data=None)) == normal(dict(twin, data=None))
    assert pictures >= 4
