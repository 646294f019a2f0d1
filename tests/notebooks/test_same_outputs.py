"""Every stage of both pipelines shows the same, forked and in a kernel started afresh."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import nbformat
import pytest

from tests.pipelines import Shared, Side, run_all
from workbench.execution.notebook.notebook import find_record
from workbench.execution.records.model import StageRun

pytestmark = pytest.mark.soak

# What differs from any run to the next: its id, addresses, ids of MLflow, a table's random id, times of day, seconds,
# places.
_RUN = re.compile(
    r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b|0x[0-9a-f]+|\b[0-9a-f]{32}\b|\bT_[0-9a-f]{5}\w*|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?|\b\d+\.\d+(e-?\d+)?\b|/\S*/home\b"
)
# Seconds are whole numbers now and then, which nothing but their place tells from a count.
_SECONDS = re.compile(r"(?<=Own work, seconds).*?(?=\n|</table>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A stage and its notebook, as it was kept."""

    stage: StageRun
    node: Any


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


def stages_of(side: Side) -> dict[str, Shown]:
    """Every stage of every pipeline."""
    return {
        f"{name}.{stage.name}": Shown(stage, nbformat.read(stage.notebook, as_version=4))
        for name, run in side.runs.items()
        for stage in run.stages
    }


@pytest.fixture(scope="module")
def outcomes(shared_run: Shared) -> dict[str, dict[str, Shown]]:
    """How each stage ended, by the kind of its process."""
    # Texts that are too long are cut, so both homes have names of the same length.
    folder = shared_run.files.parent
    afresh = run_all(folder.with_name("afresh-run") / "home", shared_run.files, {}, cold=True)
    return {"fork": stages_of(shared_run.side), "kernel": stages_of(afresh)}


def test_every_stage_succeeds_in_both(outcomes: dict[str, dict[str, Shown]]) -> None:
    for kind, stages in outcomes.items():
        assert {name: shown.stage.error for name, shown in stages.items()} == dict.fromkeys(stages)
        assert {shown.stage.process_kind for shown in stages.values()} == {kind}


def test_outputs_are_equal_mime_type_by_mime_type(outcomes: dict[str, dict[str, Shown]]) -> None:
    pictures = 0
    for stage, forked in outcomes["fork"].items():
        afresh = outcomes["kernel"][stage]
        assert find_record(forked.node).keys() == find_record(afresh.node).keys()
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
