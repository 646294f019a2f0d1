"""How many rows of a file may be refused, and what else about a file a person should hear of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.etl.lines import HEADER, line, take
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.ingestion.limits import FILE
from workbench.etl.sending_back.replay import REFUSED_WHOLE, accept, replayable
from workbench.governance.accounts import lines
from workbench.governance.quarantine.rows import Filter, find
from workbench.sources.files import land
from workbench.warehouse import Warehouse


def rows(good: int, bad: int, start: str = "T") -> str:
    """Return a file with so many rows of either kind."""
    texts = [line(transaction_id=f"{start}{n}", quantity="0" if n < bad else "1") for n in range(good + bad)]
    return "\n".join([HEADER, *texts]) + "\n"


def test_a_file_with_too_many_faults_is_refused_until_somebody_accepts_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    batch = take(warehouse, tmp_path, rows(15, 25))
    assert (batch.status, batch.verdict, batch.rows_accepted, batch.rows_quarantined) == (
        "rejected",
        "refuse",
        0,
        40,
    )
    assert batch.message == "25 of 40 rows (62.5%) were refused, and more than 50.0% are too many"
    alerts = warehouse.rows("SELECT kind, severity FROM ops.alerts")
    assert alerts == [{"kind": "rejected_batch", "severity": "critical"}]
    whole = find(warehouse, Filter(reason=REFUSED_WHOLE))
    assert len(whole) == 15 and len(find(warehouse, Filter(reason="quantity:zero"))) == 25
    can, (told,) = replayable(find(warehouse, Filter()))
    assert len(can) == 25 and told.startswith("15 stay, for their batch was refused whole")
    with pytest.raises(UsageError, match="say why"):
        accept(warehouse, batch, whole, by="ann", why="")
    (done,) = accept(warehouse, batch, whole, by="ann", why="the till was new")
    assert done.batch and (done.batch.rows_accepted, done.batch.verdict) == (15, None)
    assert len(find(warehouse, Filter())) == 25 and not lines(warehouse)[0].lost
    with pytest.raises(UsageError, match=r"no row of batch .* waits for that"):
        accept(warehouse, batch, find(warehouse, Filter(reason=REFUSED_WHOLE)), by="ann", why="again")


def test_what_is_odd_about_a_file_is_a_warning(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.csv").write_text(rows(190, 12) + line(transaction_id="T100", quantity="9") + "\n")
    land(str(tmp_path / "odd.csv"), "transactions")
    result = ingest(warehouse)
    assert result.batches[0].verdict == "warn" and result.batches[0].rows_accepted == 191
    (told,) = result.warnings
    assert "12 of 203 rows (5.9%) were refused, more than 1.0%" in told
    assert "1 key has rows that differ: the last counts" in told
    # A share that the project allows, and one that it doesn't.
    monkeypatch.setenv("WORKBENCH_PROJECT", str(tmp_path))
    (tmp_path / FILE).write_text(
        "default: {warn: {rows: 50, share: 0.2}}\ntransactions: {refuse: {rows: 1, share: 0}}\n"
    )
    assert take(warehouse, tmp_path, rows(9, 1, "U"), "one.csv").status == "rejected"
    (tmp_path / FILE).write_text("default: {refuse: {rows: 1000, share: 1}, warn: {rows: 100, share: 1}}\n")
    assert take(warehouse, tmp_path, rows(9, 40, "V"), "many.csv").verdict == "publish"
    for text, what in {
        "sales: {}": "did you mean|the datasets|unknown",
        "transactions: {refuse: {rows: 1, share: 2}}": r"transactions.refuse.share",
        "transactions: {refuse: {rows: true, share: 0}}": r"transactions.refuse.rows: it must be a number",
        "transactions: 3": "transactions",
        "- 1": "limits by dataset",
        "a: [": FILE,
    }.items():
        (tmp_path / FILE).write_text(text)
        with pytest.raises(UsageError, match=what):
            take(warehouse, tmp_path, rows(40, 0, "W"), "wrong.csv")
    (tmp_path / FILE).unlink()
    assert len(ingest(warehouse).batches) == 1
    for number in range(8):
        usual = take(warehouse, tmp_path, rows(10, 0, f"X{number}"), f"usual{number}.csv")
        assert usual.verdict == "publish"
    few = take(warehouse, tmp_path, rows(1, 0, "Y"), "few.csv")
    assert (
        few.verdict == "warn"
        and few.message
        and few.message.startswith("1 row is few: the last 11 files had")
    )
