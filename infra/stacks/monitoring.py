"""What is watched: a dashboard of the figures that the program sends, alarms that name their runbooks, and spend."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from infra.environment import Environment
from infra.stacks.compute import Compute
from infra.stacks.events import Events
from infra.stacks.mlflow import Mlflow
from infra.stacks.orchestration import Orchestration
from infra.stacks.part import Part
from infra.stacks.queue import Queue
from workbench.aws.metrics import NAMESPACE, QUEUE_FIGURES, RUN_FIGURES

RUNBOOKS = "docs/operations/runbooks.md"
_WORST = ("Seconds", "QueueLag", "QueueDepth", "DeadLetters")
_MOST_QUARANTINED = 5


class Monitoring(Part):
    """Dashboard, alarms and budget; all alarms go to the topic."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        queue: Queue,
        events: Events,
        compute: Compute,
        mlflow: Mlflow,
        orchestration: Orchestration | None,
        pipelines: Sequence[str],
    ) -> None:
        super().__init__(scope, environment=environment, description="Dashboard, alarms, budget")
        self._topic = queue.alerts
        self._pipelines = pipelines
        self._dashboard()
        self._queue_alarms(queue, events)
        for pipeline in pipelines:
            self._pipeline_alarms(pipeline)
        services = [environment.family("mlflow")]
        services += [environment.family("worker")] if compute.service else []
        services += (
            [environment.family(f"airflow-{name}") for name in orchestration.services]
            if orchestration
            else []
        )
        for service in services:
            self._service_alarm(service)
        for part in filter(None, (mlflow, orchestration)):
            self._alarm(
                f"{part.part}-storage", part.database.metric_free_storage_space(period=cdk.Duration.minutes(15)),
                2 * 1024**3, "the-metadata-database-is-full", below=True,
            )  # fmt: skip
        self._budget()

    def _dashboard(self) -> None:
        widgets = []
        figures = [(name, "Pipeline", self._pipelines) for name in RUN_FIGURES]
        figures += [(name, "Queue", [self.settings.prefix]) for name in QUEUE_FIGURES]
        for place, (name, dimension, values) in enumerate(figures):
            metrics = [[NAMESPACE, name, dimension, value] for value in values]
            properties = {
                "title": name,
                "region": self.region,
                "stat": "Maximum" if name in _WORST else "Sum",
                "period": 3600 if dimension == "Pipeline" else 300,
                "metrics": metrics,
                "view": "timeSeries",
            }
            x, y = 8 * (place % 3), 6 * (place // 3)
            widgets.append(
                {"type": "metric", "x": x, "y": y, "width": 8, "height": 6, "properties": properties}
            )
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=self.settings.prefix,
            dashboard_body=self.to_json_string({"widgets": widgets}),
        )

    def _queue_alarms(self, queue: Queue, events: Events) -> None:
        minutes = {"period": cdk.Duration.minutes(5), "statistic": "Maximum"}
        dead = queue.dead.metric_approximate_number_of_messages_visible(**minutes)
        self._alarm("dead-letters", dead, 1, "the-dead-letters-grow")
        old = queue.queue.metric_approximate_age_of_oldest_message(**minutes)
        self._alarm("oldest-message", old, 1800, "a-worker-that-is-stuck", periods=3)
        lost = queue.undelivered.metric_approximate_number_of_messages_visible(**minutes)
        self._alarm("undelivered", lost, 1, "a-message-that-seems-lost")
        failed = events.trigger.metric_errors(period=cdk.Duration.minutes(5), statistic="Sum")
        self._alarm("trigger-errors", failed, 1, "a-message-that-seems-lost")
        late = cloudwatch.Metric(
            namespace="AWS/Firehose",
            metric_name="DeliveryToS3.DataFreshness",
            dimensions_map={"DeliveryStreamName": self.settings.family("events")},
            **minutes,
        )
        self._alarm("stream-late", late, 900, "a-message-that-seems-lost")

    def _pipeline_alarms(self, pipeline: str) -> None:
        failures = self._figure("Failures", pipeline, cdk.Duration.minutes(5))
        self._alarm(f"{pipeline}-failed", failures, 1, "a-run-that-failed")
        hours = cdk.Duration.hours(6)
        share = cloudwatch.MathExpression(
            expression="IF(accepted + quarantined > 0, 100 * quarantined / (accepted + quarantined), 0)",
            using_metrics={
                "accepted": self._figure("RowsAccepted", pipeline, hours),
                "quarantined": self._figure("RowsQuarantined", pipeline, hours),
            },
            period=hours,
            label="rows set aside, %",
        )
        self._alarm(f"{pipeline}-quarantined", share, _MOST_QUARANTINED, "many-rows-are-set-aside")
        alerts = self._figure("Alerts", pipeline, cdk.Duration.days(1))
        self._alarm(f"{pipeline}-alerts", alerts, self.settings.alerts_a_day, "many-alerts-in-a-day")

    def _service_alarm(self, service: str) -> None:
        running = cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name="RunningTaskCount",
            dimensions_map={"ClusterName": self.settings.prefix, "ServiceName": service},
            period=cdk.Duration.minutes(5),
            statistic="Maximum",
        )
        name = service.removeprefix(f"{self.settings.prefix}-")
        self._alarm(
            f"{name}-down", running, 1, "a-service-that-is-down", below=True, periods=3, missing="BREACHING"
        )

    def _figure(self, name: str, pipeline: str, period: cdk.Duration) -> cloudwatch.Metric:
        assert name in RUN_FIGURES
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"Pipeline": pipeline},
            period=period,
            statistic="Sum",
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        limit: float,
        runbook: str,
        *,
        below: bool = False,
        periods: int = 1,
        missing: str = "NOT_BREACHING",
    ) -> None:
        compare = cloudwatch.ComparisonOperator
        alarm = cloudwatch.Alarm(
            self,
            f"Alarm-{name}",
            alarm_name=f"{self.settings.prefix}-{name}",
            alarm_description=f"{RUNBOOKS}#{runbook}",
            metric=metric,
            threshold=limit,
            evaluation_periods=periods,
            comparison_operator=compare.LESS_THAN_THRESHOLD
            if below
            else compare.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=getattr(cloudwatch.TreatMissingData, missing),
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))

    def _budget(self) -> None:
        """Tell of spend that is above the budget, or will be."""
        subscriber = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=self._topic.topic_arn
        )
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.settings.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=self.settings.budget, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:workbench:environment${self.settings.name}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN", notification_type=kind, threshold=share, threshold_type="PERCENTAGE"
                    ),
                    subscribers=[subscriber],
                )
                for kind, share in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )  # fmt: skip
