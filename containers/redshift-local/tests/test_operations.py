"""What a statement asks of the front is a plain value, which reading the statement gives without a server."""

from __future__ import annotations

import pytest

from redshift_local.errors import SqlError
from redshift_local.operations import (
    Access,
    Append,
    Copy,
    Location,
    Operation,
    ResizeColumn,
    Truncate,
    Unload,
)
from redshift_local.rewrite import rewrite

OPERATIONS = {
    "COPY Sales.Orders (Id, \"Name\") FROM 's3://lake/in/' IAM_ROLE DEFAULT REGION 'eu-west-1' CSV IGNOREHEADER 1 MAXERROR 5": Copy(
        '"sales"."orders"', ("id", "name"), Location("lake", "in/"), format="csv", delimiter=",", header=1,
        max_errors=5, access=Access(region="eu-west-1"),
    ),
    "COPY t FROM 's3://lake/in' IAM_ROLE DEFAULT JSON 's3://lake/paths.json' GZIP": Copy(
        '"t"', (), Location("lake", "in"), format="json", delimiter="|", compression="gzip",
        json_paths_at=Location("lake", "paths.json"),
    ),
    "UNLOAD ('select nvl(a, ''x'') from t;') TO 's3://lake/out/' CREDENTIALS 'aws_access_key_id=k;aws_secret_access_key=s' "
    "PARQUET PARTITION BY (A) INCLUDE MAXFILESIZE 1 GB": Unload(
        "select coalesce(a, 'x') from t", Location("lake", "out/"), format="parquet", delimiter="|",
        partition=("a",), include_partition=True, size=2**30, access=Access("k", "s"),
    ),
    "TRUNCATE TABLE sales.orders": Truncate('"sales"."orders"'),
    "ALTER TABLE orders APPEND FROM sales.staged IGNOREEXTRA": Append('"orders"', '"sales"."staged"', "ignoreextra"),
    "ALTER TABLE orders ALTER COLUMN Name TYPE character varying(MAX)": ResizeColumn('"orders"', "name", 65535),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "operation"), OPERATIONS.items())
def test_a_statement_is_read_as_an_operation(statement: str, operation: Operation) -> None:
    assert rewrite(statement).local == operation
    assert hash(operation) == hash(rewrite(statement).local)


def test_a_query_to_unload_that_is_not_imitated_is_refused_when_it_is_read() -> None:
    with pytest.raises(SqlError, match="ratio_to_report is not imitated"):
        rewrite("UNLOAD ('select ratio_to_report(a) over () from t') TO 's3://lake/out/' IAM_ROLE DEFAULT")


@pytest.mark.parametrize(
    "query", ["", "unload (''select 1'') to ''s3://lake/x'' iam_role default", "truncate t", "delete from t"]
)
def test_only_a_select_can_be_unloaded(query: str) -> None:
    with pytest.raises(SqlError, match="UNLOAD takes a SELECT"):
        rewrite(f"UNLOAD ('{query}') TO 's3://lake/out/' IAM_ROLE DEFAULT")
