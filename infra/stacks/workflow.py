"""Pipelines as state machines of Step Functions, from their maps, and when they run by the clock."""

from __future__ import annotations

import json

from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.crons import scheduler_cron
from infra.environment import Environment
from infra.stacks.compute import Compute
from infra.stacks.part import Part
from infra.stacks.queue import Queue
from infra.stacks.storage import Storage
from infra.stacks.tasks import CONTAINER
from workbench.aws.stepfunctions.state_machine import Target, state_machine
from workbench.execution.pipeline.pipeline import Pipeline, find_pipelines, load_pipeline
from workbench.settings import get_settings


class Workflow(Part):
    """A state machine for each pipeline, and a schedule for those that have a cron."""

    def __init__(
        self, scope: Construct, *, environment: Environment, compute: Compute, queue: Queue, storage: Storage
    ) -> None:
        super().__init__(
            scope, environment=environment, description="Pipelines as state machines, their schedules"
        )
        self._key = self.known(storage.key)
        account = {"StringEquals": {"aws:SourceAccount": self.account}}
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=account), description="The state machines"
        )  # fmt: skip
        self.starter = iam.Role(
            self, "Starter", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=account), description="The schedules"
        )  # fmt: skip
        self._log = self.log_group(
            "Workflow", key=self._key, path=f"/aws/vendedlogs/states/{environment.prefix}"
        )
        self._target = Target(
            cluster=compute.cluster.cluster_arn,
            task_definition=compute.stage.task_definition_arn,
            subnets=compute.network.subnets,
            security_groups=[compute.network.tasks.security_group_id],
            container=CONTAINER,
            topic=queue.alerts.topic_arn,
            images={name: made.task_definition_arn for name, made in compute.of_images.items()},
        )
        self.machines: dict[str, stepfunctions.CfnStateMachine] = {}
        settings = get_settings()
        for name in sorted(find_pipelines(settings)):
            pipeline = load_pipeline(name, settings)
            self.machines[name] = self._machine(pipeline)
            if pipeline.schedule and pipeline.schedule.cron:
                self._schedule(pipeline, queue)

    def _machine(self, pipeline: Pipeline) -> stepfunctions.CfnStateMachine:
        machine = stepfunctions.CfnStateMachine(
            self,
            f"Machine-{pipeline.name}",
            state_machine_name=f"{self.settings.prefix}-{pipeline.name}",
            role_arn=self.role.role_arn,
            definition_string=self.to_json_string(state_machine(pipeline, self._target)),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                include_execution_data=True,
                destinations=[
                    stepfunctions.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=self._log.log_group_arn
                        )
                    )
                ],
            ),
        )
        # It isn't made before its role may write to its log.
        machine.node.add_dependency(self.role)
        return machine

    def _schedule(self, pipeline: Pipeline, queue: Queue) -> None:
        assert pipeline.schedule is not None and pipeline.schedule.cron is not None
        target = scheduler.CfnSchedule.TargetProperty(
            arn=self.machines[pipeline.name].ref,
            role_arn=self.starter.role_arn,
            input=json.dumps({}),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=queue.undelivered.queue_arn
            ),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_event_age_in_seconds=900, maximum_retry_attempts=3
            ),
        )
        scheduler.CfnSchedule(
            self,
            f"Schedule-{pipeline.name}",
            name=f"{self.settings.prefix}-{pipeline.name}",
            description=pipeline.description,
            schedule_expression=scheduler_cron(pipeline.schedule.cron),
            schedule_expression_timezone=pipeline.schedule.timezone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            # Airflow keeps the schedules of the same maps itself.
            state="ENABLED" if self.settings.orchestrator == "worker" else "DISABLED",
            target=target,
        )
