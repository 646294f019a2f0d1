"""A pipeline's map: the order that follows from it, and what is wrong with a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.errors import UsageError
from workbench.execution import load_pipeline
from workbench.execution.pipeline.partitions import Roles, roles
from workbench.schema import DATASETS
from workbench.settings import Settings

STAGES = {
    "report": {"reads": ["marts.retail_sales", "ops.quarantine"]},
    "marts": {"reads": ["core.*"], "writes": ["marts.retail_sales", "ops.alerts"]},
    "stores": {"reads": ["raw.stores"], "writes": ["core.dim_store"], "after": ["take"]},
    "take": {"reads": ["landing"], "writes": ["raw.*", "ops.quarantine", "ops.alerts"], "timeout": "15m"},
}

DAYS = {"first_day": "since", "last_day": "until"}


def made(folder: Path, stages: dict[str, dict[str, object]] = STAGES) -> Path:
    for name in stages:
        notebook(folder / f"{name}.ipynb")
    return pipeline(folder, stages)


def test_the_order_follows_from_reads_and_writes(tmp_path: Path) -> None:
    found = load_pipeline(made(tmp_path / "shop"))
    assert found.order == ("take", "stores", "marts", "report")
    assert found.stages["take"].timeout == 900


def test_stages_that_are_free_keep_the_order_of_the_map(tmp_path: Path) -> None:
    found = load_pipeline(made(tmp_path / "shop", {name: {} for name in ("c", "a", "b")}))
    assert found.order == ("c", "a", "b")


def test_patterns_stand_for_declared_tables_in_lineage(tmp_path: Path) -> None:
    found = load_pipeline(made(tmp_path / "shop"))
    pairs = found.lineage(("take",))
    assert {("landing", f"raw.{name}") for name in DATASETS} <= set(pairs)
    assert ("raw.stores", "core.dim_store") in found.lineage()
    assert len(set(found.lineage())) == len(found.lineage())


def test_stages_can_be_chosen(tmp_path: Path) -> None:
    found = load_pipeline(made(tmp_path / "shop"))
    assert found.select(start="marts") == ("marts", "report")
    assert found.select(only="stores") == ("stores",)
    with pytest.raises(UsageError, match="unknown stage of shop 'mart'; did you mean 'marts'"):
        found.select(only="mart")
    with pytest.raises(UsageError, match="unknown stage of shop ''"):
        found.select(only="")
    with pytest.raises(UsageError, match="exclude each other"):
        found.select(only="take", start="take")


def test_several_stages_may_keep_one_ledger(tmp_path: Path) -> None:
    both = {"reads": ["ops.alerts"], "writes": ["ops.alerts"]}
    found = load_pipeline(made(tmp_path / "shop", {"a": both, "b": both, "c": {"reads": ["ops.alerts"]}}))
    assert found.order == ("a", "b", "c")


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"a": {"reads": ["core.dim_store"], "writes": ["marts.retail_sales"]},
          "b": {"reads": ["marts.retail_sales"], "writes": ["core.dim_store"]}},
         "circle: .*a writes marts.retail_sales, b reads it"),
        ({"a": {"writes": ["core.dim_store"]}, "b": {"writes": ["core.*"]}},
         "core.dim_store is written by two stages, a and b"),
        ({"a": {"reads": ["core.dim_stores"]}},
         "stage a: unknown table 'core.dim_stores'; did you mean 'core.dim_store'"),
        ({"a": {"reads": ["raw.stores.store"]}},
         "stage a: unknown column of raw.stores 'store'; did you mean 'store_id'"),
        ({"a": {"reads": ["core.dim_store.store_id"]}}, "a column can be named of a raw table that is read"),
        ({"a": {"writes": ["raw.stores.store_id"]}}, "a column can be named of a raw table that is read"),
        ({"a": {"reads": ["marts.nothing*"]}}, r"stage a: unknown table 'marts.nothing\*'"),
        ({"a": {"after": ["z"]}}, "stage a: after: unknown stage 'z'"),
        ({"a": {"notebook": "lost.ipynb"}}, "stage a: no notebook .*lost.ipynb"),
        ({"a": {"retrys": 3}}, "stages.a.retrys: unknown key 'retrys'; did you mean 'retries'"),
        ({"a": {"timeout": "soon"}}, "stages.a.timeout"),
        ({"a": {"timeout": True}}, "stages.a.timeout: it must be a number, not true"),
        ({"a": {"size": {"memory": True}}}, "stages.a.size.memory: it must be a number, not true"),
        ({"a": {"retries": {"times": True}}}, "stages.a.retries.times: it must be a number, not true"),
        ({"a": {"limit": True}}, "stages.a.limit: it must be a number, not true"),
        ({"a b": {}}, "a name is made of letters"),
        ({"größe": {}}, "stages.größe: a name is made of letters from a to z"),
        ({"a": {"partitioned": {"first_day": "since"}}}, "stages.a.partitioned.last_day: it is missing"),
        ({"a": {"partitioned": {**DAYS, "first": "x"}}},
         "stages.a.partitioned.first: unknown key 'first'; did you mean 'first_day'"),
        ({"a": {"partitioned": {**DAYS, "last_day": "since"}}},
         "stages.a.partitioned: first_day and last_day are two parameters, not since twice"),
        ({"a": {"partitioned": DAYS, "parameters": {"until": "2024-01-31"}}},
         "stages.a: partitioned: until is among the parameters too; a backfill gives its value"),
        ({"a": {"partitioned": DAYS, "over": {"n": [1]}}}, "partitioned: a stage that goes over a list can't be"),
        ({"a": {"limit": 2}}, "limit is for a stage that goes over a list, or is partitioned"),
        ({}, "stages"),
    ],
)  # fmt: skip
def test_a_wrong_map_says_what_and_where(
    tmp_path: Path, stages: dict[str, dict[str, object]], message: str
) -> None:
    folder = made(tmp_path / "shop", stages)
    with pytest.raises(UsageError, match=message) as caught:
        load_pipeline(folder)
    assert str(folder / "pipeline.yaml") in str(caught.value) and "\n" not in str(caught.value)


def test_a_backfill_gives_each_stage_its_part(tmp_path: Path) -> None:
    by_day: dict[str, object] = {"partitioned": DAYS}
    stages: dict[str, dict[str, object]] = {
        "take": {"writes": ["taken"]},
        "score": {"reads": ["taken"], "writes": ["scores"], **by_day},
        "sum": {"reads": ["scores"], "writes": ["sums"], **by_day},
        "page": {"reads": ["sums"]},
        "apart": {"reads": ["taken"]},
    }
    assert roles(load_pipeline(made(tmp_path / "shop", stages))) == Roles(
        over_days=("score", "sum"), before=("take",), after=("page",), apart=("apart",)
    )
    stages["rank"] = {"reads": ["scores"], "writes": ["ranks"]}
    stages["sum"]["after"] = ["rank"]
    with pytest.raises(UsageError, match="stage rank isn't partitioned and stands between stages that are"):
        roles(load_pipeline(made(tmp_path / "shop", stages)))


def test_a_key_that_comes_twice_is_an_error(tmp_path: Path) -> None:
    folder = made(tmp_path / "shop")
    (folder / "pipeline.yaml").write_text(
        "name: shop\nstages:\n  a: {notebook: take.ipynb}\n  a: {notebook: x}\n"
    )
    with pytest.raises(UsageError, match="a is there twice, line 4"):
        load_pipeline(folder)


def test_a_schedule_may_wait_for_tables(tmp_path: Path) -> None:
    folder = made(tmp_path / "shop", {"a": {}})
    (folder / "pipeline.yaml").write_text(
        "name: shop\nschedule: {on: [marts.retail_sales]}\nstages:\n  a: {notebook: a.ipynb}\n"
    )
    schedule = load_pipeline(folder).schedule
    assert schedule is not None and schedule.on == ("marts.retail_sales",)


def test_a_pipeline_is_found_by_name_folder_or_file(tmp_path: Path) -> None:
    folder = made(tmp_path / "pipeline_notebooks" / "shop", {"a": {}})
    settings = Settings(project=tmp_path)
    for name in ("shop", folder, folder / "pipeline.yaml"):
        assert load_pipeline(name, settings).folder == folder
    with pytest.raises(UsageError, match="unknown pipeline 'shpo'; did you mean 'shop'"):
        load_pipeline("shpo", settings)
    with pytest.raises(UsageError, match=r"no pipeline\.yaml in"):
        load_pipeline(tmp_path, settings)
