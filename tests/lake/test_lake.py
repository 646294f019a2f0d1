"""What was taken in lies in the lake once, whatever happened on the way, and Glue knows where."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest

from tests.aws_server import REGION
from tests.project import ROOT
from workbench.errors import UsageError, WorkFailed
from workbench.etl.ingest import ingest
from workbench.governance.withdrawal import restore, withdraw
from workbench.lake.glue import LAKE
from workbench.lake.publish import publish
from workbench.schema import TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse

SAMPLE = ROOT / "samples" / "retail_data.csv"


@pytest.fixture
def place(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lake that is set, and empty."""
    bucket = f"lake-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    monkeypatch.setenv("WORKBENCH_LAKE_URI", f"s3://{bucket}/warehouse")
    yield f"s3://{bucket}/warehouse"
    glue = boto3.client("glue")
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])


def objects(place: str) -> dict[str, bytes]:
    bucket, s3 = place.split("/")[2], boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", ())
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in (o["Key"] for o in listed)}


def rows(place: str, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table's files, in the order of batch and row."""
    below = f"/{table.replace('.', '/')}/"
    found = [pq.read_table(io.BytesIO(body)) for key, body in objects(place).items() if below in key]
    declared = TABLES[table]
    identity = "_batch_id, _row_number" if declared.schema == "raw" else "batch_id, row_number"
    with duckdb.connect() as connection:
        for index, each in enumerate(found):
            connection.register(f"t{index}", each)
        union = " UNION ALL ".join(f"SELECT * FROM t{index}" for index in range(len(found)))
        return connection.execute(f"SELECT * FROM ({union}) ORDER BY {identity}").fetchall()


def held(warehouse: Warehouse, table: str) -> list[tuple[Any, ...]]:
    identity = "_batch_id, _row_number" if table.startswith("raw.") else "batch_id, row_number"
    found = warehouse.query(f"SELECT * FROM {table} ORDER BY {identity}").to_pylist()
    return [tuple(row.values()) for row in found]


def partitions(table: str) -> dict[str, str]:
    schema, name = table.split(".")
    found = boto3.client("glue").get_partitions(DatabaseName=f"workbench_{schema}", TableName=name)
    return {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in found["Partitions"]}


def test_without_a_lake_nothing_is_written(warehouse: Warehouse) -> None:
    assert publish(warehouse).files == 0
    assert "WORKBENCH_LAKE_URI" in str(publish(warehouse))


@pytest.mark.parametrize("engine", ["duckdb", "redshift"])
def test_accepted_and_quarantined_rows_lie_there_as_they_are_in_the_warehouse(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The lake's AWS comes last, so that it holds for everything but the warehouse's own S3.
    warehouse = request.getfixturevalue("warehouse" if engine == "duckdb" else "redshift_warehouse")
    land(str(SAMPLE), "transactions")
    ingest(warehouse)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    place = request.getfixturevalue("place")
    published = publish(warehouse)
    assert (published.files, published.rows, published.partitions) == (2, 400, 2)
    for table in ("raw.transactions", "ops.quarantine"):
        assert rows(place, table) == held(warehouse, table) != []
        ((day, location),) = partitions(table).items()
        assert any(f"s3://{place.split('/')[2]}/{key}".startswith(location) for key in objects(place))
        assert f"ingested_on={day}/" in location
    assert publish(warehouse).files == 0


def test_what_a_run_that_died_left_undone_is_made_up_for(place: str, warehouse: Warehouse) -> None:
    land(str(SAMPLE), "transactions")
    ingest(warehouse)
    publish(warehouse)
    whole, bucket = objects(place), place.split("/")[2]
    (lost,) = [key for key in whole if "/raw/transactions/" in key]
    boto3.client("s3").delete_object(Bucket=bucket, Key=lost)
    (day,) = partitions("raw.transactions")
    boto3.client("glue").delete_partition(
        DatabaseName="workbench_raw", TableName="transactions", PartitionValues=[day]
    )
    again = publish(warehouse)
    assert (again.files, again.rows, again.partitions) == (1, 388, 1)
    assert objects(place).keys() == whole.keys() and list(partitions("raw.transactions")) == [day]


def test_what_was_withdrawn_leaves_the_lake_and_comes_back(place: str, warehouse: Warehouse) -> None:
    land(str(SAMPLE), "transactions")
    (batch,) = ingest(warehouse).batches
    publish(warehouse)
    whole = objects(place)
    withdraw(warehouse, batch.batch_id, "not ours", "ann")
    gone = publish(warehouse)
    assert (gone.files, gone.withdrawn) == (0, 1) and "1 withdrawn file deleted" in str(gone)
    assert all("/ops/quarantine/" in key for key in objects(place)) and len(objects(place)) == 1
    assert publish(warehouse).withdrawn == 0
    restore(warehouse, batch.batch_id, "ours", "ann")
    assert publish(warehouse).files == 1
    assert objects(place).keys() == whole.keys() and rows(place, "raw.transactions") == held(
        warehouse, "raw.transactions"
    )


def test_a_table_of_the_lake_has_its_files_types(place: str, warehouse: Warehouse) -> None:
    land(str(SAMPLE), "transactions")
    ingest(warehouse)
    publish(warehouse)
    glue = boto3.client("glue")
    for table in LAKE:
        told = glue.get_table(DatabaseName=f"workbench_{table.schema}", Name=table.name)["Table"]
        assert [key["Name"] for key in told["PartitionKeys"]] == ["ingested_on"]
        files = [b for key, b in objects(place).items() if f"/{table.schema}/{table.name}/" in key]
        assert bool(files) == bool(warehouse.counts(table.full_name)[table.full_name])
        for body in files:
            schema = pq.read_schema(io.BytesIO(body))
            kinds = {column["Name"]: column["Type"] for column in told["StorageDescriptor"]["Columns"]}
            assert schema.names == list(kinds)
            assert {
                name: str(schema.field(name).type) for name, kind in kinds.items() if "decimal" in kind
            } == {
                name: kind.replace("decimal", "decimal128").replace(",", ", ")
                for name, kind in kinds.items()
                if "decimal" in kind
            }


def test_a_place_that_is_wrong_is_said_clearly(aws: str, warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        publish(warehouse, "/data/lake")
    land(str(SAMPLE), "transactions")
    ingest(warehouse)
    with pytest.raises(WorkFailed, match="NoSuchBucket"):
        publish(warehouse, "s3://nobodys-bucket-at-all/lake")
