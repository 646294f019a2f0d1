"""Findings of AWS's Solutions rules that stay: each by its own id, where it is, and why.

A finding that isn't here fails the synthesis; one that is here and no longer found fails a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from constructs import IConstruct

from infra.environment import Environment
from infra.stacks.storage import OF_STAGES

_BUCKETS = {
    "landing": "LandingF95672E9Arn83323F3E",
    "lake": "Lake5F1B88EAArn65E67816",
    "runs": "RunsE45A2291Arn9AFA3150",
    "staging": "Staging12D1754EArn91758B18",
}
_ACCOUNT = "arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>:"

_OBJECTS = "objects below a prefix of a bucket of our own, each action by its name"
_NO_RESOURCE = "these actions know no resources; a condition narrows them where one can"
_OWN_NAMES = "names that are made at run time, below a name of this environment's own"


@dataclass(frozen=True)
class Finding:
    """Findings of one kind at a construct: ``place`` is stack and path, ``ids`` are without the pack's name."""

    place: str
    ids: Sequence[str]
    reason: str


def findings(settings: Environment) -> list[Finding]:
    """Return what stays of an environment."""
    found = [
        *_of_stages("compute/StageRole", settings),
        *_of_stages("compute/WorkerRole", settings),
        *_of_starting("compute/WorkerRole", settings),
        Finding("compute/Execution", [_resource("*")], _NO_RESOURCE),
        Finding("warehouse/Role", _objects(settings, lake="lake", staging="loads"), _OBJECTS),
        Finding("events/DeliveryRole", _objects(settings, landing="landing/events") + _objects(settings, landing="undelivered"), _OBJECTS),
        Finding("events/TriggerRole", [_resource(_arn("logs", f"log-group:/aws/lambda/{settings.family('trigger')}:*"))], _OWN_NAMES),
        Finding("events/TriggerRole", [_resource("*")], _NO_RESOURCE),
        Finding("events/Trigger", ["L1"], "Python 3.13 is the newest that the package runs on"),
        Finding("events/Stream", ["KDS3"], "encrypted with the environment's key, as all that is here"),
        Finding("events/Delivery", ["KDF1"], "what comes from a stream is encrypted by the stream, and in landing by the bucket"),
        Finding("queue/Undelivered", ["SQS3"], "is where others put what they couldn't deliver; has an alarm"),
        Finding("workflow/Role", [_resource("*")], _NO_RESOURCE),
        Finding("workflow/Role", [*_families(settings), _tasks(settings)], _OWN_NAMES),
        Finding("mlflow/Role", [_resource("<Artifacts82DD59A1.Arn>/artifacts/*")], _OBJECTS),
        Finding("mlflow/Role", [_resource("*")], _NO_RESOURCE),
        *_of_services("mlflow", ["Mlflow"], settings),
        Finding("mlflow/Admin", ["SMG4"], _ROTATED),
        Finding("compute/User", ["SMG4"], _ROTATED),
        Finding("access/Analyst", _objects(settings, lake="lake", runs="runs/site"), _OBJECTS),
        Finding("access/Operator", _objects(settings, runs="runs"), _OBJECTS),
        Finding("access/Operator", [_tasks(settings), _resource(_arn("ecs", f"service/{settings.prefix}/*"))], _OWN_NAMES),
        Finding("access/Operator", [_resource(_arn("states", f"execution:{settings.prefix}-*")), *(_resource(_arn("logs", f"log-group:{group}:*")) for group in (settings.log_group("*"), f"/aws/lambda/{settings.family('trigger')}"))], _OWN_NAMES),
        Finding("access/Operator", [_resource("*")], _NO_RESOURCE),
        *(Finding(f"compute/{name}Task", ["ECS2"], _PLAIN) for name in ("Stage", *(f"Stage-{image}" for image in OF_STAGES), "Worker")),
    ]  # fmt: skip
    serverless = settings.warehouse == "serverless"
    service = "redshift-serverless" if serverless else "redshift"
    limits = ["UsageLimit"] if serverless else ["Limit-spectrum", "Limit-concurrency-scaling"]
    anything = [_resource(_arn(service, "*"))]
    found += [
        *(Finding(f"warehouse/{name}/CustomResourcePolicy", anything, "the limit's own name is AWS's to give") for name in limits),
        Finding(
            "warehouse/AWS679f53fac002430cb0da5b7982bd2287/ServiceRole",
            ["IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]"],
            "the CDK's own function, which sets usage limits as a stack is deployed: it may write lines",
        ),
    ]  # fmt: skip
    if not serverless:
        found.append(
            Finding(
                "warehouse/Cluster",
                ["RS4"],
                "only the tasks' security group gets at the port, whatever its number",
            )
        )
    if settings.orchestrator == "airflow":
        found += [
            *_of_stages("orchestration/Role", settings),
            *_of_starting("orchestration/Role", settings),
            *_of_services(
                "orchestration",
                ["Airflow", *(f"Airflow-{part}" for part in ("api-server", "scheduler", "dag-processor", "triggerer", "migration"))],
                settings,
            ),
            *(Finding(f"orchestration/{name}", ["SMG4"], _ROTATED) for name in ("Jwt", "Session", "Password")),
        ]  # fmt: skip
    return found


_PLAIN = "settings that aren't secret; what is comes from Secrets Manager"
_ROTATED = "changed by the runbook of key rotation, as who uses it has to begin anew with it"


def _of_stages(place: str, settings: Environment) -> list[Finding]:
    tables = [_resource(_arn("glue", f"table/workbench_{schema}/*")) for schema in ("ops", "raw")]
    return [
        Finding(
            place, _objects(settings, landing="landing", lake="lake", runs="runs", staging="loads"), _OBJECTS
        ),
        Finding(
            place, [_resource(_arn("secretsmanager", f"secret:{settings.prefix}/sources/*"))], _OWN_NAMES
        ),
        Finding(place, tables, "tables of the two databases of the lake, which a later version may add"),
        Finding(place, [_resource("*")], _NO_RESOURCE),
    ]


def _of_starting(place: str, settings: Environment) -> list[Finding]:
    lines = _resource(_arn("logs", f"log-group:{settings.log_group('stage')}:*"))
    return [Finding(place, [*_families(settings), _tasks(settings), lines], _OWN_NAMES)]


def _of_services(part: str, names: Sequence[str], settings: Environment) -> Iterable[Finding]:
    """Return what stays of a part with a database, whose name is the first, and with tasks."""
    database = f"{part}/{names[0]}Database"
    yield Finding(f"{part}/Execution", [_resource("*")], _NO_RESOURCE)
    yield Finding(f"{database}/Secret", ["SMG4"], _ROTATED)
    yield Finding(
        database, ["RDS11"], "only the security groups of its clients get at the port, whatever its number"
    )
    if not settings.multi_az:
        yield Finding(database, ["RDS3"], "not production: a backup is enough")
    if not settings.retain:
        yield Finding(database, ["RDS10"], "not production: it goes with its stack")
    for name in names if part == "mlflow" else names[1:]:
        yield Finding(f"{part}/{name}Task", ["ECS2"], _PLAIN)


def _arn(service: str, rest: str) -> str:
    return _ACCOUNT.format(service=service) + rest


def _resource(name: str) -> str:
    return f"IAM5[Resource::{name}]"


def _families(settings: Environment) -> list[str]:
    names = ("stage", *(f"stage-{image}" for image in OF_STAGES))
    return [_resource(_arn("ecs", f"task-definition/{settings.family(name)}:*")) for name in names]


def _tasks(settings: Environment) -> str:
    return _resource(_arn("ecs", f"task/{settings.prefix}/*"))


def _objects(settings: Environment, **prefixes: str) -> list[str]:
    return [
        _resource(f"{settings.prefix}-storage:ExportsOutputFnGetAtt{_BUCKETS[bucket]}/{prefix}/*")
        for bucket, prefix in prefixes.items()
    ]


def acknowledge(app: cdk.App, settings: Environment) -> None:
    """Acknowledge the findings, each at its construct.

    Raises:
        ValueError: there is no such construct.
    """
    for finding in findings(settings):
        part, *path = finding.place.split("/")
        place: IConstruct | None = app.node.try_find_child(f"{settings.prefix}-{part}")
        for name in path:
            place = place.node.try_find_child(name) if place else None
        if place is None:
            raise ValueError(f"nothing to acknowledge at {finding.place}: there is no such construct")
        for identity in finding.ids:
            rule = cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{identity}", reason=finding.reason)
            cdk.Validations.of(place).acknowledge(rule)
