"""What a notebook hands to its run's record."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest

from tests.execution.notebooks import notebook
from workbench.errors import UsageError
from workbench.execution import record, run_notebook, timed
from workbench.warehouse import Warehouse


@pytest.fixture(autouse=True)
def fresh_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.execution.notebook.recording import _Clock

    monkeypatch.setattr("workbench.execution.notebook.recording._clock", _Clock())


def test_tables_are_shown_with_their_present_rows(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.execute("INSERT INTO ops.lineage VALUES ('r', 'a', 'b', now()), ('r', 'a', 'c', now())")
    record(counts={"rows_landed": numpy.int64(1200)}, tables=["ops.lineage"], metrics={"mae": Decimal("0.5")})
    shown = capsys.readouterr().out
    assert "rows_landed 1,200" in shown and "ops.lineage 2" in shown and "mae 0.5" in shown


def test_a_table_nobody_declares_and_a_value_that_is_no_number_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match=r"unknown table 'core\.dim_stores'"):
        record(tables=["core.dim_stores"])
    with pytest.raises(UsageError, match="metric 'mae' must be a number, not str"):
        record(metrics={"mae": "low"})
    with pytest.raises(UsageError, match="count 'rows' must be a whole number"):
        record(counts={"rows": 1.5})


def test_a_metric_that_is_not_finite_is_recorded_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    record(metrics={"mape": float("nan"), "far": float("-inf")})
    assert "mape none, far none" in capsys.readouterr().out


def test_measures_are_shown_as_tables_show_them(capsys: pytest.CaptureFixture[str]) -> None:
    record(metrics={"net_sales": 154440.03, "wape": 0.178349, "days": 70.0}, values={"all": 1234567.891})
    shown = capsys.readouterr().out
    assert "net_sales 154,440, wape 0.1783, days 70" in shown and "all 1,234,568" in shown


def test_own_work_is_summed_by_kind_and_nested_work_counted_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.execution.notebook.recording import _clock

    moment = 0.0
    clock = SimpleNamespace(perf_counter=lambda: moment)
    monkeypatch.setattr("workbench.execution.notebook.recording.time", clock)
    with timed("model"):
        moment += 2
        with timed("sql"):
            moment += 5
        moment += 1
    with timed("sql"):
        moment += 16
    assert _clock.seconds == {"model": 3, "sql": 21}
    record(timings={"dbt": 2})
    assert "dbt 2" in capsys.readouterr().out


def test_work_that_fails_is_counted_too_and_an_unknown_kind_is_refused() -> None:
    from workbench.execution.notebook.recording import _clock

    with pytest.raises(ZeroDivisionError), timed("dbt"):
        1 / 0  # noqa: B018
    assert "dbt" in _clock.seconds
    with pytest.raises(UsageError, match="unknown kind of work 'sqll'; did you mean 'sql'"), timed("sqll"):  # type: ignore[arg-type]
        pass


def test_what_several_calls_hand_over_is_put_together(tmp_path: Path) -> None:
    first = 'record(counts={"a": 1, "b": 1}, values={"warnings": ["see to it"]})'
    run = run_notebook(
        notebook(tmp_path / "try.ipynb", first, last='record(counts={"b": 2}, metrics={"m": 1.0})')
    )
    stage = run.stages[0]
    assert (stage.counts, stage.metrics) == ({"a": 1, "b": 2}, {"m": 1.0})
    assert stage.results == {"warnings": ["see to it"]}
