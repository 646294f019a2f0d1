"""What is skipped because nothing has changed, and what its record says of the reason."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.execution.notebooks import notebook, pipeline, states
from workbench.execution import Run, RunOptions, run_pipeline
from workbench.execution.pipeline.pipeline import load_pipeline
from workbench.execution.records.store import save
from workbench.execution.run.skipping import packages
from workbench.execution.run.skipping.skip import differing
from workbench.execution.run.skipping.versions import Versions
from workbench.governance.withdrawal import restore, withdraw
from workbench.settings import Settings
from workbench.warehouse import connect

IMPORTS = "import rules\nfrom workbench.execution import record\nfrom workbench.warehouse import connect"
FILL = 'connect().execute("INSERT INTO raw.stores (store_id, updated_at, _batch_id, _row_number, _ingested_at) VALUES '
TAKE = f"""{FILL}('1', now(), 'b', 1, now())")"""


@pytest.fixture
def shop(tmp_path: Path, settings: Settings) -> Path:
    """A pipeline of two stages over one table, with a module beside the notebooks."""
    folder = tmp_path / "shop"
    notebook(folder / "take.ipynb", TAKE, imports=IMPORTS, last="record(counts={'n': 7}, values={'x': [1]})")
    notebook(folder / "show.ipynb", last="record(counts={'seen': 1})")
    (folder / "rules.py").write_text("LIMIT = 1\n")
    settings.landing.mkdir(parents=True)
    (settings.landing / "a.csv").write_text("1")
    return pipeline(
        folder,
        {
            "take": {"reads": ["landing"], "writes": ["raw.stores", "ops.alerts"]},
            "show": {"reads": ["raw.stores"]},
        },
    )


def test_what_has_not_changed_is_skipped_and_keeps_its_results(shop: Path) -> None:
    first = run_pipeline(shop)
    assert states(first) == {"take": ("succeeded", "it never ran"), "show": ("succeeded", "it never ran")}
    # What its map says it writes is counted, whatever its notebook says; but for what the platform keeps for itself.
    assert first.stages[0].tables == {"raw.stores": 1} and first.rows == 1
    assert first.stages[0].outputs["ops.alerts"].rows == 0
    second = run_pipeline(shop)
    assert second.state == "succeeded"
    assert states(second) == {
        name: ("skipped", f"unchanged since run {first.run_id}.{name}") for name in ("take", "show")
    }
    take = second.stages[0]
    assert (
        take.counts == {"n": 7}
        and take.tables == {"raw.stores": 1}
        and take.results == {"x": [1]}
        and take.report == first.stages[0].report
    )
    assert take.reason == "skipped" and second.rows is None
    assert second.report is not None
    for page in (second.report, second.report.parents[1] / "index.html"):
        links = set(re.findall(r'href="([^"]*take\.html)"', page.read_text()))
        assert links and all((page.parent / link).is_file() for link in links)
    assert "unchanged since run" in second.report.read_text()
    assert connect().counts("raw.stores") == {"raw.stores": 1}
    rows = connect().query("SELECT state FROM ops.runs WHERE parent_run_id = ?", [second.run_id]).to_pylist()
    assert [row["state"] for row in rows] == ["skipped", "skipped"]
    assert states(run_pipeline(shop))["take"][1] == f"unchanged since run {first.run_id}.take"


def test_a_batch_that_is_moved_is_a_change_whatever_the_count(shop: Path, settings: Settings) -> None:
    run_pipeline(shop)
    warehouse = connect()
    for batch in ("c", "d"):
        row = f"('{batch}', 'stores', 'x', 1, 1, 0, 0, 'loaded', TIMESTAMP '2024-01-01')"
        names = "batch_id, dataset, uri, rows_landed, rows_accepted, rows_quarantined, rows_duplicate, status, ingested_at"
        warehouse.execute(f"INSERT INTO ops.batches ({names}) VALUES {row}")
        warehouse.execute(
            "INSERT INTO raw.stores (store_id, updated_at, _batch_id, _row_number, _ingested_at) "
            f"VALUES ('{batch}', now(), '{batch}', 1, now())"
        )
    withdraw(warehouse, "c", "not ours", "ann")
    assert states(run_pipeline(shop))["show"] == ("succeeded", "raw.stores changed")
    assert states(run_pipeline(shop, options=RunOptions(start="show")))["show"][1] == "asked for by name"
    assert states(run_pipeline(shop))["show"][0] == "skipped"
    restore(warehouse, "c", "ours", "ann")
    withdraw(warehouse, "d", "not ours", "ann")
    assert states(run_pipeline(shop))["show"] == ("succeeded", "raw.stores changed")
    assert states(run_pipeline(shop))["show"][0] == "skipped"


def test_a_whole_run_runs_everything_and_tells_its_notebooks(shop: Path) -> None:
    imports = "from workbench.execution import record\nfrom workbench.settings import get_settings"
    told = "record(values={'full': get_settings().full})"
    notebook(shop / "show.ipynb", imports=imports, last=told)
    assert run_pipeline(shop).stages[1].results == {"full": False}
    whole = run_pipeline(shop, options=RunOptions(full=True))
    assert states(whole) == {"take": ("succeeded", "forced"), "show": ("succeeded", "forced")}
    assert whole.stages[1].results == {"full": True}


def test_the_reason_names_what_changed(
    shop: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_pipeline(shop)
    (shop / "rules.py").write_text("LIMIT = 2\n")
    second = states(run_pipeline(shop))
    assert second["take"] == ("succeeded", "rules.py changed")
    assert second["show"] == ("succeeded", "raw.stores changed")
    (settings.landing / "b.csv").write_text("2")
    assert states(run_pipeline(shop))["take"][1] == "landing changed"
    assert states(run_pipeline(shop, {"limit": 9}))["show"][1] == "parameter limit, raw.stores changed"
    notebook(shop / "show.ipynb", "1 + 1", last="record(counts={'seen': 1})")
    assert states(run_pipeline(shop, {"limit": 9}))["show"] == ("succeeded", "the notebook changed")
    assert states(run_pipeline(shop, {"limit": 8}))["take"][1] == "parameter limit changed"
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "EUR")
    assert states(run_pipeline(shop, {"limit": 8}))["take"][1] == "setting reporting_currency changed"
    assert first.stages[0].key_parts["the notebook"]


def test_another_environment_counts_as_far_as_the_stage_imports_it(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_pipeline(shop)
    assert first.stages[0].key_parts["package duckdb"] and "the environment" not in first.stages[0].key_parts
    elsewhere = tmp_path / "site"

    def installed(*names: str) -> dict[str, str]:
        for name in names:
            (elsewhere / f"{name}.dist-info").mkdir(parents=True)
        for kept in (packages._installed, packages._modules, packages.package_versions):
            kept.cache_clear()
        return {name: state for name, (state, _) in states(run_pipeline(shop)).items()}

    monkeypatch.syspath_prepend(str(elsewhere))
    assert installed("jupyterlab-9.1", "some_other-1.0") == {"take": "skipped", "show": "skipped"}
    # Now as if the project lay elsewhere.
    moved = shop.rename(tmp_path / "moved").parent / "moved"
    assert {stage.state for stage in run_pipeline(moved).stages} == {"skipped"}
    moved.rename(shop)
    installed("duckdb-9.9.9")
    last = connect().rows(
        "SELECT why, key_parts FROM ops.runs WHERE stage = 'take' AND state = 'succeeded' ORDER BY finished_at"
    )[-1]
    assert (
        json.loads(last["key_parts"])["package duckdb"] == "9.9.9" and last["why"] == "package duckdb changed"
    )
    assert all(stage.state == "skipped" and not stage.key_parts for stage in run_pipeline(shop).stages)


def test_a_package_is_known_by_what_it_installs_and_one_side_alone_says_nothing() -> None:
    found = packages.environment_key(["sklearn.ensemble", "yaml", "dbt.cli.main", "nowhere.to_be_found"])
    assert {"Python", "package scikit_learn", "package pyyaml", "package dbt_core"} <= set(found)
    assert not any("nowhere" in name for name in found)
    assert differing({"package a": "1", "x": "1"}, {"package b": "1"}) == ["x"]
    assert differing({"package a": "1"}, {"package a": "2"}) == ["package a"]


def test_a_person_decides_otherwise(shop: Path) -> None:
    run_pipeline(shop)
    assert states(run_pipeline(shop, options=RunOptions(force=True)))["show"] == ("succeeded", "forced")
    assert states(run_pipeline(shop, options=RunOptions(only="show"))) == {
        "show": ("succeeded", "asked for by name")
    }
    found = states(run_pipeline(shop, options=RunOptions(start="take")))
    assert found["take"][1] == "asked for by name" and found["show"][1] == "raw.stores changed"


def test_a_table_that_is_not_as_it_was_left_is_made_again(shop: Path) -> None:
    run_pipeline(shop)
    connect().execute("DELETE FROM raw.stores")
    found = states(run_pipeline(shop))
    assert found["take"] == ("succeeded", "raw.stores isn't as its last run left it")
    connect().path.unlink()
    assert states(run_pipeline(shop))["take"] == ("succeeded", "it never ran")


def test_a_stage_that_failed_runs_again_and_what_it_needs_is_skipped(shop: Path) -> None:
    notebook(shop / "show.ipynb", "from pathlib import Path\nassert Path('mended').exists()")
    assert run_pipeline(shop).state == "failed"
    (shop / "mended").touch()
    again = run_pipeline(shop)
    assert [stage.state for stage in again.stages] == ["skipped", "succeeded"]
    assert again.stages[1].why == "it never ran to its end"


def test_a_run_that_was_killed_is_not_trusted(shop: Path, settings: Settings) -> None:
    first = run_pipeline(shop)
    lost = first.model_copy(deep=True, update={"run_id": "29990101T000000Z-abcdef", "pid": 2**22 + 1})
    lost.state = "running"
    lost.stages[0].begin()
    save(lost, settings)
    found = states(run_pipeline(shop))
    assert found["take"][0] == "succeeded", found
    assert found["show"] == ("succeeded", "raw.stores changed")


def test_a_stage_that_reads_a_column_runs_when_its_values_may_have_changed(
    shop: Path, settings: Settings
) -> None:
    def run() -> tuple[str, str]:
        (settings.landing / "a.csv").write_text(f"{time.time()}")
        return states(run_pipeline(shop))["show"]

    def take(name: str, number: int, moment: int) -> None:
        rows = f"('{name}', TIMESTAMP '2026-01-01' + INTERVAL {moment} DAY, 'b', {number}, now())"
        notebook(shop / "take.ipynb", f'{FILL}{rows}")', imports=IMPORTS)

    pipeline(
        shop,
        {
            "take": {"reads": ["landing"], "writes": ["raw.*"]},
            "show": {"reads": ["raw.stores.store_id"], "writes": ["page"]},
        },
    )
    read = 'connect().query("SELECT DISTINCT store_id FROM raw.stores")'
    notebook(shop / "show.ipynb", read, imports=IMPORTS)
    take("s1", 1, 0)
    assert run() == ("succeeded", "it never ran")
    take("s1", 2, 1)
    assert run()[0] == "skipped"
    take("s2", 3, 0)
    assert run() == ("succeeded", "raw.stores.store_id changed")
    take("s2", 4, 1)
    assert run()[0] == "skipped"
    # The row of a key that landed last may take back what another said.
    take("s2", 5, 1)
    assert run() == ("succeeded", "raw.stores.store_id changed")
    moves = connect().query("SELECT DISTINCT source FROM ops.lineage WHERE target = 'page'").to_pylist()
    assert moves == [{"source": "raw.stores"}]


def likely(shop: Path, settings: Settings) -> set[str]:
    versions = Versions(connect(), settings, load_pipeline(str(shop)), "a run to come")
    return {stage for stage in ("take", "show") if versions.is_likely(shop.name, stage)}


def test_a_raw_table_that_got_no_row_has_not_changed(shop: Path, settings: Settings) -> None:
    pipeline(
        shop,
        {
            "take": {"reads": ["landing"], "writes": ["raw.*"]},
            "show": {"reads": ["raw.customers"]},
        },
    )
    notebook(shop / "take.ipynb", TAKE.replace("'1'", "gen_random_uuid()"), imports=IMPORTS)
    first = run_pipeline(shop)
    assert likely(shop, settings) == {"take", "show"}
    for _ in range(2):
        (settings.landing / "a.csv").write_text(f"{time.time()}")
        again = run_pipeline(shop)
        assert states(again)["take"][0] == "succeeded" and states(again)["show"][0] == "skipped"
        outputs = again.stages[0].outputs
        assert outputs["raw.customers"].version == f"{first.run_id}.take"
        assert outputs["raw.stores"].version == f"{again.run_id}.take"
    # Nobody loads the libraries of a stage ahead that will be skipped as it was last.
    assert likely(shop, settings) == {"take"}
    run_pipeline(shop)
    assert likely(shop, settings) == {"take"}
    connect().execute("DELETE FROM raw.stores")
    assert states(run_pipeline(shop))["take"] == ("succeeded", "raw.stores isn't as its last run left it")


def test_a_table_that_a_stage_found_as_it_should_be_has_not_changed(shop: Path, settings: Settings) -> None:
    pipeline(
        shop,
        {
            "take": {"reads": ["landing"], "writes": ["core.dim_store", "core.dim_time"]},
            "show": {"reads": ["core.dim_time"]},
        },
    )

    def take(more: str = "") -> Run:
        (settings.landing / "a.csv").write_text(f"{time.time()}")
        tables = 'writes=["core.dim_store", "core.dim_time"], unchanged=["core.dim_time"]'
        imports = f"{IMPORTS}\nfrom workbench.warehouse.access import note_tables"
        notebook(shop / "take.ipynb", f"note_tables({tables})\n{more}", imports=imports)
        return run_pipeline(shop)

    first = take()
    assert first.stages[1].state == "succeeded"
    again = take()
    assert again.stages[1].why == f"unchanged since run {first.run_id}.show"
    versions = {name: version.version for name, version in again.stages[0].outputs.items()}
    assert versions == {"core.dim_store": f"{again.run_id}.take", "core.dim_time": f"{first.run_id}.take"}
    # Neither one that failed nor one that wrote otherwise knows what it left, nor who comes after a failed one.
    assert take("1 / 0").error
    assert states(take())["show"] == ("succeeded", "core.dim_time changed")
    wrote = take('connect().execute("DELETE FROM core.dim_time WHERE 1 = 0")')
    assert states(wrote)["show"] == ("succeeded", "core.dim_time changed")
    assert states(take())["show"][0] == "skipped"
