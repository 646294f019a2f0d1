"""What every DAG of the project holds: its map's stages, edges, times and words, and nothing that a parse can't afford."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Facts
from tests.execution.notebooks import notebook, pipeline
from tests.project import ROOT
from workbench.aws.stepfunctions.state_machine import Target, state_machine
from workbench.execution.notebook.reading import read_notebook
from workbench.execution.parameters.declarations import read_parameters
from workbench.execution.pipeline.graph import expand, in_warehouse
from workbench.execution.pipeline.pipeline import Pipeline, find_pipelines, load_pipeline
from workbench.execution.pipeline.stage import TROUBLE_RETRIES

PIPELINES = sorted(find_pipelines())
TARGET = Target(cluster="c", task_definition="t", subnets=("s",))


@pytest.fixture(params=PIPELINES)
def each(request: pytest.FixtureRequest) -> Pipeline:
    """Each pipeline of the project."""
    return load_pipeline(request.param)


def test_every_pipeline_has_a_dag_of_its_name(dags: dict[str, Any]) -> None:
    assert set(PIPELINES) <= set(dags)
    for name in PIPELINES:
        lines = (ROOT / "dags" / f"{name}.py").read_text().splitlines()
        assert len(lines) < 10


def test_tasks_and_edges_are_those_of_the_map(each: Pipeline, dags: dict[str, Any]) -> None:
    tasks = dags[each.name]["tasks"]
    assert list(tasks) == list(each.order)
    assert {name: facts["before"] for name, facts in tasks.items()} == {
        name: sorted(before) for name, before in each.before.items()
    }


def test_an_edge_is_there_if_and_only_if_a_stage_reads_what_another_writes(
    each: Pipeline, dags: dict[str, Any]
) -> None:
    tasks = dags[each.name]["tasks"]
    for name, facts in tasks.items():
        for other, others in tasks.items():
            shared = {
                one for one in set(facts["inlets"]) & set(others["outlets"]) if not one.startswith("ops.")
            }
            told = other in each.stages[name].after
            assert (other in facts["before"]) >= (bool(shared) and other != name)
            # What isn't in the warehouse, as landing, is an edge and no asset of a stage.
            outside = set(each.stages[name].reads) & set(each.stages[other].writes)
            if other in facts["before"] and not told:
                assert shared or outside or set(facts["inlets"]) & set(others["outlets"])


def test_tables_are_assets_by_their_names_in_lineage(each: Pipeline, dags: dict[str, Any]) -> None:
    for name, facts in dags[each.name]["tasks"].items():
        written = [table for table in expand(each.stages[name].writes) if in_warehouse(table)]
        assert set(written) <= set(facts["outlets"])
        assert {source for source, target in each.lineage((name,)) if in_warehouse(source)} - set(
            written
        ) <= set(facts["inlets"])


def test_it_runs_by_its_clock_its_tables_and_what_lands(dags: dict[str, Any]) -> None:
    assert dags["retail_etl"]["cron"] == "0 2 * * *"
    assert dags["retail_etl"]["assets"] == ["landing"]
    assert dags["anomaly_detection"]["assets"] == ["marts.retail_sales"]
    assert dags["anomaly_detection"]["cron"] is None
    assert dags["maintenance"]["cron"] == "0 4 * * 0"
    assert not any(facts["catchup"] for facts in dags.values())
    assert {facts["runs"] for facts in dags.values()} == {1}


def test_each_task_says_what_it_does_and_who_sees_to_it(each: Pipeline, dags: dict[str, Any]) -> None:
    dag = dags[each.name]
    assert each.description in dag["doc"]
    for name, facts in dag["tasks"].items():
        assert facts["owner"] == each.owner != ""
        assert facts["doc"].startswith("# ")
        assert "**Reads**" in facts["doc"]
        assert facts["links"] == ["MLflow", "Report"]
        assert facts["backoff"] > 1
        assert facts["tells"], name


def test_three_targets_agree(each: Pipeline, dags: dict[str, Any]) -> None:
    """The runner here, Airflow and Step Functions: same edges, parameters, retries and time limits."""
    tasks, machine = dags[each.name]["tasks"], state_machine(each, TARGET)
    steps = _steps(machine)
    assert [name for step in steps for name in step] == sorted(
        each.order, key=lambda name: (_depth(each, name), each.order.index(name))
    )
    states = {name: state for step in steps for name, state in step.items()}
    for name, stage in each.stages.items():
        own = [one for one in states[name]["Retry"] if "States.TaskFailed" in one["ErrorEquals"]]
        assert tasks[name]["retries"] == TROUBLE_RETRIES == states[name]["Retry"][0]["MaxAttempts"]
        assert sum(one["MaxAttempts"] for one in own) == stage.restarts
        assert tasks[name]["timeout"] == stage.time_limit == states[name].get("TimeoutSeconds")
        assert states[name]["Parameters"]["Overrides"]["ContainerOverrides"][0]["Command"][:4] == [
            "workbench", "run", each.name, "--only",
        ]  # fmt: skip
    declared = {
        name: found
        for stage in each.stages
        for name, found in read_parameters(read_notebook(each.notebook(stage)), stage).items()
    }
    assert set(dags[each.name]["params"]) == set(declared)


def _depth(each: Pipeline, name: str) -> int:
    return max((_depth(each, before) + 1 for before in each.before[name]), default=0)


def _steps(machine: dict[str, Any]) -> list[dict[str, Any]]:
    found, name = [], machine["StartAt"]
    while machine["States"][name]["Type"] in ("Task", "Parallel"):
        state = machine["States"][name]
        branches = state.get("Branches", [{"States": {name: state}}])
        found.append({stage: one for branch in branches for stage, one in branch["States"].items()})
        name = state["Next"]
    return found


def test_the_same_map_gives_the_same_dag_byte_for_byte(facts: Facts) -> None:
    once, again = facts(), facts(PYTHONHASHSEED="7")
    assert {name: each["serialized"] for name, each in once["dags"].items()} == {
        name: each["serialized"] for name, each in again["dags"].items()
    }


def test_a_parse_brings_no_data_library_along(facts: Facts) -> None:
    assert facts()["heavy"] == []


@pytest.mark.parametrize("name", ["retail_etl", "retail_etl__days"])
def test_a_task_s_own_parse_makes_its_dag_alone(facts: Facts, name: str) -> None:
    assert [dag for dag in facts(ROOT, name)["dags"] if dag != "messages"] == [name]


def test_days_are_gone_over_by_a_dag_that_updates_nothing_and_never_runs_by_itself(
    dags: dict[str, Any],
) -> None:
    found = dags["retail_etl__days"]
    assert list(found["tasks"]) == ["transactions", "marts", "events", "measurements"]
    assert all(task["outlets"] == [] for task in found["tasks"].values())
    assert found["timetable"] == "EveryDay"
    assert set(found["params"]) == {"gate", "show", "sources", "top", "trees"}


def test_stages_take_turns_where_the_warehouse_is_one_file(facts: Facts, dags: dict[str, Any]) -> None:
    assert {task["pool"] for task in dags["retail_etl"]["tasks"].values()} == {"warehouse"}
    other = facts(WORKBENCH_WAREHOUSE_URL="redshift://u@h:5439/dev")["dags"]["retail_etl"]["tasks"]
    assert {task["pool"] for task in other.values()} == {"default_pool"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose maps say all that a map may say."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "factory.py", folder / "dags")
    every = folder / "pipeline_notebooks" / "every"
    pipeline(
        every,
        {
            "find": {"writes": ["staging.product_totals"]},
            "each": {
                "reads": ["staging.product_totals"], "over": {"store": {"from": "find.values.stores"}}, "limit": 3,
                "retries": {"times": 2, "delay": "30s"}, "timeout": "10m", "pool": "scarce",
            },
            "listed": {"over": {"region": ["north", "south"]}, "after": ["each"]},
            "end": {"after": ["listed"], "retries": {"times": 1, "on": ["memory"]}, "timeout": 60},
        },
        owner="somebody",
        schedule={"cron": "*/5 * * * *", "timezone": "Europe/Paris", "missed": "all"},
    )  # fmt: skip
    notebook(every / "find.ipynb", last="record(values={'stores': ['a', 'b']})")
    notebook(every / "each.ipynb", parameters="store: str")
    notebook(every / "listed.ipynb", parameters="region: str\nlimit: int = 7")
    notebook(
        every / "end.ipynb",
        parameters="\n".join(
            [
                "import datetime as dt",
                "from decimal import Decimal",
                "from pathlib import Path",
                "from typing import Literal",
                "day: dt.date | None = None  # the day",
                "kind: Literal['a', 'b'] = 'a'",
                "share: float = 0.5",
                "price: Decimal = Decimal('1.50')",
                "names: list[str] = ['x']",
                "pairs: dict[str, int] = {}",
                "exact: bool = True",
                "until: dt.datetime = dt.datetime(2026, 1, 31, 12, 0)",
                "where: Path = Path('x')",
                "span: dt.timedelta = dt.timedelta(days=1)",
                "limit: int = 5",
            ]
        ),
    )
    (folder / "dags" / "every.py").write_text(
        '"""Airflow DAG."""\nfrom factory import make_dags\n\nmake_dags("every")\n'
    )
    return folder


def test_lists_are_gone_over_with_a_limit(facts: Facts, odd: Path) -> None:
    found = facts(odd)
    assert found["errors"] == {}
    tasks = found["dags"]["every"]["tasks"]
    assert list(tasks) == ["find", "each_list", "each", "listed", "end"]
    assert tasks["each"]["before"] == ["each_list", "find"]
    assert tasks["each"]["mapped"] and tasks["listed"]["mapped"] and not tasks["find"]["mapped"]
    assert tasks["each"]["at_once"] == 3
    assert tasks["each"]["pool"] == "scarce"
    assert tasks["each"]["timeout"] == 600 * 3 + 60 + 300
    assert found["dags"]["every"]["timetable"] == "EachTime"


def test_parameters_have_the_types_of_the_notebooks(facts: Facts, odd: Path) -> None:
    params = facts(odd)["dags"]["every"]["params"]
    assert "store" not in params and "region" not in params
    schemas = {name: param["schema"] for name, param in params.items()}
    assert schemas["day"] == {"type": ["null", "string"], "format": "date"}
    assert schemas["kind"] == {"enum": ["a", "b"]}
    assert schemas["share"] == {"type": "number"}
    assert schemas["names"] == {"type": "array", "items": {"type": "string"}}
    assert schemas["exact"] == {"type": "boolean"}
    assert schemas["until"]["format"] == "date-time"
    assert params["day"]["help"].startswith("the day (")
    assert params["price"]["value"] == "1.50"
    # Stages differ in what they take: each keeps its own.
    assert params["limit"]["value"] is None
    assert "null" in schemas["limit"]["type"]


def test_a_wrong_map_is_an_error_of_its_own_dag_alone(facts: Facts, odd: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(odd, folder)
    bad = folder / "pipeline_notebooks" / "bad"
    bad.mkdir()
    (bad / "pipeline.yaml").write_text("name: bad\nstages: {a: {notebook: a.ipynb, reeds: []}}\n")
    (folder / "dags" / "bad.py").write_text(
        '"""Airflow DAG."""\nfrom factory import make_dags\n\nmake_dags("bad")\n'
    )
    found = facts(folder)
    assert list(found["dags"]) == ["every"]
    assert list(found["errors"]) == ["bad.py"]
    assert "did you mean" in found["errors"]["bad.py"]
