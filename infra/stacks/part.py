"""What all stacks have in common."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.environment import Environment


class Part(cdk.Stack):
    """A stack of an environment, named after its class: ``workbench-dev-storage``."""

    def __init__(self, scope: Construct, *, environment: Environment, description: str) -> None:
        self.part = type(self).__name__.lower()
        super().__init__(
            scope,
            f"{environment.prefix}-{self.part}",
            description=description,
            termination_protection=environment.retain,
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        self.settings = environment
        cdk.Tags.of(self).add("workbench:environment", environment.name)
        cdk.Tags.of(self).add("workbench:part", self.part)

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What becomes of data when a stack is deleted."""
        return cdk.RemovalPolicy.RETAIN if self.settings.retain else cdk.RemovalPolicy.DESTROY

    def known(self, key: kms.IKey) -> kms.IKey:
        """Return the key as one that is only used here: its own policy, in the stack below, stays as it is."""
        return kms.Key.from_key_arn(self, "Known", key.key_arn)

    def log_group(self, name: str, *, key: kms.IKey, path: str = "") -> logs.LogGroup:
        """Make the log group of a part, which keeps its lines as long as the environment says."""
        return logs.LogGroup(
            self,
            f"{name}Log",
            log_group_name=path or self.settings.log_group(name.lower()),
            retention=getattr(logs.RetentionDays, _DAYS[self.settings.log_days]),
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )


_DAYS = {30: "ONE_MONTH", 90: "THREE_MONTHS", 365: "ONE_YEAR"}
