"""What the templates say: the same each time, nobody's account, closed, kept, and watched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infra.environment import SIZES, environment, variables
from tests.infra.conftest import Assembly
from tests.infra.expected import ACTIONS, actions
from tests.project import ROOT
from workbench.aws.metrics import NAMESPACE, QUEUE_FIGURES, RUN_FIGURES
from workbench.execution.pipeline.pipeline import find_pipelines
from workbench.settings import Settings, get_settings
from workbench.warehouse.redshift.address import Address

# Words that the CDK's own function brings, whose zip is named by its hash.
_SECRETS = re.compile(
    r"(?i)(AKIA[0-9A-Z]{16}|aws_secret|BEGIN [A-Z ]*PRIVATE KEY|password\"?\s*[:=]\s*\"[^\"{]+\")"
)


def test_a_second_synthesis_gives_the_same_templates(assemblies: dict[str, Assembly]) -> None:
    once, again = assemblies["dev"].templates, assemblies["planted"].templates
    assert set(once) == set(again) and len(once) == 11
    for part, template in once.items():
        planted = {name for name in again[part]["Resources"] if name.startswith("Planted")}
        rest = {name: each for name, each in again[part]["Resources"].items() if name not in planted}
        assert len(planted) == 2 and rest == template["Resources"], part


def test_a_role_that_may_do_anything_is_found_in_each_stack(assemblies: dict[str, Assembly]) -> None:
    planted = assemblies["planted"]
    assert "ValidationFailed" in (planted.folder.parent / "refused.txt").read_text()
    found = {
        (place["constructPath"].split("/")[0], each["ruleName"])
        for each in planted.report["violations"]
        for place in each["violatingConstructs"]
    }
    rules = ("AwsSolutions-IAM5[Action::sqs:*]", "AwsSolutions-IAM5[Resource::*]")
    assert found == {(f"workbench-dev-{part}", rule) for part in planted.templates for rule in rules}


def test_no_finding_is_unexplained_and_none_is_explained_that_is_not_there(each: Assembly) -> None:
    assert each.report["violations"] == []
    explained = [
        (place["constructPath"], found["ruleName"], found["reason"])
        for found in each.report["suppressedViolations"]
        for place in found["violatingConstructs"]
    ]
    assert all(len(reason) > 20 for _, _, reason in explained)
    acknowledged = {
        (entry["id"].removeprefix("AwsSolutions::"), place)
        for place, content in json.loads((each.folder / "acknowledged.json").read_text()).items()
        for entry in content
    }
    used = {
        (found["acknowledgedId"].removeprefix("AwsSolutions::"), found["acknowledgedAt"])
        for found in each.report["suppressedViolations"]
    }
    assert acknowledged == used
    assert len(explained) == {"dev": 59, "prod": 80, "staging": 86}[each.env]
    # What was looked at: each stack's rules ran, as the planted roles show, and over all that is in it.
    looked_at = sum(len(template["Resources"]) for template in each.templates.values())
    assert looked_at == {"dev": 182, "prod": 215, "staging": 213}[each.env]


def test_nothing_of_an_account_or_a_secret_is_in_a_template(each: Assembly) -> None:
    for part, template in each.templates.items():
        text = json.dumps(template)
        assert not re.search(r"(?<![0-9a-fA-F])\d{12}(?![0-9a-fA-F])", text), part
        assert not _SECRETS.search(text), part
        assert str(ROOT) not in text
        assert len(text) < 1_000_000 and len(template.get("Resources", {})) < 500


def test_every_template_is_as_cloudformation_wants_it(assemblies: dict[str, Assembly]) -> None:
    templates = [
        path for env in ("dev", "staging") for path in assemblies[env].folder.glob("*.template.json")
    ]
    done = subprocess.run(
        # What a dependency says twice is the CDK's, and harmless.
        [
            Path(sys.executable).with_name("cfn-lint"),
            "--regions",
            "eu-west-1",
            "--ignore-checks",
            "W3005",
            "--",
            *templates,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_role_may_do_what_is_listed_and_no_more(assemblies: dict[str, Assembly]) -> None:
    for env in ("dev", "prod"):
        found: dict[str, set[str]] = {}
        for place, policy in assemblies[env].resources("AWS::IAM::Policy").items():
            part = place.split("/")[0]
            for role in policy["Properties"]["Roles"]:
                name = re.sub(r"[0-9A-F]{8}$", "", role["Ref"])
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    stated = statement["Action"]
                    found.setdefault(f"{part}/{name}", set()).update(
                        [stated] if isinstance(stated, str) else stated
                    )
        parts = set(assemblies[env].templates)
        listed = {role: actions(text) for role, text in ACTIONS.items() if role.split("/")[0] in parts}
        assert found == listed


def test_queues_have_dead_letters_and_everything_that_keeps_data_keeps_it_locked_and_for_so_long(
    each: Assembly,
) -> None:
    queues = each.resources("AWS::SQS::Queue")
    names = {
        each["Properties"]["QueueName"].split("-", 2)[-1]: each["Properties"] for each in queues.values()
    }
    assert set(names) == {each.env, "dead", "undelivered"}
    assert names[each.env]["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert all(
        queue["KmsMasterKeyId"] and queue["MessageRetentionPeriod"] == 14 * 86400 for queue in names.values()
    )
    buckets = each.resources("AWS::S3::Bucket")
    assert {place.split("/")[0] for place in buckets} == {"storage", "mlflow"} and len(buckets) == 6
    for place, bucket in buckets.items():
        properties = bucket["Properties"]
        rules = properties["LifecycleConfiguration"]["Rules"]
        assert any({"ExpirationInDays", "NoncurrentVersionExpiration"} & set(rule) for rule in rules), place
        (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        wanted = "AES256" if "AccessLogs" in place else "aws:kms"
        assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == wanted
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        kept = each.env == "prod"
        assert (bucket["DeletionPolicy"] == "Retain") == kept, place
    groups = each.resources("AWS::Logs::LogGroup")
    # AWS makes these where they aren't there, without a key, and most of them for ever.
    prefix = f"workbench-{each.env}"
    warehouse = f"cluster/{prefix}" if each.env == "staging" else prefix
    wanted_groups = {
        f"/aws/ecs/containerinsights/{prefix}/performance",
        *(f"/aws/redshift/{warehouse}/{name}" for name in ("connectionlog", "userlog", "useractivitylog")),
        *(
            f"/aws/rds/instance/{database['Properties']['DBInstanceIdentifier']}/postgresql"
            for database in each.resources("AWS::RDS::DBInstance").values()
        ),
    }
    assert wanted_groups <= {group["Properties"]["LogGroupName"] for group in groups.values()}
    for place, group in groups.items():
        assert group["Properties"]["RetentionInDays"] == SIZES[each.env]["log_days"], place
        assert group["Properties"]["KmsKeyId"], place
    for database in each.resources("AWS::RDS::DBInstance").values():
        assert database["Properties"]["StorageEncrypted"] and not database["Properties"]["PubliclyAccessible"]


def test_tasks_are_given_settings_that_the_program_has(each: Assembly) -> None:
    tasks = {
        each["Properties"]["Family"]: each["Properties"]["ContainerDefinitions"]
        for each in each.resources("AWS::ECS::TaskDefinition").values()
    }
    parts = {"stage", "stage-spark-processor", "worker", "mlflow"}
    airflow = {
        "airflow-" + name for name in ("api-server", "scheduler", "dag-processor", "triggerer", "migration")
    }
    assert set(tasks) == {
        f"workbench-{each.env}-{part}" for part in parts | (airflow if each.env != "dev" else set())
    }
    for family, (container,) in tasks.items():
        assert container["Name"] == Settings.model_fields["ecs_container"].default
        names = {each["Name"] for each in container.get("Environment", [])}
        ours = {name.removeprefix("WORKBENCH_").lower() for name in names if name.startswith("WORKBENCH_")}
        assert ours <= set(Settings.model_fields), family
        assert not any(
            "PASSWORD" in name or "SECRET" in name
            for name in names - {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"}
        )
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        if family.endswith(("stage", "spark-processor", "worker")):
            assert container["ReadonlyRootFilesystem"] is True
    with pytest.raises(ValueError, match="no setting of the program: queue_uri"):
        variables(queue_uri="x")


def test_settings_read_what_tasks_are_given(each: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    (worker,) = each.resources("AWS::ECS::TaskDefinition")[
        "compute/"
        + next(
            n for n in each.templates["compute"]["Resources"] if n.startswith("WorkerTask") and "Log" not in n
        )
    ]["Properties"]["ContainerDefinitions"]
    for entry in worker["Environment"]:
        monkeypatch.setenv(entry["Name"], _resolved(entry["Value"]))
    settings = get_settings()
    assert settings.profile == "aws" and settings.landing_place.startswith("s3://")
    address = Address.parse(settings.warehouse)
    assert (address.iam, address.database) == (True, "workbench")
    assert address.serverless == (each.env != "staging")
    assert len(settings.ecs_subnets.split(",")) == 3
    assert settings.ecs_task_definition == f"workbench-{each.env}-stage"
    assert settings.ecs_spot is SIZES[each.env]["spot"]
    assert settings.queue == "https://sqs.eu-west-1.amazonaws.com/1/workbench"


def _resolved(value: Any) -> str:
    """Return a value with each reference as a word."""
    if isinstance(value, dict):
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return str(separator.join(_resolved(part) for part in parts))
        name = str(next(iter(value.values())))
        if "Queue" in name:
            return "https://sqs.eu-west-1.amazonaws.com/1/workbench"
        return {"AWS::Region": "eu-west-1", "AWS::Partition": "aws"}.get(
            name, re.sub(r"[^a-z]", "", name.lower())[-20:]
        )
    return str(value)


def test_one_of_worker_and_airflow_takes_messages_and_keeps_the_schedules(each: Assembly) -> None:
    services = {s["Properties"]["ServiceName"] for s in each.resources("AWS::ECS::Service").values()}
    by_worker = f"workbench-{each.env}-worker" in services
    assert by_worker == (each.env == "dev")
    assert (f"workbench-{each.env}-airflow-scheduler" in services) == (not by_worker)
    schedules = {s["Properties"]["State"] for s in each.resources("AWS::Scheduler::Schedule").values()}
    assert schedules == {"ENABLED" if by_worker else "DISABLED"}
    machines = each.resources("AWS::StepFunctions::StateMachine").values()
    wanted = {f"workbench-{each.env}-{name}" for name in find_pipelines(get_settings())}
    assert {machine["Properties"]["StateMachineName"] for machine in machines} == wanted


def test_every_figure_is_on_the_dashboard_and_every_alarm_names_its_runbook(each: Assembly) -> None:
    (dashboard,) = each.resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    for figure in (*RUN_FIGURES, *QUEUE_FIGURES):
        assert f'\\"{NAMESPACE}\\\\\\",\\\\\\"{figure}\\\\\\"' in body or figure in body
    alarms = each.resources("AWS::CloudWatch::Alarm")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").strip().lower()).replace(" ", "-")
        for line in (ROOT / "docs/operations/runbooks.md").read_text().splitlines()
        if line.startswith("#")
    }
    kinds: Counter[str] = Counter()
    for place, alarm in alarms.items():
        page, _, section = alarm["Properties"]["AlarmDescription"].partition("#")
        assert (ROOT / page).is_file() and section in headings, place
        assert alarm["Properties"]["AlarmActions"], place
        kinds[section] += 1
    wanted = {
        "the-dead-letters-grow",
        "a-worker-that-is-stuck",
        "a-message-that-seems-lost",
        "a-run-that-failed",
        "many-rows-are-set-aside",
        "many-alerts-in-a-day",
        "a-service-that-is-down",
        "the-metadata-database-is-full",
    }
    assert set(kinds) == wanted
    (topic,) = each.resources("AWS::SNS::TopicPolicy").values()
    publishers = {
        service
        for statement in topic["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Action"] == "sns:Publish"
        for service in statement["Principal"]["Service"]
    }
    assert publishers == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    (budget,) = each.resources("AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"]["Amount"] == SIZES[each.env]["budget"]


def test_a_wrong_context_is_told(dev: Assembly) -> None:
    told = json.loads((dev.folder.parent / "told.json").read_text())
    assert "can't say orchestator; it may: alerts_a_day" in told['{"orchestator": "airflow"}']
    assert (
        "can't say image-tag" in told['{"image-tag": "2"}'] and "can't say name" in told['{"name": "prod"}']
    )
    assert "no environment ''; there are dev, staging, prod" in told['{"env": ""}']
    assert "zones: " in told['{"zones": "9"}']
    with pytest.raises(ValueError, match="no environment 'test'; there are dev, staging, prod"):
        environment("test", "1")
    with pytest.raises(ValueError, match="nat_gateways: Input should be greater than or equal to 1"):
        environment("dev", "1", {"nat_gateways": 0})
