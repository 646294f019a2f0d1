"""Values that stages hand to each other, stages that go over a list, and attempts after failed ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution import RunOptions, load_pipeline, run_pipeline
from workbench.settings import Settings
from workbench.warehouse import connect

DAYS = "record(counts={'batches': 3}, values={'days': ['2017-01-01', '2017-01-02'], 'shop': {'open': True}})"
DAY = "day: datetime.date  # the day\nbatches: int = 0  # taken in"
WITH_DATES = "import datetime\nfrom workbench.execution import record"


def test_a_stage_takes_what_an_earlier_one_recorded(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", last=DAYS)
    notebook(
        folder / "count.ipynb",
        parameters="batches: int  # taken in",
        last="record(counts={'n': batches + 1})",
    )
    pipeline(folder, {"count": {"parameters": {"batches": {"from": "take.counts.batches"}}}, "take": {}})
    run = run_pipeline(folder)
    assert run.state == "succeeded", run.error
    take, count = run.stages
    assert (take.name, count.name) == ("take", "count")
    assert take.results == {"days": ["2017-01-01", "2017-01-02"], "shop": {"open": True}}
    assert count.parameters == {"batches": 3} and count.counts == {"n": 4}
    rows = connect().query("SELECT results FROM ops.runs WHERE stage = 'take'").to_pylist()
    assert json.loads(rows[0]["results"]) == take.results
    again = run_pipeline(folder)
    assert [stage.state for stage in again.stages] == ["skipped", "skipped"]
    assert run_pipeline(folder, {"batches": 9}).stages[1].counts == {"n": 10}


def test_a_stage_goes_over_a_list_and_what_comes_after_waits_for_all(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", last=DAYS)
    notebook(
        folder / "each.ipynb", parameters=DAY, imports=WITH_DATES, last="record(counts={'day': day.day})"
    )
    notebook(folder / "end.ipynb")
    stages = {
        "take": {},
        "each": {
            "over": {"day": {"from": "take.values.days"}},
            "limit": 1,
            "parameters": {"batches": {"from": "take.counts.batches"}},
        },
        "end": {"after": ["each"]},
    }
    run = run_pipeline(pipeline(folder, stages))
    assert run.state == "succeeded", run.error
    assert [stage.name for stage in run.stages] == ["take", "each[2017-01-01]", "each[2017-01-02]", "end"]
    _, first, second, end = run.stages
    assert (first.stage, first.counts, second.counts) == ("each", {"day": 1}, {"day": 2})
    assert first.parameters == {"batches": 3, "day": "2017-01-01"}
    assert second.started_at >= first.finished_at and end.started_at >= second.finished_at
    for stage in (first, second):
        assert (
            stage.notebook == settings.runs / run.run_id / f"{stage.name}.ipynb" and stage.notebook.is_file()
        )
        assert stage.report is not None and stage.report.is_file()
    only = run_pipeline(folder, {"day": "2017-01-02"})
    assert [stage.name for stage in only.stages] == ["take", "each", "end"]


def test_only_what_is_new_in_a_list_runs(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "each.ipynb", parameters="name: str  # a department")
    run_pipeline(pipeline(folder, {"each": {"over": {"name": ["Dairy & eggs", "a/b"]}}}))
    run = run_pipeline(pipeline(folder, {"each": {"over": {"name": ["Dairy & eggs", "a/b", "c"]}}}))
    assert [stage.state for stage in run.stages] == ["skipped", "skipped", "succeeded"]
    names = [stage.name for stage in run.stages]
    assert names[2] == "each[c]" and all("/" not in name and " " not in name for name in names)
    assert len(set(names)) == 3


def test_an_empty_list_is_done_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", last="record(values={'names': []})")
    notebook(folder / "each.ipynb", parameters="name: str  # a department")
    notebook(folder / "end.ipynb")
    over = {"over": {"name": {"from": "take.values.names"}}}
    run = run_pipeline(pipeline(folder, {"take": {}, "each": over, "end": {"after": ["each"]}}))
    assert [(stage.name, stage.state) for stage in run.stages] == [
        ("take", "succeeded"),
        ("end", "succeeded"),
    ]


def test_a_value_that_was_not_recorded_is_a_clear_failure(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", last=DAYS)
    notebook(folder / "count.ipynb", parameters="batches: int  # taken in")
    for source, message in (
        (
            "values.batches",
            "count takes take.values.batches, which take didn't record; its values: days, shop",
        ),
        ("values.shop", "parameter 'batches' of stage count must be int"),
    ):
        run = run_pipeline(
            pipeline(folder, {"take": {}, "count": {"parameters": {"batches": {"from": f"take.{source}"}}}})
        )
        assert run.state == "failed" and run.error is not None and run.error.startswith(f"count: {message}")


def test_a_stage_run_by_itself_takes_what_was_recorded_last(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", last=DAYS)
    notebook(folder / "count.ipynb", parameters="batches: int  # taken in")
    pipeline(folder, {"take": {}, "count": {"parameters": {"batches": {"from": "take.counts.batches"}}}})
    run = run_pipeline(folder, options=RunOptions(only="count"))
    assert run.error == "count: count takes take.counts.batches, and take never ran to its end"
    run_pipeline(folder)
    assert run_pipeline(folder, options=RunOptions(only="count")).stages[0].parameters == {"batches": 3}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            {"parameters": {"limit": {"from": "tak.counts.n"}}},
            "parameter limit: unknown stage 'tak'; did you",
        ),
        ({"parameters": {"limit": {"from": "b.counts.n"}}}, "would come from the stage itself"),
        ({"parameters": {"limit": {"from": "take"}}}, "named as STAGE.PART.NAME"),
        ({"over": {"limit": []}}, "over: limit needs a list of values"),
        ({"over": {"limit": [1, 1]}}, "over: limit: 1 is there twice"),
        ({"over": {"limit": [1]}, "parameters": {"limit": 1}}, "limit is among the parameters too"),
        ({"limit": 2}, "limit is for a stage that goes over a list"),
        ({"code": ["nowhere"]}, "code: no file or folder"),
        ({"retries": {"times": 1, "on": ["rain"]}}, "retries.on.0: it must be 'error'"),
        ({"retries": {"time": 1}}, "unknown key 'time'; did you mean 'times'?"),
    ],
    ids=["stage", "itself", "form", "empty", "twice", "both", "limit", "code", "failure", "key"],
)
def test_a_wrong_map_says_what_is_wrong(tmp_path: Path, stage: dict[str, object], message: str) -> None:
    for name in ("take", "b"):
        notebook(tmp_path / "shop" / f"{name}.ipynb")
    folder = pipeline(tmp_path / "shop", {"take": {}, "b": stage})
    with pytest.raises(UsageError) as caught:
        load_pipeline(folder)
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_values_of_a_list_are_checked_before_anything_runs(tmp_path: Path, settings: Settings) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    folder = pipeline(tmp_path / "shop", {"a": {"over": {"limit": [1, "many"]}}})
    with pytest.raises(UsageError, match="parameter 'limit' of stage a must be int"):
        run_pipeline(folder)
    folder = pipeline(tmp_path / "shop", {"a": {"over": {"limits": [1]}}})
    with pytest.raises(UsageError, match="unknown parameter 'limits' of stage a; did you mean 'limit'"):
        run_pipeline(folder)
    assert not settings.runs.exists()


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 2 * *", "has 4 fields, not five"),
        ("60 2 * * *", "'60' is no minute; it is 0 to 59"),
        ("0 2 * * fry", "'fry' is no day of week"),
        ("0 5-2 * * *", "'5-2' is no hour"),
        ("*/0 2 * * *", "'*/0' is no minute"),
    ],
    ids=["four", "sixty", "word", "backwards", "zero"],
)
def test_a_wrong_schedule_is_found_at_once(tmp_path: Path, cron: str, message: str) -> None:
    notebook(tmp_path / "shop" / "a.ipynb")
    with pytest.raises(UsageError) as caught:
        load_pipeline(pipeline(tmp_path / "shop", {"a": {}}, schedule={"cron": cron}))
    assert message in str(caught.value)
    load_pipeline(pipeline(tmp_path / "shop", {"a": {}}, schedule={"cron": "*/15 0,12 1-7 jan mon-fri"}))
    with pytest.raises(UsageError, match="no time zone 'Mars'"):
        load_pipeline(
            pipeline(tmp_path / "shop", {"a": {}}, schedule={"on": ["landing"], "timezone": "Mars"})
        )


def test_only_failures_of_the_policy_are_tried_again(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    notebook(folder / "a.ipynb", "1 / 0")
    pipeline(folder, {"a": {"retries": {"times": 2, "delay": "0s", "on": ["timeout", "died"]}}})
    assert run_pipeline(folder).stages[0].attempts == 1
    pipeline(folder, {"a": {"retries": {"times": 2, "on": ["error"]}}})
    run = run_pipeline(folder)
    assert (run.stages[0].attempts, run.stages[0].reason) == (3, "error")
    kept = sorted(path.name for path in (settings.runs / run.run_id).glob("a*.ipynb"))
    assert kept == ["a.attempt-1.ipynb", "a.attempt-2.ipynb", "a.ipynb"]


def test_a_value_that_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    from workbench.execution import record

    with pytest.raises(UsageError, match="value 'x' must be what JSON holds"):
        record(values={"x": object()})
    with pytest.raises(UsageError, match="value 'x' must be what JSON holds"):
        record(values={"x": float("nan")})
