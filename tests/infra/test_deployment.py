"""The templates, deployed on the local AWS, and a pipeline run there: from an object in S3 to the mart."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from infra import checked, empty
from tests.infra.conftest import Assembly
from tests.infra.emulator import Deployed, deploy
from tests.project import ROOT
from workbench.aws.ecs.run_task import TaskSpec, run_task
from workbench.aws.local import LocalAWS
from workbench.execution import load_pipeline
from workbench.queue.connect import connect_queue
from workbench.warehouse import connect

pytestmark = pytest.mark.slow
SAMPLE = ROOT / "samples" / "retail_data.csv"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of what runs there."""
    return tmp_path_factory.mktemp("deployed")


@pytest.fixture(scope="module")
def deployed(dev: Assembly, place: Path) -> Iterator[Deployed]:
    """The development environment on a local AWS of its own, with a warehouse that is here."""
    here = {
        "WORKBENCH_WAREHOUSE_URL": f"duckdb:///{place / 'warehouse.duckdb'}",
        "WORKBENCH_MLFLOW_TRACKING_URI": f"sqlite:///{place / 'mlflow.db'}",
        "WORKBENCH_HOME": str(place / "home"),
        "WORKBENCH_LANDING_LOOK": "0",
        "PYTHONPATH": str(ROOT),
    }
    with LocalAWS(log=place / "aws.log") as aws, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        yield deploy(dev.folder, here)


def test_an_object_in_the_deployed_landing_ends_in_the_mart(
    deployed: Deployed, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, ecs = boto3.client("s3"), boto3.client("ecs")
    queue = connect_queue(deployed.name("queue", "AWS::SQS::Queue", "Queue"))
    s3.upload_file(
        str(SAMPLE), deployed.name("storage", "AWS::S3::Bucket", "Landing"), "landing/transactions/day.csv"
    )
    deadline = time.monotonic() + 60
    while queue.counts().ready < 1:
        assert time.monotonic() < deadline, (place / "aws.log").read_text()[-2000:]
        time.sleep(0.2)
    (service,) = ecs.describe_services(cluster="workbench-dev", services=["workbench-dev-worker"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert container["command"] == ["workbench", "worker", "--executor", "ecs"]
    lines: list[str] = []
    result = run_task(
        TaskSpec(
            cluster="workbench-dev",
            task_definition=definition["family"],
            # Stages in the worker's own task: each one a task of its own is what test_end_to_end.py tries.
            command=["workbench", "worker", "--drain", "--executor", "local"],
            subnets=[deployed.name("network", "AWS::EC2::Subnet", "VpcprivateSubnet1")],
        ),
        on_line=lines.append,
        poll=0.2,
    )
    assert result.ok, lines
    assert any("day.csv: taken in" in line for line in lines), "\n".join(lines)
    assert any(" 0 given up" in line for line in lines), "\n".join(lines)
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{place / 'warehouse.duckdb'}")
    (row,) = connect().query("SELECT count(*) AS n FROM marts.retail_sales").to_pylist()
    assert row["n"] == 400 - 12 - 3
    assert queue.counts().open == 0
    runs = deployed.name("storage", "AWS::S3::Bucket", "Runs")
    kept = [each["Key"] for each in s3.list_objects_v2(Bucket=runs)["Contents"]]
    assert any(key.endswith("/index.html") for key in kept)
    lake = deployed.name("storage", "AWS::S3::Bucket", "Lake")
    assert [
        each["Key"] for each in s3.list_objects_v2(Bucket=lake, Prefix="lake/raw/transactions/")["Contents"]
    ]


def test_a_deployed_state_machine_runs_its_stages_as_deployed_tasks(
    deployed: Deployed, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = boto3.client("stepfunctions")
    machine = deployed.name("workflow", "AWS::StepFunctions::StateMachine", "Machinemonitoring")
    machines.start_execution(stateMachineArn=machine, input="{}")
    deadline = time.monotonic() + 180
    # moto can't describe an execution that ended with stages side by side: their answers hold times, which JSON hasn't.
    while (ended := machines.list_executions(stateMachineArn=machine)["executions"][0])[
        "status"
    ] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert ended["status"] == "SUCCEEDED", (place / "aws.log").read_text()[-2000:]
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", f"duckdb:///{place / 'warehouse.duckdb'}")
    rows = connect().rows(
        "SELECT stage, state FROM ops.runs WHERE pipeline = 'monitoring' AND stage IS NOT NULL ORDER BY stage"
    )
    stages = load_pipeline("monitoring").stages
    assert rows == [{"stage": stage, "state": "succeeded"} for stage in sorted(stages)]


def test_the_table_of_the_docs_says_how_each_resource_was_checked(
    deployed: Deployed, assemblies: dict[str, Assembly]
) -> None:
    environments = [assemblies[name] for name in ("dev", "prod", "staging")]
    kinds = [each["Type"] for found in environments for each in found.resources().values()]
    text = checked.table(kinds, deployed.there)
    page = (ROOT / checked.PAGE).read_text()
    assert checked.between(page) == text, f"write this into {checked.PAGE}:\n{text}"


def test_what_goes_with_its_stack_is_emptied_first_and_what_stays_is_left_alone(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = boto3.client("s3")
    doomed = empty.doomed("dev")
    buckets = {
        physical: deployed.templates[stack]["Resources"][logical].get("DeletionPolicy")
        for (stack, logical), physical in deployed.names.items()
        if deployed.templates[stack]["Resources"][logical]["Type"] == "AWS::S3::Bucket"
    }
    assert set(doomed) == {name for name, policy in buckets.items() if policy == "Delete"} and doomed
    kept = sorted(set(buckets) - set(doomed))
    for bucket in buckets:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for content in (b"one", b"two"):
            s3.put_object(Bucket=bucket, Key="a/key", Body=content)
        s3.delete_object(Bucket=bucket, Key="a/key")
    # Who doesn't answer, or says something else, keeps everything.
    for answer in ("", "y\n", "prod\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert empty.main(["dev"]) == 2
        assert "nothing was deleted; who means it answers dev" in capsys.readouterr().err
    assert all(len(s3.list_object_versions(Bucket=bucket)["Versions"]) >= 2 for bucket in buckets)
    monkeypatch.setattr("sys.stdin", io.StringIO("dev\n"))
    assert empty.main(["dev"]) == 0
    told = capsys.readouterr().out
    for bucket in doomed:
        found = s3.list_object_versions(Bucket=bucket)
        assert not found.get("Versions") and not found.get("DeleteMarkers") and f"{bucket}: " in told
    for bucket in kept:
        assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) >= 2 and bucket not in told
    assert empty.main(["elsewhere"]) == empty.main([]) == 2
    assert "which environment? dev" in capsys.readouterr().err
