"""The ledger of pulls: killed at any moment, on either engine, nothing is lost and nothing lands twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sources.pulls.api import Api
from tests.sources.pulls.conftest import Project, make_project, rest, stores
from tests.sources.pulls.test_rest import CURSOR, PAGES
from workbench.errors import WorkFailed
from workbench.etl.pull import places
from workbench.governance.withdrawal import withdraw
from workbench.settings import get_settings
from workbench.sources.pulls.due import lasts, origin
from workbench.sources.pulls.entries import Entry, now
from workbench.sources.pulls.ledger import Ledger
from workbench.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("moment", ["before", "after", "reading"])
def test_a_killed_pull_loses_and_doubles_nothing(moment: str, api: Api, project: Project) -> None:
    api.records = stores(1, 45)
    project.declare(shop=rest(api, "/pages", **PAGES, cursor=CURSOR, rows_a_file=20))
    api.faults = [None, None, None, "slow 30"] if moment == "reading" else []
    process = subprocess.Popen([sys.executable, "-m", "tests.sources.pulls.killed", moment], cwd=ROOT)
    while moment == "reading" and len(api.asked) < 4:
        time.sleep(0.02)
        assert process.poll() is None
    if moment == "reading":
        process.kill()
    assert process.wait(60) == -signal.SIGKILL
    api.faults.clear()
    assert len(project.landed()) == {"before": 20, "after": 40, "reading": 20}[moment]
    # Somebody changed a row meanwhile: it lands as it is now.
    api.records[30]["name"] = "renamed"
    outcome = project.pull("shop")
    assert outcome.said == 45
    changed = [each for each in project.landed() if each["store_id"] == "S031"]
    assert [each["name"] for each in changed] == (
        ["store 31", "renamed"] if moment == "after" else ["renamed"]
    )
    assert len(project.landed()) == 45 + (moment == "after")
    assert {each["store_id"] for each in project.landed()} == {each["store_id"] for each in api.records}
    assert project.pull("shop").landed == 0
    states = [row[0] for row in project.ledger()]
    assert states[: states.index("landed")].count("lost") == (moment == "before")
    counts = project.ingest()
    assert (counts["rows_landed"], counts["rows_duplicate"]) == (45 + (moment == "after"), 0)


def test_either_engine_keeps_the_account(
    either: Warehouse, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path, either, monkeypatch)
    api.records = stores(1, 12)
    project.declare(shop=rest(api, "/pages", **PAGES, cursor=CURSOR, rows_a_file=10))
    assert project.pull("shop").landed == 12
    assert project.pull("shop").status == "nothing_new"
    # A file that is gone before it was taken in is read again.
    first = project.ledger("landed_as")[0][0]
    (get_settings().landing / first).unlink()
    assert project.pull("shop").landed == 10
    states = ["lost", "landed", "nothing_new", "rewound", "unfinished", "nothing_new"]
    assert [row[0] for row in project.ledger()] == states
    assert lasts(either)["shop"].status == "nothing_new" and not lasts(either)["shop"].unfinished
    assert project.ingest()["rows_accepted"] == 12
    for file in (get_settings().landing / "stores").iterdir():
        file.unlink()
    api.records.append({"store_id": "S012", "updated_at": "2026-01-02T10:00:13Z", "name": "renamed"})
    outcome = project.pull("shop")
    assert (outcome.said, outcome.landed, project.pull("shop").landed) == (13, 1, 0)
    project.ingest()
    rows = either.rows("SELECT count(*) AS n FROM raw.stores")
    assert rows == [{"n": 13}]
    told = [
        origin(either, row["batch_id"])
        for row in either.rows("SELECT batch_id FROM ops.batches ORDER BY ingested_at")
    ]
    span = "cursor 2026-01-02T10:00:12Z to 2026-01-02T10:00:13Z"
    assert str(told[-1]).startswith(f"source shop, {span}, at ")
    # Two that read at once: the second one to come lands nothing.
    settings, where = get_settings(), places(either)
    ledger = Ledger(either, "shop", where.landing, settings)
    state = ledger.state("")
    entry = Entry("shop", "nothing_new", now(), now())
    ledger.enter(entry, state)
    with pytest.raises(WorkFailed, match="another pull of it went on meanwhile"):
        ledger.enter(Entry("shop", "nothing_new", now(), now()), state)
    # The file of another machine may be on its way for a while.
    other = Ledger(either, "shop", where.landing, settings.model_copy(update={"home": tmp_path / "other"}))
    other.enter(
        Entry("shop", "landed", now(), now(), batch_id="b", landed_as="stores/x.jsonl"), ledger.state("")
    )
    with pytest.raises(WorkFailed, match="another machine may be landing a file of it"):
        project.pull("shop")


def test_files_land_in_s3(
    api: Api, aws: str, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="pulled", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("WORKBENCH_LANDING_URI", "s3://pulled/landing")
    project = make_project(tmp_path, warehouse, monkeypatch)
    api.records = stores(1, 12)
    project.declare(shop=rest(api, "/pages", **PAGES, cursor=CURSOR, rows_a_file=10))
    assert project.pull("shop").files[0].startswith("s3://pulled/landing/stores/shop-")
    s3.delete_object(Bucket="pulled", Key=f"landing/{project.ledger('landed_as')[0][0]}")
    assert project.pull("shop").landed == 10
    assert project.ingest()["rows_accepted"] == 12
    assert project.pull("shop").landed == 0


def test_one_at_a_time_in_a_home_and_ctrl_c_leaves_nothing_broken(api: Api, project: Project) -> None:
    api.records = stores(1, 15)
    project.declare(shop=rest(api, "/pages", **PAGES))
    api.faults = ["slow 20"]
    command = [sys.executable, "-m", "workbench.cli", "load", "shop"]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    ) as process:
        while not api.asked:
            time.sleep(0.02)
            assert process.poll() is None
        with pytest.raises(WorkFailed, match="another process is pulling from it now"):
            project.pull("shop")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 130 and "Traceback" not in told
    with contextlib.suppress(FileNotFoundError):
        assert not list(get_settings().landing.rglob("*.jsonl*"))
    assert project.pull("shop").landed == 15


def test_rows_of_a_withdrawn_file_land_again_when_a_person_asks(
    either: Warehouse, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path, either, monkeypatch)
    api.records = stores(1, 12)
    shop = rest(api, "/pages", **PAGES)
    project.declare(shop=shop)
    assert project.pull("shop").landed == 12
    project.ingest()
    (batch,) = (row["batch_id"] for row in either.rows("SELECT batch_id FROM ops.batches"))
    withdraw(either, batch, "name and city are swapped", "ann")
    outcome = project.pull("shop")
    assert (outcome.landed, outcome.repeated) == (0, 12)
    assert (
        outcome.message == "12 rows landed before in files that were withdrawn since; --full lands them again"
    )
    assert project.pull("shop", full=True).landed == 12
    assert (project.pull("shop", full=True).landed, project.pull("shop").message) == (0, None)
    counts = project.ingest()
    assert (counts["rows_accepted"], counts["rows_duplicate"]) == (12, 0)
    # Known rows stand elsewhere by another cursor, and stay known.
    project.declare(shop={**shop, "cursor": {"column": "store_id", "lag": 0}})
    assert project.pull("shop").landed == 0
    project.declare(shop={**shop, "cursor": CURSOR})
    outcome = project.pull("shop")
    assert outcome.landed == 0 and str(outcome.message).startswith("its cursor was of another column")
    assert either.rows("SELECT count(DISTINCT key_hash) AS n FROM ops.pulled_rows WHERE place > 1e9") == [
        {"n": 12}
    ]
