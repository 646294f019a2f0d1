"""Roles of people: who reads data, and who keeps the platform running."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.environment import Environment
from infra.stacks.part import Part


class Access(Part):
    """Roles that this account's users take with a second factor; what they may is in ``infra.grants``."""

    def __init__(self, scope: Construct, *, environment: Environment) -> None:
        super().__init__(scope, environment=environment, description="Roles of people")
        self.analyst = self._role("Analyst", "Reads the lake and the reports")
        self.operator = self._role("Operator", "Looks after messages, runs and services")

    def _role(self, name: str, description: str) -> iam.Role:
        return iam.Role(
            self,
            name,
            role_name=self.settings.family(name.lower()),
            description=description,
            assumed_by=iam.AccountPrincipal(self.account).with_conditions(
                {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
            ),
        )
