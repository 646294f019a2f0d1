"""MLflow's server behind its own login, its database and its artifacts; nobody outside of the network gets at it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environment import Environment
from infra.stacks.compute import Compute
from infra.stacks.network import MLFLOW, Network
from infra.stacks.part import Part
from infra.stacks.storage import Storage
from infra.stacks.tasks import Task, define, login, metadata, role, secret, serve


class Mlflow(Part):
    """The server, known inside the network as ``mlflow.workbench-dev.internal``."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        network: Network,
        storage: Storage,
        compute: Compute,
    ) -> None:
        super().__init__(
            scope, environment=environment, description="MLflow's server, database and artifacts"
        )
        self._key = self.known(storage.key)
        self.artifacts = s3.Bucket(
            self,
            "Artifacts",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=storage.logs,
            server_access_logs_prefix="artifacts/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=cdk.Duration.days(90),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=self.removal,
        )
        self.database = metadata(self, "Mlflow", network=network, key=self._key)
        self.execution_role = role(self, "Execution", "ECS itself, for MLflow")
        self.role = role(self, "Role", "MLflow's server")
        self.admin = secret(self, "mlflow-admin", key=self._key)
        server = Task(
            image=storage.image("mlflow"),
            environment={
                # Without a host libpq takes host, user and password from its own variables.
                "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2:///mlflow",
                "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{self.artifacts.bucket_name}/artifacts",
                "MLFLOW_SERVER_ALLOWED_HOSTS": f"localhost:*,127.0.0.1:*,mlflow.{environment.domain}:{MLFLOW}",
            },
            secrets={
                **login(self.database),
                **compute.mlflow_user,
                "MLFLOW_AUTH_ADMIN_PASSWORD": ecs.Secret.from_secrets_manager(self.admin),
            },
            read_only=False,
            port=MLFLOW,
            # ECS doesn't look at the one of the image.
            health=ecs.HealthCheck(
                command=["CMD", "python", "-c", f"import urllib.request as r; r.urlopen('http://127.0.0.1:{MLFLOW}/health', timeout=5)"],
                interval=cdk.Duration.seconds(30),
                timeout=cdk.Duration.seconds(10),
                # It makes or upgrades its tables first.
                start_period=cdk.Duration.seconds(300),
            ),
        )  # fmt: skip
        definition = define(
            self, "Mlflow", server, key=self._key, task_role=self.role, execution_role=self.execution_role
        )
        self.service = serve(
            self, "Mlflow", definition, cluster=compute.cluster, network=network, group=network.mlflow, one=True, dns="mlflow"
        )  # fmt: skip
        # People reach its pages through the task, with AWS's own login.
        cfn = self.service.node.default_child
        assert isinstance(cfn, cdk.CfnResource)
        cfn.add_property_override("EnableExecuteCommand", True)
