"""Messages: the queue, its dead letters, what events couldn't deliver, and the topic of alerts."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.environment import Environment
from infra.stacks.part import Part

DELIVERIES = 5
LANDED = "landed"
"""The rule that tells the function of what landed."""


class Queue(Part):
    """The queue and the topic."""

    def __init__(self, scope: Construct, *, environment: Environment, key: kms.IKey) -> None:
        super().__init__(
            scope, environment=environment, description="The queue, its dead letters, the topic of alerts"
        )
        key = self.known(key)
        common = {
            "encryption": sqs.QueueEncryption.KMS,
            "encryption_master_key": key,
            "data_key_reuse": cdk.Duration.hours(1),
            "enforce_ssl": True,
            "retention_period": cdk.Duration.days(14),
        }
        self.dead = sqs.Queue(self, "Dead", queue_name=f"{environment.prefix}-dead", **common)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=environment.prefix,
            # As long as a worker's messages are its own between two heartbeats.
            visibility_timeout=cdk.Duration.seconds(60),
            receive_message_wait_time=cdk.Duration.seconds(20),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=DELIVERIES),
            **common,
        )
        self.undelivered = sqs.Queue(
            self, "Undelivered", queue_name=f"{environment.prefix}-undelivered", **common
        )
        self.alerts = sns.Topic(
            self, "Alerts", topic_name=f"{environment.prefix}-alerts", master_key=key, enforce_ssl=True
        )
        if environment.mail:
            self.alerts.add_subscription(subscriptions.EmailSubscription(environment.mail))
