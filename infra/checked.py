"""How each type of resource was checked, as the table of the docs says it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

PAGE = "docs/operations/deploy.md"
_BEGIN, _END = "<!-- checked: begin -->", "<!-- checked: end -->"

RULES = {
    "AWS::ApplicationAutoScaling": False, "AWS::Budgets": False, "AWS::CloudWatch": False, "AWS::DynamoDB": True,
    "AWS::EC2": True, "AWS::ECR": True, "AWS::ECS": True, "AWS::Events": True, "AWS::Glue": True, "AWS::IAM": True,
    "AWS::KMS": True, "AWS::Kinesis": True, "AWS::KinesisFirehose": True, "AWS::Lambda": True, "AWS::Logs": False,
    "AWS::RDS": True, "AWS::Redshift": True, "AWS::RedshiftServerless": False, "AWS::S3": True, "AWS::SNS": True,
    "AWS::SQS": True, "AWS::Scheduler": False, "AWS::SecretsManager": True, "AWS::ServiceDiscovery": False,
    "AWS::StepFunctions": True, "Custom": False,
}  # fmt: skip
"""Services that AWS's Solutions rules have rules for."""


def table(kinds: Iterable[str], deployed: Collection[str]) -> str:
    """Return the table of some types of resources: all are synthesised, and linted.

    Args:
        kinds: types of the resources of all environments.
        deployed: types that were made on the emulator.
    """
    lines = ["| resource | emulator | rules | lint |", "|---|---|---|---|"]
    for kind in sorted(set(kinds)):
        service = kind.rpartition("::")[0]
        marks = [kind in deployed, RULES[service], True]
        lines.append(f"| `{kind}` | {' | '.join('yes' if mark else '' for mark in marks)} |")
    return "\n".join(lines)


def between(page: str) -> str:
    """Return the table of a page."""
    return page.partition(_BEGIN)[2].partition(_END)[0].strip()
