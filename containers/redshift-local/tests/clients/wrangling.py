"""What awswrangler is asked to do; run in the clients' environment, with the server's address on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

import awswrangler
import boto3
import pandas
import redshift_connector

ROLE = "arn:aws:iam::123456789012:role/loader"
BUCKET = "wrangled"
FIRST = pandas.DataFrame({"id": [1, 2], "name": ["a", "b"], "x": [1.5, None]})
SECOND = pandas.DataFrame({"id": [2, 3], "name": ["B", "c"], "x": [2.0, 3.0]})


def frames(connection: Any) -> list[Any]:
    """Write frames in every mode and return what the table holds after each."""
    answers = []
    for frame, options in (
        (FIRST, {"mode": "overwrite", "diststyle": "KEY", "distkey": "id", "sortkey": ["id"], "primary_keys": ["id"]}),
        (SECOND, {"mode": "append"}),
        (FIRST, {"mode": "overwrite", "overwrite_method": "truncate"}),
        (SECOND, {"mode": "upsert", "primary_keys": ["id"]}),
        *((FIRST, {"mode": "overwrite", "overwrite_method": how}) for how in ("delete", "cascade", "drop")),
    ):  # fmt: skip
        awswrangler.redshift.to_sql(frame, connection, table="w", schema="public", **options)
        answers.append(_held(connection, "w"))
    return answers


def files(connection: Any) -> list[Any]:
    """Copy frames through S3 in every mode, and unload them."""
    answers = []
    for frame, options in (
        (FIRST, {"mode": "overwrite"}),
        (SECOND, {"mode": "append"}),
        (FIRST, {"mode": "overwrite"}),
        (SECOND, {"mode": "upsert", "primary_keys": ["id"]}),
    ):
        awswrangler.redshift.copy(
            frame,
            path=f"s3://{BUCKET}/stage/",
            con=connection,
            table="c",
            schema="public",
            iam_role=ROLE,
            **options,
        )
        answers.append(_held(connection, "c"))
    unloaded = awswrangler.redshift.unload(
        "select * from public.c", path=f"s3://{BUCKET}/unloaded/", con=connection, iam_role=ROLE
    )
    answers.append(_rows(unloaded.sort_values("id")))
    awswrangler.redshift.unload_to_files(
        "select * from public.c",
        path=f"s3://{BUCKET}/parts/",
        con=connection,
        iam_role=ROLE,
        partition_cols=["name"],
    )
    answers.append(sorted(key.split("/")[-2] for key in awswrangler.s3.list_objects(f"s3://{BUCKET}/parts/")))
    return answers


def _held(connection: Any, table: str) -> list[list[Any]]:
    return _rows(
        awswrangler.redshift.read_sql_query(f"select * from public.{table} order by id, name", connection)
    )


def _rows(frame: pandas.DataFrame) -> list[list[Any]]:
    return [
        [None if pandas.isna(value) else value for value in row]
        for row in frame.astype(object).values.tolist()
    ]


if __name__ == "__main__":
    given = json.load(sys.stdin)
    given.pop("ca")
    s3 = boto3.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    with redshift_connector.connect(**given) as opened:
        print(json.dumps({"frames": frames, "files": files}[sys.argv[1]](opened)))
