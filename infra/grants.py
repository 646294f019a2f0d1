"""Who may do what: every grant of the platform, in one place."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from infra.stacks.access import Access
from infra.stacks.catalogue import Catalogue
from infra.stacks.compute import Compute
from infra.stacks.events import Events
from infra.stacks.mlflow import Mlflow
from infra.stacks.orchestration import Orchestration
from infra.stacks.queue import LANDED, Queue
from infra.stacks.storage import Storage
from infra.stacks.warehouse import Warehouse
from infra.stacks.workflow import Workflow
from workbench.aws.metrics import NAMESPACE

READ = ("s3:GetObject",)
WRITE = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
_COUNT = ("sqs:GetQueueAttributes", "sqs:GetQueueUrl")


def allow(role: iam.IRole, actions: Sequence[str], *resources: str, **conditions: object) -> None:
    """Grant actions on resources; the name of a condition is its operator."""
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
    )


def objects(role: iam.IRole, bucket: s3.IBucket, prefix: str, actions: Sequence[str]) -> None:
    """Grant actions on the objects below a prefix, and to list them."""
    allow(role, actions, bucket.arn_for_objects(f"{prefix}*"))
    # Who asks for an object names no prefix. Were it wanted there, S3 would refuse (403) to tell of one that is missing (404),
    # which is how the program learns that a file has no map beside it.
    allow(
        role,
        ["s3:ListBucket"],
        bucket.bucket_arn,
        StringLikeIfExists={"s3:prefix": [prefix, f"{prefix}*"]},
    )


def admit(action: str, made: sns.Topic | sqs.Queue, services: Sequence[str], **conditions: object) -> None:
    """Let services of AWS at a topic or a queue; the name of a condition is its operator."""
    arn = made.topic_arn if isinstance(made, sns.Topic) else made.queue_arn
    principals = [iam.ServicePrincipal(f"{name}.amazonaws.com") for name in services]
    made.add_to_resource_policy(
        iam.PolicyStatement(principals=principals, actions=[action], resources=[arn], conditions=conditions)
    )


def watching(made: Queue) -> None:
    """Let alarms and the budget publish, to whom a topic with a policy is closed, and EventBridge keep what it gives up."""
    here = {"aws:SourceAccount": made.account}
    admit("sns:Publish", made.alerts, ["cloudwatch", "budgets"], StringEquals=here)
    rule = made.format_arn(service="events", resource="rule", resource_name=made.settings.family(LANDED))
    admit("sqs:SendMessage", made.undelivered, ["events"], ArnEquals={"aws:SourceArn": rule})


def warehouse(*, made: Warehouse, storage: Storage) -> None:
    """What the warehouse itself may: load and unload its staging place, and read the lake; and what logs in to it."""
    objects(made.role, storage.staging, "loads/", ("s3:GetObject", "s3:PutObject"))
    objects(made.role, storage.lake, "lake/", READ)
    allow(made.role, _KEY, storage.key.key_arn)
    role = made.login
    if made.settings.warehouse == "serverless":
        allow(role, ["redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"], made.arn)
    else:
        database = made.format_arn(
            service="redshift", resource="dbname", resource_name=f"{made.name}/{made.settings.database}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )  # fmt: skip
        cluster = made.format_arn(
            service="redshift", resource="cluster", resource_name=made.name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )  # fmt: skip
        allow(role, ["redshift:GetClusterCredentials"], made.arn, database)
        allow(role, ["redshift:DescribeClusters"], cluster)


def stages(role: iam.IRole, *, storage: Storage, made: Warehouse, queue: Queue, catalogue: Catalogue) -> None:
    """What stages may: data in and out, the warehouse by its login role, figures, and alerts."""
    objects(role, storage.landing, "landing/", WRITE)
    objects(role, storage.lake, "lake/", WRITE)
    objects(role, storage.runs, "runs/", WRITE)
    objects(role, storage.staging, "loads/", WRITE)
    allow(role, _KEY, storage.key.key_arn)
    allow(role, ["sts:AssumeRole"], made.login_arn)
    # What sources.yaml and channels of alerts name as aws:workbench-ENV/sources/NAME.
    secrets = made.format_arn(
        service="secretsmanager", resource="secret", resource_name=f"{made.settings.prefix}/sources/*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )  # fmt: skip
    allow(role, ["secretsmanager:GetSecretValue"], secrets)
    stack = cdk.Stack.of(catalogue)
    names = [stack.format_arn(service="glue", resource="catalog")]
    names += [
        stack.format_arn(service="glue", resource="database", resource_name=name)
        for name in catalogue.databases
    ]
    names += [
        stack.format_arn(service="glue", resource="table", resource_name=f"{name}/*")
        for name in catalogue.databases
    ]
    allow(
        role,
        ["glue:CreateDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable", "glue:GetPartitions", "glue:BatchCreatePartition"],
        *names,
    )  # fmt: skip
    allow(role, ["cloudwatch:PutMetricData"], "*", StringEquals={"cloudwatch:namespace": NAMESPACE})
    allow(role, ["sns:Publish"], queue.alerts.topic_arn)


def starting(role: iam.IRole, *, compute: Compute) -> None:
    """What starts stages may: start, follow and stop tasks of the cluster, and read their lines."""
    cluster = compute.cluster.cluster_arn
    of_cluster = {"ArnEquals": {"ecs:cluster": cluster}}
    tasks = compute.format_arn(service="ecs", resource="task", resource_name=f"{compute.settings.prefix}/*")
    allow(role, ["ecs:RunTask"], *compute.families(), **of_cluster)
    allow(role, ["ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource"], tasks)
    allow(role, ["ecs:DescribeTaskDefinition", "ecs:ListTasks"], "*")
    lines = compute.format_arn(
        service="logs", resource="log-group", resource_name=f"{compute.settings.log_group('stage')}:*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )  # fmt: skip
    allow(role, ["logs:GetLogEvents"], lines)
    passing = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    allow(role, ["iam:PassRole"], compute.stage_role.role_arn, compute.execution_role.role_arn, **passing)


def messages(role: iam.IRole, *, queue: Queue) -> None:
    """What takes messages may: receive them, and put what it gives up to the dead letters."""
    allow(role, [*_RECEIVE, *_COUNT, "sqs:SendMessage"], queue.queue.queue_arn, queue.dead.queue_arn)


def pulling(role: iam.IRole, *, storage: Storage, images: Sequence[str]) -> None:
    """What ECS itself may: pull images, and decrypt the secrets of a task."""
    allow(role, ["ecr:GetAuthorizationToken"], "*")
    allow(
        role,
        ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
        *(storage.images[name].repository_arn for name in images),
    )
    allow(role, ["kms:Decrypt"], storage.key.key_arn)


def shells(role: iam.IRole) -> None:
    """What a task may that people reach through Session Manager; these actions know no resources."""
    allow(
        role,
        [f"ssmmessages:{action}" for action in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")],
        "*",
    )  # fmt: skip


def events(made: Events, *, storage: Storage, queue: Queue) -> None:
    """What the function may (send, remember, log), and what delivers the stream may."""
    role = made.trigger_role
    allow(role, ["sqs:SendMessage"], queue.queue.queue_arn, queue.undelivered.queue_arn)
    allow(
        role,
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        made.seen.table_arn,
    )
    lines = made.format_arn(
        service="logs", resource="log-group", resource_name=f"/aws/lambda/{made.settings.family('trigger')}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )  # fmt: skip
    allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], lines)
    allow(role, _KEY, storage.key.key_arn)
    allow(role, ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")
    delivery = made.delivery_role
    allow(
        delivery,
        ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"],
        made.stream.stream_arn,
    )
    allow(
        delivery,
        ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
        storage.landing.bucket_arn,
    )
    places = [storage.landing.arn_for_objects(f"{prefix}*") for prefix in ("landing/events/", "undelivered/")]
    allow(delivery, ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], *places)
    allow(delivery, ["logs:PutLogEvents"], made.delivery_log.log_group_arn)
    allow(delivery, _KEY, storage.key.key_arn)


def workflow(made: Workflow, *, compute: Compute, queue: Queue, storage: Storage) -> None:
    """What state machines may (run stages, tell of failures, log), and what starts them by the clock."""
    role = made.role
    tasks = made.format_arn(service="ecs", resource="task", resource_name=f"{made.settings.prefix}/*")
    rule = made.format_arn(
        service="events", resource="rule", resource_name="StepFunctionsGetEventsForECSTaskRule"
    )
    allow(role, ["ecs:RunTask"], *compute.families())
    allow(role, ["ecs:DescribeTasks", "ecs:StopTask"], tasks)
    allow(role, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule)
    passing = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    allow(role, ["iam:PassRole"], compute.stage_role.role_arn, compute.execution_role.role_arn, **passing)
    allow(role, ["sns:Publish"], queue.alerts.topic_arn)
    allow(role, _KEY, storage.key.key_arn)
    # Log deliveries and traces know no resources.
    allow(
        role,
        [f"logs:{action}" for action in ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")],
        "*",
    )  # fmt: skip
    allow(
        role,
        [
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ],
        "*",
    )
    allow(made.starter, ["states:StartExecution"], *(machine.ref for machine in made.machines.values()))
    allow(made.starter, ["sqs:SendMessage"], queue.undelivered.queue_arn)
    allow(made.starter, _KEY, storage.key.key_arn)


def mlflow(made: Mlflow, *, storage: Storage) -> None:
    """What MLflow's server may: its artifacts."""
    objects(made.role, made.artifacts, "artifacts/", WRITE)
    allow(made.role, _KEY, storage.key.key_arn)
    shells(made.role)
    pulling(made.execution_role, storage=storage, images=["mlflow"])


def orchestration(
    made: Orchestration,
    *,
    storage: Storage,
    warehouse: Warehouse,
    queue: Queue,
    catalogue: Catalogue,
    compute: Compute,
) -> None:
    """What Airflow may: what the worker may, which it stands in for."""
    stages(made.role, storage=storage, made=warehouse, queue=queue, catalogue=catalogue)
    starting(made.role, compute=compute)
    messages(made.role, queue=queue)
    shells(made.role)
    pulling(made.execution_role, storage=storage, images=["airflow"])


def people(made: Access, *, storage: Storage, queue: Queue, workflow: Workflow, compute: Compute) -> None:
    """What people may: analysts read, operators mend."""
    objects(made.analyst, storage.lake, "lake/", READ)
    objects(made.analyst, storage.runs, "runs/site/", READ)
    allow(made.analyst, ["kms:Decrypt"], storage.key.key_arn)
    operator = made.operator
    messages(operator, queue=queue)
    allow(operator, [*_RECEIVE, *_COUNT], queue.undelivered.queue_arn)
    objects(operator, storage.runs, "runs/", READ)
    allow(operator, _KEY, storage.key.key_arn)
    machines = [machine.ref for machine in workflow.machines.values()]
    allow(operator, ["states:StartExecution", "states:ListExecutions"], *machines)
    executions = made.format_arn(
        service="states", resource="execution", resource_name=f"{made.settings.prefix}-*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )  # fmt: skip
    allow(operator, ["states:DescribeExecution", "states:GetExecutionHistory"], executions)
    lines = [
        made.format_arn(
            service="logs", resource="log-group", resource_name=f"{group}:*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )
        for group in (made.settings.log_group("*"), f"/aws/lambda/{made.settings.family('trigger')}")
    ]  # fmt: skip
    allow(
        operator,
        [
            f"logs:{action}"
            for action in ("DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "StartQuery")
        ],
        *lines,
    )
    # What these list, and a query's answer, are no resources.
    allow(operator, ["ecs:ListTasks", "logs:DescribeLogGroups", "logs:GetQueryResults"], "*")
    services = compute.format_arn(
        service="ecs", resource="service", resource_name=f"{made.settings.prefix}/*"
    )
    tasks = compute.format_arn(service="ecs", resource="task", resource_name=f"{made.settings.prefix}/*")
    allow(operator, ["ecs:UpdateService", "ecs:DescribeServices"], services)
    allow(operator, ["ecs:DescribeTasks", "ecs:StopTask", "ecs:ExecuteCommand"], tasks)
    # A session that forwards a port is one of a document of AWS's own.
    forwarding = made.format_arn(
        service="ssm", account="", resource="document", resource_name="AWS-StartPortForwardingSession"
    )
    allow(operator, ["ssm:StartSession"], tasks, forwarding)
