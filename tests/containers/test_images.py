"""Each image does what it is for: as its own user, with its root only to be read, by its own command."""

from __future__ import annotations

import ast
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import boto3
import pytest
import redshift_connector

from tests.containers.image import Image, mounted
from tests.etl.lines import HEADER, line
from tests.postgres import PASSWORD as READER
from tests.project import ROOT
from tests.redshift import REGION, ROLE, login
from workbench.aws.local import LocalAWS

pytestmark = pytest.mark.slow
PASSWORD = "of-a-test-number-1"  # noqa: S105
SERVE = 'trap "kill $server" EXIT; {command} & server=$!; until {health}; do kill -0 $server || exit 1; sleep 1; done'


@pytest.fixture
def image(request: pytest.FixtureRequest) -> Iterator[Image]:
    """The image that a test names."""
    with mounted(request.param) as found:
        yield found


def nothing_but_state_is_written(image: Image, state: Path) -> None:
    """Hold an image to be one whose user isn't root, and which holds nothing of the machine that built it."""
    python = "import os; assert os.geteuid(); open('/opt/x', 'w')"
    with pytest.raises(AssertionError, match="Read-only file system"):
        image.run(["python3", "-c", python], state)
    built_with = [image.root / "run/secrets", image.root / "opt/bootstrap", image.root / "root/.cache/pip"]
    assert not any(path.exists() for path in built_with)
    configured = [*image.root.glob("etc/pip.conf"), *image.root.glob("etc/apt/apt.conf.d/*proxy*")]
    assert not configured and not any(name.startswith(("PIP_", "UV_")) for name in image.environment)


@pytest.mark.parametrize("image", ["python-processor"], indirect=True)
def test_a_stage_runs_in_the_processor(image: Image, tmp_path: Path) -> None:
    nothing_but_state_is_written(image, tmp_path)
    steps = (
        "workbench load /mnt/retail_data.csv --dataset transactions >/dev/null",
        "workbench run retail_etl --only ingest >&2",
        "workbench run retail_etl --only products >&2",
        'workbench query "SELECT rows_landed, rows_accepted FROM ops.batches" --format json',
    )
    told = image.run(["sh", "-ec", "\n".join(steps)], tmp_path, {"/mnt": ROOT / "samples"})
    (counts,) = json.loads(told)
    assert counts == {"rows_landed": 400, "rows_accepted": 388}
    image.run(image.health, tmp_path)


@pytest.mark.parametrize("image", ["spark-processor"], indirect=True)
def test_spark_judges_a_large_file(image: Image, tmp_path: Path) -> None:
    nothing_but_state_is_written(image, tmp_path)
    lines = [line(transaction_id=f"T{n}") for n in range(20_000)]
    (tmp_path / "sales.csv").write_text("\n".join([HEADER, *lines, "T1,1"]))
    steps = (
        "workbench load /state/sales.csv --dataset transactions >/dev/null",
        "workbench run retail_etl --only ingest >&2",
        'workbench query "SELECT rows_accepted, rows_quarantined FROM ops.batches" --format json',
    )
    # No file would be judged here, if Spark failed.
    told = image.run(["sh", "-ec", "\n".join(steps)], tmp_path, variables={"WORKBENCH_SPARK_FROM": "1"})
    assert json.loads(told) == [{"rows_accepted": 20_000, "rows_quarantined": 1}]


def once_healthy(
    image: Image, state: Path, code: str, mounts: Mapping[str, Path] | None = None, **variables: str
) -> str:
    """Run an image's own command until its health check passes, then a program of Python; return what that printed."""
    python, flag, check = image.health
    script = SERVE.format(
        command=f"{' '.join(image.command)} >&2", health=f'{python} {flag} "$CHECK" 2>/dev/null'
    )
    variables = {"CHECK": check, "CODE": code, **variables}
    return image.run(["sh", "-c", f'{script}; {python} -c "$CODE"'], state, mounts, variables)


LOGINS = """
import mlflow, os
mlflow.set_tracking_uri("http://127.0.0.1:5000")
from mlflow.server.auth.client import AuthServiceClient
client, people, told = mlflow.MlflowClient(), AuthServiceClient("http://127.0.0.1:5000"), []
def said(name, password, wanted):
    os.environ.update(MLFLOW_TRACKING_USERNAME=name, MLFLOW_TRACKING_PASSWORD=password)
    try:
        told.append(wanted())
    except mlflow.MlflowException as error:
        told.append(error.error_code)
def train():
    with mlflow.start_run(experiment_id=client.create_experiment(os.environ["NAME"])) as run:
        mlflow.log_text("3", "data/rows.txt")
    client.create_registered_model(os.environ["NAME"])
    client.create_model_version(os.environ["NAME"], run.info.artifact_uri, run.info.run_id)
    client.set_registered_model_alias(os.environ["NAME"], "champion", "1")
    return client.get_model_version_by_alias(os.environ["NAME"], "champion").version
def known():
    return sorted(each.name for each in client.search_registered_models())
said("", "", known)
said("stages", "of-an-earlier-day", known)
said("stages", os.environ["PASSWORD"], train)
said("stages", os.environ["PASSWORD"], lambda: people.create_user("eve", "of-a-stranger").username)
said("admin", os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"], lambda: people.create_user("eve" + os.environ["NAME"], "of-a-stranger").username)
said("eve" + os.environ["NAME"], "of-a-stranger", known)
said("eve" + os.environ["NAME"], "of-a-stranger", lambda: client.delete_registered_model(os.environ["NAME"]))
said("admin", os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"], lambda: people.grant_user_permission("eve" + os.environ["NAME"], "registered_model", os.environ["NAME"], "EDIT"))
said("eve" + os.environ["NAME"], "of-a-stranger", lambda: client.set_registered_model_alias(os.environ["NAME"], "champion", "1"))
print(told)
"""


@pytest.mark.parametrize("store", ["sqlite", "named", "deployed"])
@pytest.mark.parametrize("image", ["mlflow"], indirect=True)
def test_mlflow_is_behind_a_login_whose_passwords_are_those_of_its_last_start(
    image: Image, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    nothing_but_state_is_written(image, tmp_path)
    mounts, place = {}, {}
    if store != "sqlite":
        server = request.getfixturevalue("postgres")
        server.run(f"CREATE DATABASE {store} OWNER reader")
        # It is its own user's alone otherwise.
        server.socket.parent.chmod(0o711)
        server.socket.chmod(0o777)
        mounts = {"/mnt": server.socket.parent}
        place = {
            "named": {
                "MLFLOW_BACKEND_STORE_URI": f"postgresql://reader:{quote_plus(READER)}@/{store}?host=/mnt"
            },
            "deployed": {
                "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg2:///{store}",
                "PGHOST": "/mnt",
                "PGUSER": "reader",
                "PGPASSWORD": READER,
            },
        }[store]
    with pytest.raises(AssertionError, match="set MLFLOW_AUTH_ADMIN_PASSWORD to a password of 12"):
        image.run(image.command, tmp_path)
    models = []
    for password in ("of-an-earlier-day", "of-another-day"):
        user = {"MLFLOW_TRACKING_USERNAME": "stages", "MLFLOW_TRACKING_PASSWORD": password}
        # The second start has another password, and what the first one made.
        name = f"sales_{len(models)}"
        models.append(name)
        admin = {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
        told = once_healthy(
            image, tmp_path, LOGINS, mounts, **place, **user, **admin, PASSWORD=password, NAME=name
        )
        stranger, earlier, *others = ast.literal_eval(told.splitlines()[-1])
        refused = "UNAUTHENTICATED"
        assert (stranger, earlier) == (refused, [] if len(models) == 1 else refused)
        assert others == ["1", "PERMISSION_DENIED", f"eve{name}", models, "PERMISSION_DENIED", None, None]
    assert (tmp_path / "basic_auth.ini").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_uid == 10001 for path in tmp_path.iterdir())


@pytest.mark.parametrize("image", ["lab"], indirect=True)
def test_jupyterlab_answers_those_who_have_its_token(image: Image, tmp_path: Path) -> None:
    nothing_but_state_is_written(image, tmp_path)
    code = """
import json, os, urllib.error, urllib.request
def get(path, **headers):
    request = urllib.request.Request("http://127.0.0.1:8888" + path, headers=headers)
    return json.load(urllib.request.urlopen(request, timeout=60))
try:
    get("/api/contents")
except urllib.error.HTTPError as error:
    print(error.code)
token = {"Authorization": "token " + os.environ["JUPYTER_TOKEN"]}
print(json.dumps([each["name"] for each in get("/api/contents/notebooks", **token)["content"]]))
print(get("/lab/api/settings/@jupyterlab/apputils-extension:notification", **token)["schema"]["properties"]["fetchNews"]["default"])
"""
    told = once_healthy(image, tmp_path, code, JUPYTER_TOKEN=PASSWORD).splitlines()
    assert told[0] == "403" and "1_ask_the_warehouse.ipynb" in json.loads(told[1]) and told[2] == "false"


@pytest.mark.parametrize("image", ["airflow"], indirect=True)
def test_airflow_imports_every_dag(image: Image, tmp_path: Path) -> None:
    nothing_but_state_is_written(image, tmp_path)
    steps = (
        "airflow db migrate >&2",
        "airflow dags list-import-errors -o json >&2",
        "python /mnt/facts.py /workbench/dags",
        "/opt/venv/bin/python -m workbench.cli check >&2",
    )
    told = image.run(["sh", "-ec", "\n".join(steps)], tmp_path, {"/mnt": ROOT / "tests/dags"})
    facts = json.loads(told.splitlines()[-1])
    assert facts["errors"] == {}
    assert {"retail_etl", "anomaly_detection"} <= facts["dags"].keys()


@contextmanager
def serving(image: Image, state: Path, variables: dict[str, str]) -> Iterator[int]:
    """Run the local Redshift of an image on a free port of this machine; yield that."""
    command = [*image.command[:-1], "127.0.0.1", "--port", "0", "--no-tls"]
    server = subprocess.Popen(image.prepare(command, state, {}, variables, network=True))
    told, deadline = state / "state.json", time.monotonic() + 120
    try:
        while not told.is_file() or not told.read_text().endswith("}"):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield urlsplit(json.loads(told.read_text())["url"]).port or 0
    finally:
        server.terminate()
        server.wait(120)


@pytest.mark.parametrize("image", ["redshift-local"], indirect=True)
def test_the_local_redshift_copies_from_s3(image: Image, tmp_path: Path) -> None:
    nothing_but_state_is_written(image, tmp_path)
    with LocalAWS() as aws:
        client = boto3.client("s3", **login(aws))
        client.create_bucket(Bucket="copied", CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_object(Bucket="copied", Key="rates.csv", Body=b"USD,1.25\nGBP,0.8\n")
        variables = {
            "REDSHIFT_LOCAL_PASSWORD": PASSWORD,
            "AWS_DEFAULT_REGION": REGION,
            **aws.environment,
        }
        with serving(image, tmp_path, variables) as port:
            with (
                redshift_connector.connect(
                    host="127.0.0.1",
                    port=port,
                    user="awsuser",
                    password=PASSWORD,
                    database="dev",
                    ssl=False,
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("CREATE TABLE rates (currency VARCHAR(3), rate DECIMAL(18, 4))")
                cursor.execute(f"COPY rates FROM 's3://copied/rates.csv' IAM_ROLE '{ROLE}' FORMAT AS CSV")
                cursor.execute("SELECT sum(rate) FROM rates")
                assert cursor.fetchall() == ([Decimal("2.05")],)
            python, *arguments = image.health
            image.run([python, "-c", "import redshift_local.bulk, boto3, pyarrow"], tmp_path)
            assert arguments[-1] in image.config["Volumes"]
