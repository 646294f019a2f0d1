"""What dbt compiled is taken again as long as dbt would compile the same; dbt by hand builds the same tables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transform.conftest import Built, content
from tests.transform.landing import land, line
from workbench import transform
from workbench.errors import WorkFailed
from workbench.settings import get_settings
from workbench.warehouse import Warehouse, connect


@pytest.fixture(scope="module")
def compiled(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dbt project, and a home in which it was compiled and built."""
    folder = tmp_path_factory.mktemp("compiled")
    shutil.copytree(built.home, folder / "home")
    shutil.copytree(
        get_settings().root / "dbt",
        folder / "project" / "dbt",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(folder / "home"))
        patch.setenv("WORKBENCH_PROJECT", str(folder / "project"))
        assert not transform.build("marts").known
    return folder


@pytest.fixture
def project(
    copy: Warehouse, compiled: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """This test's own copy of the project and of the home, to be changed."""
    shutil.copytree(compiled / "home", home, dirs_exist_ok=True)
    root = tmp_path / "project"
    shutil.copytree(compiled / "project", root)
    monkeypatch.setenv("WORKBENCH_PROJECT", str(root))
    return root / "dbt"


def told(result: transform.TransformResult) -> list[tuple[object, ...]]:
    return [(r.name, r.resource_type, r.table, r.status, r.rows, r.failures) for r in result.results]


def test_dbt_by_hand_builds_the_same_tables(copy: Warehouse, home: Path) -> None:
    before = content(copy)
    land(copy, "transactions", 9, line("late", product_id="P9", store_id="S9", customer_id="newcomer"))
    assert transform.build().known
    after = content(copy)
    assert len(after["core.fact_transactions"]) == len(before["core.fact_transactions"]) + 1
    by_hand(home)
    assert content(copy) == after
    # What another program filled is built whole again, with the same result.
    result = transform.build()
    assert {model.changes.why for model in result.models if model.changes} == {"it was never built"}
    assert content(copy) == after


def by_hand(home: Path) -> None:
    """Run dbt's own program."""
    subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "--quiet", "--no-send-anonymous-usage-stats", "build",
            "--project-dir", "dbt", "--profiles-dir", "dbt", "--target-path", home / "by-hand", "--log-path", home,
        ],
        check=True, timeout=600, cwd=get_settings().root,
        env=os.environ | {"WORKBENCH_DUCKDB_PATH": str(home / "warehouse.duckdb")},
    )  # fmt: skip


def test_a_build_tells_what_it_wrote_and_why_all_of_it(copy: Warehouse) -> None:
    assert {model.changes.why for model in transform.build().models if model.changes} <= {
        "",
        "its table was emptied",
    }
    land(copy, "transactions", 9, line("late", customer_id=None), line("late", 2, at="2017-06-16 08:00:00"))
    found = {model.name: model.changes for model in transform.build().models}
    facts, months = found["fact_transactions"], found["sales_monthly"]
    assert facts and (facts.offered, facts.inserted, facts.updated, facts.unchanged, facts.removed) == (
        2,
        2,
        0,
        0,
        0,
    )
    assert months and months.updated == 1 and months.inserted == 0
    (row,) = copy.query(
        "SELECT rows_offered, rows_inserted, rows_now, reason FROM ops.builds "
        "WHERE model = 'fact_transactions' ORDER BY built_at DESC LIMIT 1"
    ).to_pylist()
    assert row == {"rows_offered": 2, "rows_inserted": 2, "rows_now": facts.now, "reason": None}
    whole = {model.changes.why for model in transform.build(full_refresh=True).models if model.changes}
    assert whole == {"asked for"}


def test_a_table_that_lost_its_shape_is_made_anew(copy: Warehouse) -> None:
    before = content(copy)
    copy.execute("ALTER TABLE core.dim_store DROP COLUMN name")
    assert transform.build().known
    assert content(copy) == before


def test_a_changed_project_is_compiled_anew(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert transform.build("marts").known
    model = project / "models" / "marts" / "sales_daily.sql"
    model.write_text(model.read_text() + "\nlimit 0\n")
    with pytest.raises(WorkFailed, match="same_sales_sales_daily"):
        transform.build("marts")
    model.write_text(model.read_text().replace("\nlimit 0\n", "\n"))
    assert [transform.build("marts").known for _ in range(2)] == [False, True]
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "EUR")
    assert [transform.build("marts").known for _ in range(2)] == [False, True]


def test_what_a_test_finds_is_said_by_dbt(copy: Warehouse) -> None:
    result = transform.build("marts")
    copy.execute("UPDATE ops.batches SET rows_accepted = 9 WHERE batch_id = 'a'")
    with pytest.raises(WorkFailed, match=r"test accounted_for_data_quality_daily_rows_landed: Got 1 result"):
        transform.build("marts")
    copy.execute("UPDATE ops.batches SET rows_accepted = rows_landed - rows_quarantined WHERE batch_id = 'a'")
    assert told(transform.build("marts")) == told(result)


@pytest.mark.soak
def test_what_may_compile_to_another_statement_always_is_and_a_model_with_hooks_is_refused(
    project: Path,
) -> None:
    model = project / "models" / "marts" / "sales_daily.sql"
    plain = model.read_text()
    for changed in (
        "-- {{ run_started_at }}",
        "{% if execute %}-- {{ run_query('select 1').columns[0].values() }}{% endif %}",
        "-- {{ env_var('WORKBENCH_HOME') }}",
    ):
        model.write_text(f"{changed}\n{plain}")
        before = set((project / "target" / "statements").iterdir())
        assert not transform.build("marts").known
        # It keeps nothing, so that the next is compiled, too.
        assert set((project / "target" / "statements").iterdir()) == before, changed
    model.write_text("{{ config(post_hook='select 1') }}\n" + plain)
    with pytest.raises(WorkFailed, match="model sales_daily has hooks"):
        transform.build("marts")


def kept(folder: Path) -> Path:
    (path,) = (folder / "statements").iterdir()
    return path


@pytest.mark.soak
def test_a_file_of_statements_that_is_none_is_overlooked_and_the_project_read_from_dbts_cache(
    project: Path, home: Path
) -> None:
    path, cache = kept(project / "target"), home / "dbt" / "target" / "partial_parse.msgpack"
    written = set()
    # The first time the project is read in this home, where dbt keeps what it read.
    for broken in (path.read_text()[:-9], "[1]"):
        path.write_text(broken)
        assert not transform.build("marts").known
        assert transform.build("marts").known
        written.add(cache.stat().st_mtime_ns)
    assert len(written) == 1


def test_statements_are_as_good_for_any_home_and_file(
    project: Path, copy: Warehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(copy)
    shutil.copy(home / "warehouse.duckdb", home.parent / "a core.duckdb")
    monkeypatch.setenv("WORKBENCH_HOME", str(home.parent / "other"))
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{home.parent / 'a core.duckdb'}")
    elsewhere = connect()
    elsewhere.execute("DELETE FROM ops.watermarks")
    assert transform.build().known
    assert content(elsewhere) == before


@pytest.mark.parametrize("obstacle", [pytest.param("a file", marks=pytest.mark.soak), "no rights"])
def test_a_project_that_cant_be_written_to_has_its_statements_in_the_home(
    project: Path, home: Path, obstacle: str
) -> None:
    shutil.rmtree(project / "target")
    if obstacle == "a file":
        (project / "target").write_text("")
    elif os.geteuid():
        project.chmod(0o555)
    else:
        # Rights don't hold root back.
        (project / "target").symlink_to("/proc/nowhere")
    try:
        assert [transform.build("marts").known for _ in range(2)] == [False, True]
        assert kept(home / "dbt")
    finally:
        project.chmod(0o755)


def test_the_statements_of_few_states_are_kept(project: Path) -> None:
    old = kept(project / "target").parent / "duckdb-old.json"
    old.write_text("[]")
    os.utime(old, (1, 1))
    for n in range(20):
        (old.parent / f"duckdb-{n}.json").write_text("[]")
    (project / "models" / "marts" / "sales_daily.sql").touch()
    (project / "README.md").write_text("changed")
    assert [transform.build("marts").known for _ in range(2)] == [False, True]
    assert len(list(old.parent.iterdir())) == 16 and not old.exists()
