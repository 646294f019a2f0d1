"""URLs of a Redshift: what they say, what they never show, and what is refused."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.redshift import Cluster
from workbench.errors import UsageError, WorkbenchError, WorkFailed
from workbench.settings import get_settings
from workbench.warehouse import Warehouse, connect, locate
from workbench.warehouse.redshift import Address, RedshiftWarehouse

PASSWORD = "s3cr:t/w@rd"  # noqa: S105
ENCODED = "s3cr%3At%2Fw%40rd"


def test_a_url_names_the_place_and_the_user() -> None:
    address = Address.parse("redshift://ann@db.example.com/dev", PASSWORD)
    assert (address.host, address.port, address.database, address.user) == (
        "db.example.com",
        5439,
        "dev",
        "ann",
    )
    assert address.arguments() == {
        "host": "db.example.com", "port": 5439, "database": "dev", "user": "ann", "password": PASSWORD, "ssl": True,
    }  # fmt: skip


@pytest.mark.parametrize("secret", [PASSWORD, ENCODED])
def test_a_password_in_a_url_works_and_is_shown_nowhere(secret: str) -> None:
    address = Address.parse(f"redshift://ann:{ENCODED}@db.example.com:1/dev?ssl=off")
    assert address.arguments()["password"] == PASSWORD
    warehouse = RedshiftWarehouse(address)
    for text in (address.url, repr(address), str(address), warehouse.url, repr(warehouse)):
        assert secret not in text
    assert address.url == "redshift://ann@db.example.com:1/dev?ssl=off"


@pytest.mark.parametrize(
    "url",
    [
        f"redshift://ann:{ENCODED}@:5439/dev", f"redshift://ann:{ENCODED}@host", f"redshift://ann:{ENCODED}@host:port/dev",
        f"redshift://:{ENCODED}@host/dev", f"redshift://ann:{PASSWORD}@host/dev", f"redshift://ann:{ENCODED}@host/dev/x",
        f"redshift://ann:{ENCODED}@host/dev?ssl=maybe", f"redshift://ann:{ENCODED}@host/dev?tls=off",
        f"redshift://ann:{ENCODED}@host/dev?ca=/no/such/file", f"redshift+iam://ann:{ENCODED}@host/dev?ssl=off",
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Address.parse(url)
    text = str(raised.value)
    assert "\n" not in text
    assert not any(part in text for part in (PASSWORD, ENCODED, "s3cr"))


def test_a_url_of_no_engine_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match="no warehouse engine for 'mysql'; an URL begins with duckdb:/// or redshift://"
    ):
        locate("mysql://ann@host/dev")


def test_no_password_says_where_one_may_come_from() -> None:
    with pytest.raises(
        UsageError, match=r"set WORKBENCH_REDSHIFT_PASSWORD, or name a secret with \?secret=ARN"
    ):
        Address.parse("redshift://ann@host/dev").arguments()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("redshift+iam://ann@sales/dev?region=eu-west-1", {"cluster_identifier": "sales", "db_user": "ann"}),
        ("redshift+iam://sales/dev?region=eu-west-1&serverless=on", {"is_serverless": True, "serverless_work_group": "sales"}),
        (
            "redshift+iam://ann@sales.abc123.eu-west-1.redshift.amazonaws.com/dev?region=eu-west-1",
            {"cluster_identifier": "sales", "db_user": "ann", "host": "sales.abc123.eu-west-1.redshift.amazonaws.com", "port": 5439},
        ),
        (
            "redshift+iam://sales.123.eu-west-1.redshift-serverless.amazonaws.com/dev?serverless=on&region=eu-west-1",
            {"is_serverless": True, "host": "sales.123.eu-west-1.redshift-serverless.amazonaws.com", "port": 5439},
        ),
    ],
)  # fmt: skip
def test_temporary_credentials_are_asked_for_by_the_driver(url: str, wanted: dict[str, Any]) -> None:
    expected = {"iam": True, "ssl": True, "database": "dev", "region": "eu-west-1", **wanted}
    assert Address.parse(url, PASSWORD).arguments() == expected


@pytest.fixture
def aws(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of AWS is asked of the local one."""
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cluster.environment["AWS_ENDPOINT_URL_S3"])


@pytest.mark.usefixtures("aws")
def test_user_and_password_come_from_secrets_manager() -> None:
    client = boto3.client("secretsmanager")

    def keep(text: str) -> str:
        return str(client.create_secret(Name=f"db-{uuid4().hex}", SecretString=text)["ARN"])

    arn = keep(json.dumps({"username": "ann", "password": PASSWORD}))
    address = Address.parse(f"redshift://db.example.com/dev?secret={arn}", "another")
    given = address.arguments()
    assert (given["user"], given["password"]) == ("ann", PASSWORD)
    assert arn in address.url
    with pytest.raises(UsageError, match="isn't JSON with username and password"):
        Address.parse(f"redshift://host/dev?secret={keep('plain')}").arguments()
    with pytest.raises(WorkFailed, match="can't get the secret nothing"):
        Address.parse("redshift://host/dev?secret=nothing").arguments()


@pytest.mark.usefixtures("aws")
def test_all_who_take_a_role_ask_for_credentials_as_that() -> None:
    role = f"arn:aws:iam::123456789012:role/{uuid4().hex}"
    url = f"redshift+iam://sales/dev?region=eu-west-1&serverless=on&role={role}"
    address = Address.parse(url)
    assert address.url == url.replace("sales", "sales:5439")
    given = address.arguments()
    keys = {name: given.pop(name) for name in ("access_key_id", "secret_access_key", "session_token")}
    expected = {
        "is_serverless": True,
        "serverless_work_group": "sales",
        "database": "dev",
        "region": "eu-west-1",
    }
    assert given == {"iam": True, "ssl": True, **expected}
    whose = boto3.client(
        "sts", aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
        aws_session_token=keys["session_token"],
    ).get_caller_identity()  # fmt: skip
    assert f"assumed-role/{role.rpartition('/')[2]}/workbench" in whose["Arn"]
    # They last an hour, and are asked for once in it.
    assert Address.parse(url).keys() == keys
    with RedshiftWarehouse(address).dbt_target():
        assert os.environ["AWS_SESSION_TOKEN"] == keys["session_token"]
    assert "AWS_SESSION_TOKEN" not in os.environ
    with pytest.raises(WorkFailed, match="can't take the role nobody") as raised:
        Address.parse("redshift+iam://sales/dev?serverless=on&region=eu-west-1&role=nobody").arguments()
    assert "\n" not in str(raised.value)
    with pytest.raises(
        UsageError, match=r"role= in the URL of the warehouse goes with redshift\+iam:// only"
    ):
        Address.parse(f"redshift://ann@host/dev?role={role}", PASSWORD)
    with pytest.raises(UsageError, match="needs region="):
        Address.parse(f"redshift+iam://sales/dev?serverless=on&role={role}")


def test_a_password_is_in_no_log_and_no_error(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    address = cluster.address
    url = f"redshift://{address.user}:{ENCODED}@{address.host}:{address.port}/{redshift_database}?ca={address.ca}"
    with pytest.raises(WorkbenchError, match="password") as raised:
        connect(url).query("SELECT 1")
    told = f"{raised.value!r} {caplog.text} {raised.value.__cause__}"
    assert "s3cr" not in told
    assert cluster.address.password not in repr(get_settings())


def test_an_authority_nobody_knows_is_refused(cluster: Cluster, redshift_database: str) -> None:
    address = cluster.address
    url = f"redshift://{address.user}@{address.host}:{address.port}/{redshift_database}"
    with pytest.raises(WorkbenchError, match=r"(?i)certificate"):
        RedshiftWarehouse(Address.parse(url, address.password)).query("SELECT 1")


def test_without_tls_only_where_that_is_asked_for(cluster: Cluster, redshift_database: str) -> None:
    address = cluster.address
    url = f"redshift://{address.user}@{address.host}:{address.port}/{redshift_database}?ssl=off"
    warehouse = RedshiftWarehouse(Address.parse(url, address.password))
    assert warehouse.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_database_without_the_tables_says_how_to_make_them(cluster: Cluster) -> None:
    with cluster.database() as empty:
        warehouse = RedshiftWarehouse(Address.parse(cluster.url(empty), cluster.address.password))
        with pytest.raises(
            UsageError, match=r"no warehouse at redshift://\S+; make one with: workbench init"
        ):
            warehouse.require()
        with pytest.raises(UsageError, match=r'"ops\.batches" does not exist; make it with: workbench init'):
            warehouse.query("SELECT * FROM ops.batches")


@pytest.mark.usefixtures("aws")
def test_credentials_that_aws_does_not_give_are_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.warehouse.redshift.retrying.ATTEMPTS", 1)
    warehouse = locate("redshift+iam://ann@nowhere/dev?region=eu-central-1")
    with pytest.raises(WorkFailed, match=r"redshift\+iam://ann@nowhere\S*: \S+") as raised:
        warehouse.query("SELECT 1")
    assert "\n" not in str(raised.value)


def test_the_staging_place_is_one_in_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_REDSHIFT_S3", str(tmp_path))
    with pytest.raises(UsageError, match="WORKBENCH_REDSHIFT_S3: s3://bucket/prefix is wanted"):
        locate("redshift://ann@host/dev")
