"""What dbt compiled is executed again, with the same result, as long as dbt would compile the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.transform.conftest import content
from tests.transform.landing import land, line
from workbench import transform
from workbench.errors import WorkFailed
from workbench.settings import get_settings
from workbench.warehouse import Warehouse


@pytest.fixture
def project(copy: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project of this test's own, to be changed, built once."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(get_settings().root / "dbt", root / "dbt", ignore=ignored)
    monkeypatch.setenv("WORKBENCH_PROJECT", str(root))
    transform.build("marts")
    return root / "dbt"


def told(result: transform.TransformResult) -> list[tuple[object, ...]]:
    return [(r.name, r.resource_type, r.table, r.status, r.rows, r.failures) for r in result.results]


def test_it_does_what_dbt_does(copy: Warehouse, home: Path) -> None:
    before = content(copy)
    land(copy, "transactions", 9, line("late", product_id="P9", store_id="S9", customer_id="newcomer"))
    replayed = transform.build()
    assert replayed.replayed
    after = content(copy)
    assert len(after["marts.retail_sales"]) == len(before["marts.retail_sales"]) + 1
    shutil.rmtree(home / "dbt" / "target" / "replay")
    built = transform.build()
    assert not built.replayed
    assert content(copy) == after
    assert told(built) == told(replayed)
    assert transform.build().replayed
    assert not transform.build(full_refresh=True).replayed


def test_a_table_that_lost_its_shape_is_made_anew(copy: Warehouse) -> None:
    before = content(copy)
    copy.execute("ALTER TABLE core.dim_store DROP COLUMN name")
    assert transform.build().replayed
    assert content(copy) == before


def test_a_changed_project_is_compiled_anew(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert transform.build("marts").replayed
    model = project / "models" / "marts" / "sales_daily.sql"
    model.write_text(model.read_text() + "\nlimit 0\n")
    with pytest.raises(WorkFailed, match="same_sales_sales_daily"):
        transform.build("marts")
    model.write_text(model.read_text().replace("\nlimit 0\n", "\n"))
    assert [transform.build("marts").replayed for _ in range(2)] == [False, True]
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "EUR")
    assert [transform.build("marts").replayed for _ in range(2)] == [False, True]


def test_what_a_test_finds_is_said_by_dbt(copy: Warehouse) -> None:
    result = transform.build("marts")
    copy.execute("UPDATE ops.batches SET rows_accepted = 9 WHERE batch_id = 'a'")
    with pytest.raises(WorkFailed, match=r"test accounted_for_data_quality_daily_rows_landed: Got 1 result"):
        transform.build("marts")
    copy.execute("UPDATE ops.batches SET rows_accepted = rows_landed - rows_quarantined WHERE batch_id = 'a'")
    assert told(transform.build("marts")) == told(result)


@pytest.mark.parametrize(
    "changed",
    [
        "-- {{ run_started_at }}",
        "{% if execute %}-- {{ run_query('select 1').columns[0].values() }}{% endif %}",
        "-- {{ env_var('WORKBENCH_HOME') }}",
        "{{ config(post_hook='select 1') }}",
    ],
)
def test_what_may_compile_to_another_statement_always_is(project: Path, changed: str) -> None:
    model = project / "models" / "marts" / "sales_daily.sql"
    model.write_text(f"{changed}\n{model.read_text()}")
    assert [transform.build("marts").replayed for _ in range(2)] == [False, False]


def test_a_file_of_statements_that_is_none_is_overlooked(copy: Warehouse, home: Path) -> None:
    transform.build("marts")
    kept = home / "dbt" / "target" / "replay" / "marts.json"
    for broken in (kept.read_text()[:-9], "[]", '{"key": 1}'):
        kept.write_text(broken)
        assert not transform.build("marts").replayed
        assert transform.build("marts").replayed
