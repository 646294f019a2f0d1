"""A file whose rows don't look like those before is an alert with the column at fault; files as usual are none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.etl.lines import HEADER
from workbench.anomaly import check_batches, feedback_summary, give_verdict, pass_gate
from workbench.anomaly.tables.judgement import Reference
from workbench.anomaly.tables.landed import LandedFile, together
from workbench.anomaly.tables.quality import MOST_ALERTS
from workbench.errors import WorkFailed
from workbench.etl.ingest import ingest
from workbench.governance.alerts.recorded import recent
from workbench.governance.withdrawal import withdraw
from workbench.private import private_folder
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect

FILES = 8


MOMENT = datetime(2024, 3, 1)


def week(number: int, rows: int = 500, seed: int = 1) -> pd.DataFrame:
    """A week's lines: each product has its price, each store its currency, and discounts are a tenth."""
    random = np.random.default_rng([seed, number])
    product, store = random.integers(0, 40, rows), random.integers(0, 4, rows)
    price = np.round(np.exp(product / 12) * (1 + 0.05 * random.standard_normal(rows)), 2)
    quantity = random.integers(1, 6, rows)
    discount = np.where(random.random(rows) < 0.3, np.round(price * quantity / 10, 2), 0)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        7 * number + 7 * np.sort(random.random(rows)), unit="D"
    )
    frame = pd.DataFrame(
        {
            "transaction_id": [f"T{number:02}{row:04}" for row in range(rows)], "line_number": 1,
            "transaction_timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "customer_id": [f"C{each:03}" for each in random.integers(0, 80, rows)],
            "product_id": [f"P{each:02}" for each in product], "store_id": [f"S{each}" for each in store],
            "quantity": quantity, "unit_price": price, "discount_amount": discount,
            "currency": np.where(store == 3, "GBP", "USD"), "channel": np.where(random.random(rows) < 0.2, "web", "store"),
        }
    )  # fmt: skip
    frame.loc[random.random(rows) < 0.1, "customer_id"] = None
    return frame[HEADER.split(",")]


def take(warehouse: Warehouse, folder: Path, *weeks: pd.DataFrame) -> None:
    """Land and take in some files, one after the other."""
    for number, frame in enumerate(weeks):
        path = folder / f"week{number}-{len(frame)}-{frame['transaction_id'].iloc[0]}.csv"
        frame.to_csv(path, index=False)
        land(str(path), "transactions")
        ingest(warehouse)


def cents(frame: pd.DataFrame) -> None:
    frame["unit_price"] *= 100


def exchanged(frame: pd.DataFrame) -> None:
    frame["quantity"], frame["unit_price"] = frame["unit_price"].clip(lower=1), frame["quantity"]


def anonymous(frame: pd.DataFrame) -> None:
    frame.loc[frame.index % 4 == 0, "customer_id"] = None


def one_price(frame: pd.DataFrame) -> None:
    frame.loc[77, "unit_price"] = 900_000


def wrong_currency(frame: pd.DataFrame) -> None:
    frame.loc[frame.index % 20 == 0, "currency"] = "JPY"


def one_product(frame: pd.DataFrame) -> None:
    frame["product_id"] = "P07"


def negative_discounts(frame: pd.DataFrame) -> None:
    rows = frame.index % 10 == 0
    frame.loc[rows, "discount_amount"] = -frame.loc[rows, "discount_amount"] - 0.5


@pytest.fixture(scope="module")
def judged(declared_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a warehouse that has judged eight files."""
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(private_folder(folder / "home")))
        shutil.copy(declared_tables, folder / "home" / "warehouse.duckdb")
        warehouse = connect()
        take(warehouse, folder, *(week(number) for number in range(FILES)))
        result = check_batches(warehouse, trees=20, run_id="run-1")
        warehouse.execute("CHECKPOINT")
    assert [each.status for each in result.verdicts] == ["reference"] * 4 + ["usual"] * 4
    return folder / "home" / "warehouse.duckdb"


@pytest.fixture
def usual(home: Path, judged: Path) -> Warehouse:
    """This test's own copy of it."""
    shutil.copy(judged, private_folder(home))
    return connect()


@pytest.mark.parametrize(
    ("spoil", "column", "kinds"),
    [
        (cents, "unit_price", {"shifted"}), (anonymous, "customer_id", {"missing"}), (one_price, "unit_price", {"extreme"}),
        *(
            pytest.param(*each, marks=pytest.mark.soak) for each in (
                (exchanged, "unit_price", {"shifted"}), (wrong_currency, "currency", {"unknown"}),
                (one_product, "product_id", {"shifted"}), (negative_discounts, "discount_amount", {"improbable"}),
            )
        ),
    ],
)  # fmt: skip
def test_the_column_at_fault_is_named(
    usual: Warehouse,
    tmp_path: Path,
    spoil: Callable[[pd.DataFrame], None],
    column: str,
    kinds: set[str],
) -> None:
    frame = week(FILES)
    spoil(frame)
    take(usual, tmp_path, frame, week(FILES + 1))
    result = check_batches(usual, trees=20, run_id="run-2")
    assert [each.status for each in result.verdicts] == ["faulty", "usual"]
    faults = {fault.column: fault for fault in result.faulty[0].faults}
    assert faults[column].kind in kinds, faults
    if spoil is one_price:
        assert faults[column].row == 78
    (alert,) = recent(usual, 10, kind="data_fault")
    assert alert.subject == f"transactions batch {result.faulty[0].batch_id[:12]}"
    assert column in alert.message
    assert alert.run_id == "run-2"
    kept = usual.frame("SELECT * FROM ops.batch_quality WHERE status = 'faulty' AND column_name <> ''")
    assert set(kept["column_name"]) == set(faults)
    assert check_batches(usual).verdicts == ()


def test_files_that_are_judged_together_are_judged_as_each_alone() -> None:
    weeks = pd.concat([week(number) for number in range(4)], ignore_index=True)
    reference = Reference.learn(weeks, np.repeat(np.arange(4), 500))
    assert reference is not None
    later = [week(number) for number in range(4, 7)]
    one_price(later[1])
    files = np.repeat(["usual", "faulty", "another"], 500)
    found = reference.judge_each(pd.concat(later, ignore_index=True), files, 0.01)
    assert list(found.values()) == [reference.judge(each, 0.01) for each in later]
    assert [bool(faults) for faults in found.values()] == [False, True, False]


def test_files_are_read_as_many_at_once_as_have_few_rows() -> None:
    files = [LandedFile(str(n), "", rows, MOMENT) for n, rows in enumerate((5, 5, 30, 4, 6, 1))]
    assert [[each.rows for each in some] for some in together(files, 10)] == [[5, 5], [30], [4, 6], [1]]
    assert [len(some) for some in together(files[:1] * 2500, 10**6)] == [1000, 1000, 500]


def test_files_as_usual_raise_no_alert(warehouse: Warehouse, tmp_path: Path) -> None:
    """A year of clean weeks, some at a time, and beyond a hundred weeks ids have a digit more."""
    for first in range(52, 104, 26):
        take(warehouse, tmp_path, *(week(number, 300, seed=8) for number in range(first, first + 26)))
        check_batches(warehouse, trees=15)
    assert recent(warehouse, 10, kind="data_fault") == []
    judged = warehouse.frame("SELECT status FROM ops.batch_quality")
    assert judged["status"].value_counts().to_dict() == {"usual": 39, "reference": 13}


def test_one_file_is_taken_as_it_is_and_the_next_is_held_against_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    take(warehouse, tmp_path, week(0, rows=900))
    first = check_batches(warehouse)
    assert [each.status for each in first.verdicts] == ["reference"]
    assert first.summary.startswith("0 of 0 new files")
    spoilt = week(1)
    cents(spoilt)
    take(warehouse, tmp_path, spoilt, week(2))
    assert [each.status for each in check_batches(warehouse, trees=15).verdicts] == ["faulty", "usual"]


def test_too_few_rows_are_said_and_kept_for_later(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, week(0, rows=20), week(1, rows=20))
    result = check_batches(warehouse)
    assert result.notes == ("transactions: too few rows came before to hold new ones against",)
    assert {each.status for each in result.verdicts} == {"reference"}
    assert check_batches(warehouse).summary == "No file has come that was not looked at before."


def test_a_large_file_is_not_held_against_a_small_one_of_another_kind(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    returned = week(1, rows=60)
    returned["quantity"] *= -1
    take(warehouse, tmp_path, returned, week(2, rows=1300))
    result = check_batches(warehouse, trees=15)
    assert [each.status for each in result.verdicts] == ["reference"] * 2
    assert result.notes == ("transactions: too few rows came before to hold new ones against",)
    # What comes now is held against both, and one that is too large spoils nothing for the others.
    spoilt = week(3)
    cents(spoilt)
    take(warehouse, tmp_path, spoilt, week(4))
    assert [each.status for each in check_batches(warehouse, trees=15).verdicts] == ["faulty", "usual"]


def test_a_file_that_follows_many_of_a_row_is_held_against_those_before_them(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    take(warehouse, tmp_path, week(0), week(1))
    check_batches(warehouse)
    for number in range(40):
        path = tmp_path / f"single{number}.csv"
        week(3, rows=number + 1).iloc[[number]].to_csv(path, index=False)
        land(str(path), "transactions")
    ingest(warehouse)
    check_batches(warehouse)
    spoilt = week(4)
    cents(spoilt)
    take(warehouse, tmp_path, spoilt)
    assert [each.status for each in check_batches(warehouse, trees=15).verdicts] == ["faulty"]


def test_many_faulty_files_are_few_alerts_that_say_how_many_more(usual: Warehouse, tmp_path: Path) -> None:
    frames = [week(FILES + number, rows=200) for number in range(MOST_ALERTS + 2)]
    for frame in frames:
        cents(frame)
    take(usual, tmp_path, *frames)
    pass_gate(usual, "stop")
    result = check_batches(usual, trees=15)
    assert len(result.faulty) == MOST_ALERTS + 2
    pass_gate(usual, "warn")
    with pytest.raises(
        WorkFailed, match=r"7 files have serious faults .* and 4 more\), so nothing is published"
    ):
        pass_gate(usual, "stop")
    alerts = recent(usual, 20, kind="data_fault")
    assert len(alerts) == result.alerts == MOST_ALERTS
    assert sum("2 older files of transactions have faults as well" in each.message for each in alerts) == 1


def test_a_faulty_file_is_nothing_to_hold_others_against(usual: Warehouse, tmp_path: Path) -> None:
    spoilt = [week(FILES + number) for number in range(2)]
    for frame in spoilt:
        cents(frame)
    take(usual, tmp_path, spoilt[0])
    check_batches(usual, trees=15)
    take(usual, tmp_path, spoilt[1])
    assert len(check_batches(usual, trees=15).faulty) == 1


@pytest.mark.parametrize(
    ("verdict", "found"), [("expected", 0), pytest.param("false", 0, marks=pytest.mark.soak), ("real", 1)]
)
def test_a_file_that_is_judged_as_it_should_be_is_learned_from_by_the_newest_verdict(
    usual: Warehouse, tmp_path: Path, verdict: str, found: int
) -> None:
    spoilt = [week(FILES + number) for number in range(2)]
    for frame in spoilt:
        cents(frame)
    take(usual, tmp_path, spoilt[0])
    check_batches(usual, trees=15)
    (alert,) = recent(usual, 10, kind="data_fault")
    give_verdict(usual, alert.alert_id, "expected" if found else "real")
    given = give_verdict(usual, alert.alert_id, verdict, note="prices are in cents from now on")
    (judged,) = usual.rows(
        "SELECT batch_id FROM ops.batch_quality WHERE status = 'faulty' AND column_name = ''"
    )
    assert given.concerned.batch_id == judged["batch_id"]
    if verdict == "real":
        with pytest.raises(
            WorkFailed, match=f"1 file has serious faults .*transactions {judged['batch_id'][:8]}"
        ):
            pass_gate(usual, "stop")
        withdraw(usual, judged["batch_id"], actor="me", reason="prices in cents")
    pass_gate(usual, "stop")
    take(usual, tmp_path, spoilt[1])
    assert len(check_batches(usual, trees=15).faulty) == found
    left_out = ": 1 file stays out of what others are held against."
    assert feedback_summary(usual).endswith(left_out) == (verdict == "real")
