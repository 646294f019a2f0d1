"""What a first deployment and the first file need at AWS, and no emulator asks for."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from tests.infra.conftest import Assembly
from tests.project import ROOT


def test_what_is_made_with_a_role_waits_for_what_the_role_may(each: Assembly) -> None:
    kinds = ("AWS::StepFunctions::StateMachine", "AWS::KinesisFirehose::DeliveryStream", "AWS::ECS::Service")
    for place, resource in each.resources(*kinds).items():
        own = each.templates[place.split("/")[0]]["Resources"]
        named = json.dumps(resource["Properties"])
        if "TaskDefinition" in resource["Properties"]:
            named += json.dumps(own[resource["Properties"]["TaskDefinition"]["Ref"]]["Properties"])
        roles = {
            name for name, made in own.items() if made["Type"] == "AWS::IAM::Role" and f'"{name}"' in named
        }
        policies = {
            name
            for name, made in own.items()
            if made["Type"] == "AWS::IAM::Policy"
            and {role["Ref"] for role in made["Properties"]["Roles"]} & roles
        }
        assert policies and policies <= set(resource["DependsOn"]), place


def test_who_asks_for_an_object_that_is_missing_is_told_so(each: Assembly) -> None:
    told = [
        statement
        for policy in each.resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:ListBucket"
    ]
    # A condition that wants a prefix denies it to HeadObject, which has none: 403 in place of 404.
    assert told and all(set(each["Condition"]) == {"StringLikeIfExists"} for each in told)


def test_redshift_may_take_the_role_that_it_loads_by(each: Assembly) -> None:
    (role,) = (
        made["Properties"]
        for place, made in each.resources("AWS::IAM::Role").items()
        if place.startswith("warehouse/") and made["Properties"].get("Description") == "COPY and UNLOAD"
    )
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    named = statement["Principal"]["Service"]
    services = {named} if isinstance(named, str) else set(named)
    serverless = set() if each.env == "staging" else {"redshift-serverless.amazonaws.com"}
    assert services == {"redshift.amazonaws.com"} | serverless


def test_a_limit_of_use_is_changed_and_not_set_again(each: Assembly) -> None:
    limits = [
        {name: _call(made["Properties"][name]) for name in ("Create", "Update", "Delete")}
        for made in each.resources("Custom::AWS").values()
    ]
    provisioned = each.env == "staging"
    assert len(limits) == (2 if provisioned else 1)
    key, name = ("UsageLimitId", "ModifyUsageLimit") if provisioned else ("usageLimitId", "UpdateUsageLimit")
    own = "PHYSICAL:RESOURCEID:"
    for limit in limits:
        create, update, delete = (limit[each] for each in ("Create", "Update", "Delete"))
        assert (create["action"], update["action"]) == ("CreateUsageLimit", name)
        assert create["parameters"]["Period" if provisioned else "period"] == "monthly"
        kept = {
            each: value
            for each, value in create["parameters"].items()
            if each.lower() in ("amount", "breachaction")
        }
        assert len(kept) == 2 and update["parameters"] == {key: own, **kept}
        assert delete["parameters"] == {key: own}


def _call(value: Any) -> dict[str, Any]:
    """Return a call of the CDK's own function, a text of JSON with references in it."""
    parts = value["Fn::Join"][1] if isinstance(value, dict) else [value]
    found: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else "x" for part in parts))
    return found


def test_what_cant_be_delivered_of_landing_is_kept(each: Assembly) -> None:
    (rule,) = each.resources("AWS::Events::Rule").values()
    (target,) = rule["Properties"]["Targets"]
    assert "Undelivered" in json.dumps(target["DeadLetterConfig"]) and "RetryPolicy" not in target
    (allowed,) = (
        statement
        for policy in each.resources("AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
    assert (
        allowed["Principal"] == {"Service": "events.amazonaws.com"} and allowed["Action"] == "sqs:SendMessage"
    )
    assert "Undelivered" in json.dumps(allowed["Resource"])
    name = rule["Properties"]["Name"]
    assert json.dumps(allowed["Condition"]["ArnEquals"]["aws:SourceArn"]).endswith(f':rule/{name}"]]}}')


def test_services_stay_up_while_what_they_need_is_made_and_are_looked_at(each: Assembly) -> None:
    for definition in each.resources("AWS::ECS::TaskDefinition").values():
        part = definition["Properties"]["Family"].removeprefix(f"workbench-{each.env}-")
        (container,) = definition["Properties"]["ContainerDefinitions"]
        if part == "mlflow":
            assert "127.0.0.1:5000/health" in container["HealthCheck"]["Command"][-1]
        if part.startswith("airflow-") and part != "airflow-migration":
            shell, flag, command = container["Command"]
            assert (shell, flag) == ("sh", "-c")
            assert command.startswith("airflow db check-migrations --migration-wait-timeout 3600 && ")
            assert f"&& exec airflow {part.removeprefix('airflow-')}" in command
            # Its server is another task, which has their lines from them.
            assert "--skip-serve-logs" not in command
            given = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
            assert given["AIRFLOW__CORE__HOSTNAME_CALLABLE"] == "airflow.utils.net.get_host_ip_address"
            assert given["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"
    ports = {
        rule["Properties"]["FromPort"] for rule in each.resources("AWS::EC2::SecurityGroupIngress").values()
    }
    assert {8080, 8793, 8794} <= ports


def test_a_backlog_is_shared_among_the_workers_there_are(dev: Assembly) -> None:
    (policy,) = dev.resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    metrics = policy["Properties"]["TargetTrackingScalingPolicyConfiguration"][
        "CustomizedMetricSpecification"
    ]["Metrics"]
    (expression,) = (each["Expression"] for each in metrics if each["ReturnData"])
    # Lists of metric math hold series, no numbers: MAX([running, 1]) can't be said.
    assert expression == "IF(running > 1, waiting / running, waiting)"
    assert {"waiting", "running"} == {each["Id"] for each in metrics if not each["ReturnData"]}


def test_one_stack_can_be_deployed_by_itself() -> None:
    # As a person calls it, though `make test` may be what calls the test.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}

    def deploys(*arguments: str) -> str:
        done = subprocess.run(
            ["make", "-n", "deploy", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )  # fmt: skip
        return done.stdout.splitlines()[-1]

    assert deploys("ENV=dev").rstrip().endswith("cdk deploy --all -c env=dev")
    one = deploys("ENV=dev", "STACKS=workbench-dev-storage")
    # The CDK takes names of stacks, or --all, and not both.
    assert one.rstrip().endswith("cdk deploy workbench-dev-storage -c env=dev")
