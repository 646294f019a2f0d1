"""What a stage touches is on its record, cell by cell, and held against its map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.execution.notebooks import notebook, pipeline
from workbench.execution import Run, RunOptions, StageRun, run_notebook, run_pipeline
from workbench.execution.pipeline.differences import differences
from workbench.execution.pipeline.stage import Stage
from workbench.settings import Settings
from workbench.warehouse import connect

IMPORTS = (
    "import subprocess\nimport sys\nimport threading\n\n"
    "from workbench.execution import record\nfrom workbench.warehouse import connect"
)
READ = 'connect().query("SELECT count(*) AS n FROM {}")'
WRITE = 'connect().execute("DELETE FROM {}")'
# The place of the first cell of `body`: a header, the imports, the parameters and a line come before it.
FIRST = 4


def ran(
    folder: Path,
    *cells: str,
    reads: list[str] | None = None,
    writes: list[str] | None = None,
    stage: dict[str, object] | None = None,
    **options: Any,
) -> Run:
    """Run a pipeline of one stage."""
    notebook(folder / "move.ipynb", *cells, imports=IMPORTS)
    mapped = {"reads": reads or [], "writes": writes or [], **(stage or {})}
    return run_pipeline(pipeline(folder, {"move": mapped}), {"limit": 7}, RunOptions(**options))


def only(run: Run) -> StageRun:
    (stage,) = run.stages
    return stage


@pytest.mark.parametrize("cold", [False, True], ids=["forked", "kernel"])
def test_tables_are_told_with_the_cells_that_touch_them(
    tmp_path: Path, settings: Settings, cold: bool
) -> None:
    by_thread = f"thread = threading.Thread(target=lambda: {READ.format('core.dim_store')})\nthread.start()\nthread.join()"
    by_process = (
        'command = [sys.executable, "-m", "workbench.cli", "query", "SELECT count(*) FROM raw.products"]\n'
        "subprocess.run(command, check=True)"
    )
    run = ran(
        tmp_path / "shop",
        READ.format("raw.stores"),
        WRITE.format("ops.alerts"),
        f"{by_thread}\n{by_process}",
        f"{READ.format('raw.stores')}; {READ.format('ops.alerts')}",
        reads=["raw.stores", "core.dim_store", "raw.products.product_id"],
        writes=["ops.alerts", "report"],
        strict=True,
        cold=cold,
    )
    stage = only(run)
    assert run.state == "succeeded", run.error
    assert stage.reads == {
        "core.dim_store": [FIRST + 4], "ops.alerts": [FIRST + 6], "raw.products": [FIRST + 4],
        "raw.stores": [FIRST, FIRST + 6],
    }  # fmt: skip
    assert stage.writes == {"ops.alerts": [FIRST + 2]} and stage.written == ["ops.alerts"]
    assert stage.differences == [] and run.warnings == []
    assert not list((settings.runs / run.run_id).glob("*.access.jsonl"))


BREACHES = {
    "an unlisted read": ([READ.format("raw.stores")], [], [], "raw.stores is read by cell 4, and the map doesn't say so"),
    "an unlisted write": (
        ["limit", f"{WRITE.format('ops.alerts')}\n{WRITE.format('raw.stores')}"], [], ["raw.*"],
        "ops.alerts is written by cell 6, and the map doesn't say so",
    ),
    "a false read": (
        [READ.format("raw.stores")], ["raw.stores", "marts.sales_daily"], [],
        "marts.sales_daily is read by no cell, and the map says that it is read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_map_that_is_not_true_is_a_warning_or_if_strict_a_failure(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, breach: str
) -> None:
    cells, reads, writes, told = BREACHES[breach]
    run = ran(tmp_path / "shop", *cells, reads=reads, writes=writes)
    assert run.state == "succeeded" and only(run).differences == [told]
    assert run.warnings == [f"move: {told}"]
    assert run.report is not None and told.replace("'", "&#39;") in run.report.read_text()
    strict = ran(tmp_path / "shop", *cells, reads=reads, writes=writes, strict=True, force=True)
    assert strict.state == "failed" and strict.error == f"move: its map isn't true: {told}"
    assert only(strict).state == "failed" and only(strict).reason == "error"
    # What is recorded of it is there all the same.
    assert only(strict).reads == only(run).reads and only(strict).cell_seconds
    monkeypatch.setenv("WORKBENCH_STRICT", "true")
    assert ran(tmp_path / "shop", *cells, reads=reads, writes=writes, force=True).error == strict.error


def test_a_failure_of_its_own_is_told_first(tmp_path: Path, settings: Settings) -> None:
    run = ran(tmp_path / "shop", f"{READ.format('raw.stores')}\n1 / 0", strict=True)
    assert only(run).error == "ZeroDivisionError: division by zero"
    assert only(run).reads == {"raw.stores": [FIRST]} and only(run).differences == []


def test_what_is_not_understood_is_said_and_fails_nothing(tmp_path: Path, settings: Settings) -> None:
    run = ran(
        tmp_path / "shop",
        "connect().execute(\"CALL pragma_table_info('core.dim_store')\")",
        reads=["raw.stores"],
        strict=True,
    )
    assert run.state == "succeeded", run.error
    assert only(run).unknown == [FIRST] and only(run).differences == []
    assert run.warnings == [
        "move: a statement of cell 4 isn't understood: which tables it touches isn't known"
    ]


def test_a_notebook_by_itself_has_no_map_to_be_held_to(tmp_path: Path, settings: Settings) -> None:
    path = notebook(tmp_path / "alone.ipynb", READ.format("raw.stores"), imports=IMPORTS)
    run = run_notebook(path, settings=settings.model_copy(update={"strict": True}))
    assert run.state == "succeeded" and run.warnings == []
    assert only(run).reads == {"raw.stores": [FIRST]} and only(run).writes == {}


def test_lineage_stands_on_what_was_touched_and_when(tmp_path: Path, settings: Settings) -> None:
    run = ran(
        tmp_path / "shop",
        READ.format("raw.stores"),
        WRITE.format("core.dim_store"),
        f"{READ.format('core.dim_store')}; {READ.format('raw.products')}",
        WRITE.format("core.dim_product"),
        reads=["landing", "raw.stores", "raw.products"],
        writes=["core.dim_store", "core.dim_product", "report"],
        strict=True,
    )
    assert run.state == "succeeded", run.error
    rows = (
        connect().query("SELECT source, target FROM ops.lineage WHERE run_id = ?", [run.run_id]).to_pylist()
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["target"], set()).add(row["source"])
    assert found == {
        "core.dim_store": {"landing", "raw.stores"},
        "core.dim_product": {"landing", "raw.stores", "raw.products", "core.dim_store"},
        "report": {"landing", "raw.stores", "raw.products", "core.dim_store"},
    }


def test_what_a_stage_may_do_without_saying_so() -> None:
    stage = Stage(
        notebook="a.ipynb", reads=("raw.*", "ops.batches", "landing"), writes=("core.*", "ops.alerts")
    )
    rare = stage.model_copy(update={"sometimes": ("raw.*", "ops.batches")})
    # It reads what it writes, and needn't write all it may.
    assert differences(rare, {"core.dim_store": [1]}, {"core.dim_date": [1]}) == []
    assert differences(rare, {"marts.sales_daily": [1]}, {"marts.sales_daily": [1]}) == [
        "marts.sales_daily is written by cell 1, and the map doesn't say so"
    ]
    unread = [told for told in differences(stage, {"raw.stores": [1, 3]}, {}) if "no cell" in told]
    assert "raw.products is read by no cell, and the map says that it is read" in unread
    assert len(unread) == 8
    # Neither where something isn't known, nor of one instance of many.
    assert differences(stage, {}, {}, [3]) == []
    assert differences(stage.model_copy(update={"over": {"x": [1]}}), {}, {}) == []
    # A table that isn't declared can't be in a map.
    assert differences(rare, {"marts.mine": [1]}, {"core.mine": [2]}) == []


def test_the_report_fails_where_the_marts_are_empty_against_what_landed(settings: Settings) -> None:
    warehouse = connect(create=True)
    warehouse.execute(
        "INSERT INTO ops.batches BY NAME SELECT 'b' AS batch_id, 'transactions' AS dataset, 'x' AS uri, 2 AS rows_landed, "
        "2 AS rows_accepted, 0 AS rows_quarantined, 0 AS rows_duplicate, 'loaded' AS status, now()::TIMESTAMP AS ingested_at"
    )
    run = run_pipeline("anomaly_detection", options=RunOptions(only="report"))
    assert run.error == (
        "report: WorkFailed: marts.sales_daily is empty, though 2 rows of transactions were taken in; "
        "fill it with: workbench run retail_etl"
    )
