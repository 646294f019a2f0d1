"""Task definitions and services of ECS, all of one kind: one container, private subnets, lines in CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.stacks.network import Network
from infra.stacks.part import Part
from workbench.settings import Settings

CONTAINER = str(Settings.model_fields["ecs_container"].default)
STATE, SCRATCH = "/state", "/tmp"  # noqa: S108  a folder of the container


@dataclass(frozen=True)
class Task:
    """What a task runs; ``cpu`` in units of a 1024th processor, ``memory`` in MiB, ``disk`` in GiB."""

    image: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, ecs.Secret] = field(default_factory=dict)
    cpu: int = 1024
    memory: int = 2048
    disk: int = 50
    read_only: bool = True
    port: int | None = None
    health: ecs.HealthCheck | None = None


def role(scope: Construct, name: str, description: str) -> iam.Role:
    """Make a role that tasks of ECS of this account take."""
    stack = cdk.Stack.of(scope)
    trusted = iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
    )
    return iam.Role(scope, name, assumed_by=trusted, description=description)


def define(
    part: Part,
    name: str,
    task: Task,
    *,
    key: kms.IKey,
    task_role: iam.IRole,
    execution_role: iam.IRole,
    lines: logs.ILogGroup | None = None,
) -> ecs.FargateTaskDefinition:
    """Make a task definition, ``workbench-dev-NAME``, and the log group of its lines, unless there is one for them."""
    definition = ecs.FargateTaskDefinition(
        part,
        f"{name}Task",
        family=part.settings.family(name.lower()),
        cpu=task.cpu,
        memory_limit_mib=task.memory,
        ephemeral_storage_gib=task.disk,
        task_role=task_role,
        execution_role=execution_role,
        volumes=[ecs.Volume(name="state"), ecs.Volume(name="scratch")],
    )
    container = definition.add_container(
        CONTAINER,
        image=ecs.ContainerImage.from_registry(task.image),
        command=list(task.command) or None,
        environment=dict(task.environment),
        secrets=dict(task.secrets),
        readonly_root_filesystem=task.read_only,
        stop_timeout=cdk.Duration.seconds(120),
        linux_parameters=ecs.LinuxParameters(part, f"{name}Linux", init_process_enabled=True),
        logging=ecs.LogDriver.aws_logs(
            log_group=lines or part.log_group(name, key=key), stream_prefix="task"
        ),
        health_check=task.health,
        port_mappings=[ecs.PortMapping(container_port=task.port)] if task.port else None,
    )
    for volume, path in (("state", STATE), ("scratch", SCRATCH)):
        container.add_mount_points(ecs.MountPoint(source_volume=volume, container_path=path, read_only=False))
    return definition


def serve(
    part: Part,
    name: str,
    definition: ecs.FargateTaskDefinition,
    *,
    cluster: ecs.ICluster,
    network: Network,
    group: ec2.ISecurityGroup,
    one: bool = False,
    dns: str = "",
) -> ecs.FargateService:
    """Keep a task running; with ``one`` never two at a time. ``dns`` is its name in the private domain."""
    service = ecs.FargateService(
        part,
        f"{name}Service",
        service_name=part.settings.family(name.lower()),
        cluster=cluster,
        task_definition=definition,
        desired_count=1,
        min_healthy_percent=0 if one else 100,
        max_healthy_percent=100 if one else 200,
        circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
        assign_public_ip=False,
        security_groups=[group],
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        propagate_tags=ecs.PropagatedTagSource.SERVICE,
        cloud_map_options=ecs.CloudMapOptions(
            name=dns, cloud_map_namespace=network.names, dns_ttl=cdk.Duration.seconds(10)
        )
        if dns
        else None,
    )
    # Its first task needs the image and its secrets at once: tasks that can't start end a deployment.
    assert definition.execution_role is not None
    service.node.add_dependency(definition.execution_role)
    return service


def metadata(part: Part, name: str, *, network: Network, key: kms.IKey) -> rds.DatabaseInstance:
    """Make a database of PostgreSQL with a secret of its own, named after the part."""
    settings = part.settings
    identity = settings.family(name.lower())
    # Were it not there, RDS would make one that is kept for ever and unencrypted.
    group = part.log_group(f"{name}Database", key=key, path=f"/aws/rds/instance/{identity}/postgresql")
    database = rds.DatabaseInstance(
        part,
        f"{name}Database",
        instance_identifier=identity,
        engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_6),
        instance_type=ec2.InstanceType(settings.database_class),
        vpc=network.vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        security_groups=[network.databases],
        database_name=name.lower(),
        credentials=rds.Credentials.from_generated_secret(
            "workbench", secret_name=f"{settings.prefix}/{name.lower()}-database", encryption_key=key
        ),
        allocated_storage=20,
        max_allocated_storage=100,
        storage_type=rds.StorageType.GP3,
        storage_encrypted=True,
        storage_encryption_key=key,
        multi_az=settings.multi_az,
        iam_authentication=True,
        backup_retention=cdk.Duration.days(settings.backup_days),
        deletion_protection=settings.retain,
        delete_automated_backups=not settings.retain,
        cloudwatch_logs_exports=["postgresql"],
        auto_minor_version_upgrade=True,
        copy_tags_to_snapshot=True,
        removal_policy=cdk.RemovalPolicy.SNAPSHOT if settings.retain else cdk.RemovalPolicy.DESTROY,
    )
    database.node.add_dependency(group)
    return database


def secret(part: Part, name: str, *, key: kms.IKey, user: str = "") -> secretsmanager.Secret:
    """Make a secret that nobody has to think of, ``workbench-dev/NAME``; with a ``user``, its ``username`` and ``password``."""
    fields: dict[str, str] = {}
    if user:
        fields = {"secret_string_template": json.dumps({"username": user}), "generate_string_key": "password"}
    return secretsmanager.Secret(
        part,
        "".join(word.title() for word in name.split("-")[1:]),
        secret_name=f"{part.settings.prefix}/{name}",
        encryption_key=key,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            password_length=48, exclude_punctuation=True, **fields
        ),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


def login(database: rds.DatabaseInstance) -> dict[str, ecs.Secret]:
    """Return the variables by which PostgreSQL's clients find a database: nobody has to write a password into a URL."""
    secret = database.secret
    assert secret is not None
    parts = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "username", "PGPASSWORD": "password"}
    return {name: ecs.Secret.from_secrets_manager(secret, part) for name, part in parts.items()}
