"""Where stages run: the cluster, the task of a stage, and the worker that takes messages."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.environment import Environment, variables
from infra.stacks.network import MLFLOW, Network
from infra.stacks.part import Part
from infra.stacks.queue import Queue
from infra.stacks.storage import OF_STAGES, Storage
from infra.stacks.tasks import CONTAINER, Task, define, role, secret, serve
from infra.stacks.warehouse import Warehouse

# Who trains models and reads them, and owns what was made.
MLFLOW_USER = "stages"


class Compute(Part):
    """The cluster, with the task definitions that the program's executor of ECS starts."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        network: Network,
        storage: Storage,
        queue: Queue,
        warehouse: Warehouse,
    ) -> None:
        super().__init__(scope, environment=environment, description="The cluster, stages and the worker")
        self._key = self.known(storage.key)
        self.network = network
        # Were it not there, ECS would make one that is unencrypted.
        insights = self.log_group(
            "Insights", key=self._key, path=f"/aws/ecs/containerinsights/{environment.prefix}/performance"
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=environment.prefix,
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
        )
        self.cluster.node.add_dependency(insights)
        self.execution_role = role(self, "Execution", "ECS itself: pulls images, writes lines")
        self.stage_role = role(self, "StageRole", "A stage")
        self.worker_role = role(self, "WorkerRole", "The worker, and what starts stages")
        self.places = variables(
            profile="aws",
            warehouse_url=warehouse.url,
            redshift_s3=f"s3://{storage.staging.bucket_name}/loads",
            redshift_iam_role=warehouse.role.role_arn,
            landing_uri=f"s3://{storage.landing.bucket_name}/landing",
            lake_uri=f"s3://{storage.lake.bucket_name}/lake",
            runs_uri=f"s3://{storage.runs.bucket_name}/runs",
            mlflow_tracking_uri=f"http://mlflow.{environment.domain}:{MLFLOW}",
            alert_channels=f"sns:{queue.alerts.topic_arn}",
        )
        # MLflow's clients read these of themselves, and its server makes the user by them.
        made = secret(self, "mlflow-user", key=self._key, user=MLFLOW_USER)
        self.mlflow_user = {
            f"MLFLOW_TRACKING_{part.upper()}": ecs.Secret.from_secrets_manager(made, part)
            for part in ("username", "password")
        }
        image, version = storage.image("python-processor"), ["workbench", "--version"]
        self.stage_log = self.log_group("Stage", key=self._key)
        self.stage = self._define("Stage", Task(image, version, self.places, self.mlflow_user))
        # They judge files, and know no models.
        self.of_images = {
            name: self._define(f"Stage-{name}", Task(storage.image(name), version, self.places, disk=200))
            for name in OF_STAGES
        }
        self.starting = {
            **self.places,
            **variables(
                queue_url=queue.queue.queue_url,
                ecs_cluster=environment.prefix,
                ecs_task_definition=environment.family("stage"),
                ecs_container=CONTAINER,
                ecs_subnets=",".join(network.subnets),
                ecs_security_groups=network.tasks.security_group_id,
                ecs_spot=environment.spot,
            ),
        }  # fmt: skip
        worker = Task(image, ["workbench", "worker", "--executor", "ecs"], self.starting, self.mlflow_user)
        self.worker = self._define("Worker", worker)
        self.service: ecs.FargateService | None = None
        # Either Airflow or a worker takes the messages of a queue.
        if environment.orchestrator == "worker":
            self.service = serve(
                self, "Worker", self.worker, cluster=self.cluster, network=network, group=network.tasks
            )
            self._scale(queue)

    def _define(self, name: str, task: Task) -> ecs.FargateTaskDefinition:
        """Define a task of a stage, whose lines go with those of all stages, or the worker's."""
        is_stage = name.startswith("Stage")
        return define(
            self, name, task, key=self._key, task_role=self.stage_role if is_stage else self.worker_role,
            execution_role=self.execution_role, lines=self.stage_log if is_stage else None,
        )  # fmt: skip

    def families(self) -> list[str]:
        """Return the task definitions of stages, of whatever revision, as ARNs."""
        names = [self.settings.family(name) for name in ("stage", *(f"stage-{image}" for image in OF_STAGES))]
        return [
            self.format_arn(service="ecs", resource="task-definition", resource_name=f"{name}:*")
            for name in names
        ]

    def _scale(self, queue: Queue) -> None:
        """Have as many workers as the backlog asks for: so and so many messages each."""
        assert self.service is not None
        name = f"service/{self.settings.prefix}/{self.settings.family('worker')}"
        target = autoscaling.CfnScalableTarget(
            self,
            "Workers",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=name,
            min_capacity=1,
            max_capacity=self.settings.most_workers,
        )
        target.node.add_dependency(self.service)
        policy = autoscaling.CfnScalingPolicy
        running = {"ClusterName": self.settings.prefix, "ServiceName": self.settings.family("worker")}
        waiting = queue.queue.metric_approximate_number_of_messages_visible()
        policy(
            self,
            "Backlog",
            policy_name=f"{self.settings.prefix}-backlog",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=self.settings.backlog,
                scale_in_cooldown=600,
                scale_out_cooldown=60,
                customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
                    metrics=[
                        self._metric("waiting", waiting.namespace, waiting.metric_name, {"QueueName": queue.queue.queue_name}, "Sum"),
                        self._metric("running", "ECS/ContainerInsights", "RunningTaskCount", running, "Average"),
                        policy.TargetTrackingMetricDataQueryProperty(
                            id="backlog", expression="IF(running > 1, waiting / running, waiting)", label="messages a worker", return_data=True
                        ),
                    ]
                ),
            ),
        )  # fmt: skip

    @staticmethod
    def _metric(
        identifier: str, namespace: str, name: str, dimensions: dict[str, str], statistic: str
    ) -> autoscaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty:
        policy = autoscaling.CfnScalingPolicy
        return policy.TargetTrackingMetricDataQueryProperty(
            id=identifier,
            return_data=False,
            metric_stat=policy.TargetTrackingMetricStatProperty(
                stat=statistic,
                metric=policy.TargetTrackingMetricProperty(
                    namespace=namespace,
                    metric_name=name,
                    dimensions=[
                        policy.TargetTrackingMetricDimensionProperty(name=key, value=value)
                        for key, value in dimensions.items()
                    ],
                ),
            ),
        )
