"""Glue's tables say what the declarations say."""

from __future__ import annotations

import dataclasses

import boto3
import pytest

from workbench.errors import UsageError
from workbench.lake.glue import glue_type, table_input, write_tables
from workbench.schema import DATASETS, TABLES, table
from workbench.schema.model import Column


def test_every_declared_table_is_made_once_and_then_left_alone(aws: str) -> None:
    first = write_tables("s3://lake/warehouse", prefix="once_")
    assert set(first) == {"ops.quarantine", *(f"raw.{name}" for name in DATASETS)}
    assert set(first.values()) == {"made"}
    assert set(write_tables("s3://lake/warehouse", prefix="once_").values()) == {"same"}
    found = boto3.client("glue").get_table(DatabaseName="once_raw", Name="transactions")["Table"]
    columns = {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}
    declared = table("raw.transactions")
    assert list(columns) == list(declared.column_names)
    assert found["StorageDescriptor"]["Location"] == "s3://lake/warehouse/raw/transactions/"


def test_a_table_declared_anew_is_changed(aws: str) -> None:
    stores = table("raw.stores")
    write_tables("s3://lake", prefix="anew_", tables=[stores])
    wider = dataclasses.replace(stores, columns=(*stores.columns, Column("area", "double", "square metres")))
    assert write_tables("s3://lake", prefix="anew_", tables=[wider]) == {"raw.stores": "changed"}
    found = boto3.client("glue").get_table(DatabaseName="anew_raw", Name="stores")["Table"]
    last = found["StorageDescriptor"]["Columns"][-1]
    assert (last["Name"], last["Type"], last["Comment"]) == ("area", "double", "square metres")


def test_every_kind_of_column_has_a_type() -> None:
    kinds = {column.kind: column for each in TABLES.values() for column in each.columns}
    types = {kind: glue_type(column) for kind, column in kinds.items()}
    assert types["codes"] == "array<string>"
    assert types["decimal"].startswith("decimal(")
    assert types["timestamp"] == "timestamp"


@pytest.mark.parametrize("place", ["/data/lake", "https://lake", "s3://"])
def test_a_place_outside_of_s3_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        table_input(table("raw.stores"), place)
