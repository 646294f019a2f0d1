"""Whatever way a file takes, the same names make it data and tell its dataset; landing in S3 is as one in a folder."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
import pytest

from tests.aws_server import REGION, make_sqs
from tests.project import HEADER, sales
from workbench import cli
from workbench.errors import UsageError, WorkFailed
from workbench.etl.ingest import ingest
from workbench.queue.connect import connect_queue
from workbench.queue.messages import Files, file_uri, path_of, s3_uri
from workbench.queue.sqlite import SQLiteQueue
from workbench.settings import Settings, get_settings
from workbench.sources.files import NotLanded, land
from workbench.sources.landing import FetchedFile, LandedFile, S3Landing, open_landing
from workbench.warehouse import Warehouse, connect
from workbench.worker.arrivals import arrive
from workbench.worker.completed import Finished, intakes
from workbench.worker.landing_watcher import LandingWatcher
from workbench.worker.options import Options
from workbench.worker.worker import Worker

PLACES = {
    "transactions/a.csv": "transactions",
    "transactions/2026/11/x.csv": "transactions",
    "eu/stores/2026/x.csv.gz": "stores",
    "transactions/products/x.csv": "products",
    "transactions/a b'ü+%20?.csv": "transactions",
    "products/CAPITALS.CSV": "products",
    "transactions/.hidden.csv": None,
    "transactions/_SUCCESS.csv": None,
    "_temporary/transactions/x.csv": None,
    "transactions/x.csv.part": None,
    "transactions/day.part/x.csv": None,
    "transactions/x.csv.map.yaml": None,
    "misc/x.csv": None,
    "Transactions/x.csv": None,
    "x.csv": None,
}
DATA = {name: dataset for name, dataset in PLACES.items() if dataset}
# Of a file that is named by itself, the names from its dataset's folder on count: above that it may lie where it will.
NAMED = DATA | {"_temporary/transactions/x.csv": "transactions"}


@pytest.fixture
def bucket(aws: str) -> str:
    name = f"landing-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def in_s3(bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A landing in S3, that of the settings."""
    monkeypatch.setenv("WORKBENCH_LANDING_URI", f"s3://{bucket}/landing")
    return f"s3://{bucket}/landing"


def fill(folder: Path) -> Path:
    """Make a file at each place, whose content is the name of the place."""
    for name in PLACES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def put(uri: str, name: str, content: str) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=content.encode())


def scalar(sql: str) -> object:
    (row,) = connect().query(sql).to_pylist()
    return next(iter(row.values()))


def watched(settings: Settings, tmp_path: Path) -> set[str]:
    """Return the files in landing that the worker's watch sends messages for as it starts."""
    queue = connect_queue(f"sqlite:///{tmp_path / 'queue.db'}")
    assert isinstance(queue, SQLiteQueue)
    finished = Finished(connect(create=True), intakes(settings))
    watch = LandingWatcher(queue, settings, finished, settle=0.0, log=lambda _: None)
    watch.start()
    watch.stop()
    uris = [uri for message in queue.receive(100) for uri in json.loads(message.body)["files"]]
    return {Path(path_of(uri)).relative_to(settings.landing).as_posix() for uri in uris}


def arrived(uris: dict[str, str]) -> dict[str, str]:
    """Return the datasets of files, by the names of their places, as the worker brings each of them into landing."""
    found = {}
    for name, uri in uris.items():
        with suppress(UsageError):
            if file := arrive(uri, get_settings()):
                found[name] = file.dataset
    return found


def ledger(warehouse: Warehouse, landing: str) -> dict[str, str]:
    rows = warehouse.query("SELECT uri, dataset FROM ops.batches").to_pylist()
    return {row["uri"].removeprefix(f"{landing}/"): row["dataset"] for row in rows}


def test_a_folder_and_its_files_are_loaded_by_the_same_names(tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    with pytest.raises(NotLanded, match=r"can't tell the dataset of .*misc/x\.csv") as raised:
        land(str(source))
    assert {file.path.read_text(): file.dataset for file in raised.value.landed} == DATA
    with pytest.raises(NotLanded) as raised:
        land(f"{source}/**/*")
    assert {file.path.read_text(): file.dataset for file in raised.value.landed} == DATA
    named = {}
    for name in PLACES:
        with suppress(UsageError):
            (file,) = land(str(source / name))
            named[name] = file.dataset
    assert named == NAMED


def test_messages_name_files_elsewhere_by_the_same_names(bucket: str, tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    assert arrived({name: file_uri(f"{source}/{name}") for name in PLACES}) == NAMED
    for name in PLACES:
        put(f"s3://{bucket}/in", name, name)
    assert arrived({name: s3_uri(bucket, f"in/{name}") for name in PLACES}) == NAMED
    assert sorted(
        path.read_text() for path in get_settings().landing.rglob("*.*") if path.is_file()
    ) == sorted(NAMED)


def test_what_lies_in_landing_is_taken_in_watched_and_named_by_the_same_names(
    project: Path, settings: Settings, tmp_path: Path
) -> None:
    fill(settings.landing)
    assert watched(settings, tmp_path) == set(DATA)
    assert arrived({name: file_uri(f"{settings.landing}/{name}") for name in PLACES}) == DATA
    warehouse = connect(create=True)
    ingest(warehouse)
    assert ledger(warehouse, str(settings.landing)) == DATA


def test_what_lies_in_landing_in_s3_is_taken_in_and_named_by_the_same_names(in_s3: str) -> None:
    for name in PLACES:
        put(in_s3, name, name)
    bucket = in_s3.split("/")[2]
    assert arrived({name: s3_uri(bucket, f"landing/{name}") for name in PLACES}) == DATA
    warehouse = connect(create=True)
    result = ingest(warehouse)
    assert ledger(warehouse, in_s3) == DATA
    assert [f"{in_s3}/misc is no dataset's folder" in told for told in result.left].count(True) == 1
    assert any(f"{in_s3}/x.csv lies in no dataset's folder" in told for told in result.left)


class Counting(S3Landing):
    """A landing that notes what is read of it, and lets somebody in between the listing and the reading."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.read: list[str] = []
        self.before: dict[str, str] = {}

    @contextmanager
    def fetch(self, file: LandedFile) -> Iterator[FetchedFile]:
        if content := self.before.pop(file.key, None):
            put(self.uri, file.key, content)
        self.read.append(file.key)
        with super().fetch(file) as fetched:
            yield fetched


def rows(*transactions: str) -> str:
    return "\n".join(
        [HEADER, *(f"{name},1,2026-01-02T10:00:00,c1,p1,s1,1,2.50,0,EUR,store" for name in transactions)]
    )


def test_objects_are_loaded_taken_in_and_not_read_again(
    in_s3: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    (first,) = land(str(sales(tmp_path / "transactions/a.csv", 1)))
    (again,) = land(str(tmp_path / "transactions/a.csv"))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.uri == again.uri == f"{in_s3}/transactions/a-{first.batch_id[:12]}.csv"
    put(in_s3, "transactions/2026/b.csv", rows("B1"))
    landing = Counting(in_s3)
    result = ingest(warehouse, landing)
    assert sorted(batch.rows_accepted for batch in result.batches) == [1, 3]
    assert first.batch_id in {batch.batch_id for batch in result.batches}
    assert len(landing.read) == 2
    put(in_s3, "transactions/copy.csv", rows("B1"))
    landing = Counting(in_s3)
    again_taken = ingest(warehouse, landing)
    assert (again_taken.batches, again_taken.known_files, landing.read) == ((), 3, ["transactions/copy.csv"])
    landing = Counting(in_s3)
    assert (ingest(warehouse, landing).known_files, landing.read) == (3, [])
    put(in_s3, "transactions/2026/b.csv", rows("B2"))
    landing = Counting(in_s3)
    assert [batch.rows_accepted for batch in ingest(warehouse, landing).batches] == [1]
    assert landing.read == ["transactions/2026/b.csv"]


def test_an_object_is_the_batch_that_the_same_file_is(
    in_s3: str, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there,) = land(str(sales(tmp_path / "transactions/a.csv", 1)))
    monkeypatch.delenv("WORKBENCH_LANDING_URI")
    (here,) = land(str(tmp_path / "transactions/a.csv"))
    assert here.batch_id == there.batch_id


def test_an_object_that_is_replaced_or_gone_before_it_is_read_is_left_for_the_next_run(
    in_s3: str, warehouse: Warehouse
) -> None:
    put(in_s3, "transactions/a.csv", rows("A1"))
    put(in_s3, "transactions/b.csv", rows("B1"))
    landing = Counting(in_s3)
    landing.before["transactions/a.csv"] = rows("A1", "A2")
    result = ingest(warehouse, landing)
    assert [batch.uri for batch in result.batches] == [f"{in_s3}/transactions/b.csv"]
    assert result.left == (f"{in_s3}/transactions/a.csv changed while it was read; the next run takes it in",)
    assert [batch.rows_accepted for batch in ingest(warehouse).batches] == [2]


def test_a_map_beside_an_object_goes_with_it_and_changed_makes_another_batch(
    in_s3: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    put(in_s3, "stores/a.csv", "number,since\nS1,2026-01-01\n")
    seen = set()
    for text, status in [
        ("dataset: products\ncolumns: {product_id: number, updated_at: since}", "rejected"),
        ("dataset: stores\ncolumns: {store_id: number, updated_at: since}", "loaded"),
        ("dataset: stores\ncolumns: {store_id: number, updated_at: since, name: number}", "loaded"),
    ]:
        put(in_s3, "stores/a.csv.map.yaml", text)
        (batch,) = ingest(warehouse).batches
        assert batch.status == status, batch.message
        assert status == "loaded" or f"{in_s3}/stores/a.csv.map.yaml: it is for products" in str(
            batch.message
        )
        seen.add(batch.batch_id)
    assert len(seen) == 3
    landing = Counting(in_s3)
    assert ingest(warehouse, landing).known_files == 1
    assert landing.read == []


def test_the_worker_takes_in_what_lands_in_s3_from_a_queue_of_sqs(
    project: Path, in_s3: str, bucket: str, tmp_path: Path
) -> None:
    queue = connect_queue(make_sqs())
    put(in_s3, "transactions/a.csv", rows("A1"))
    put(f"s3://{bucket}/elsewhere", "transactions/b.csv", rows("B1", "B2"))
    path = sales(tmp_path / "in/transactions/c.csv", 1)
    uris = (f"{in_s3}/transactions/a.csv", f"s3://{bucket}/elsewhere/transactions/b.csv", file_uri(str(path)))
    queue.send(
        *(Files(files=(uri,)).body() for uri in uris), Files(files=(f"{in_s3}/transactions/_SUCCESS",)).body()
    )
    tally = dict(Worker(queue, get_settings(), Options(retry=0, settle=0.2)).work(drain=True))
    assert (tally["runs"], queue.dead()) == (1, [])
    assert scalar("SELECT count(*) FROM raw.transactions") == 6
    assert scalar(f"SELECT count(*) FROM ops.batches WHERE uri LIKE '{in_s3}/transactions/%'") == 3
    assert not (get_settings().home / "landing").exists()


def test_only_a_folder_can_be_watched(
    project: Path, in_s3: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["workbench", "worker", "--drain"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"files land in {in_s3}, and only a folder can be watched" in told
    assert "WORKBENCH_QUEUE_URL" in told


def test_a_bucket_that_is_not_there_fails_with_its_name(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_LANDING_URI", "s3://no-such-bucket-at-all/landing")
    with pytest.raises(WorkFailed, match="listing s3://no-such-bucket-at-all/landing: NoSuchBucket"):
        ingest(connect(create=True))


def test_without_boto3_an_error_says_what_to_install(in_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match=r"AWS needs the package boto3; install it with: "):
        open_landing()
