"""Empties the buckets of an environment that go with its stacks: CloudFormation deletes none that has something in it.

``python -m infra.empty ENV``. What a template retains is left as it is.
"""

from __future__ import annotations

import sys
from typing import Any

from infra.environment import SIZES


def doomed(name: str) -> list[str]:
    """Return the buckets of an environment's stacks that are deleted with them."""
    import boto3

    formation = boto3.client("cloudformation")
    found = []
    for page in formation.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]):  # fmt: skip
        for stack in page["StackSummaries"]:
            if not stack["StackName"].startswith(f"workbench-{name}-"):
                continue
            kept = _kept(formation, stack["StackName"])
            resources = formation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
            found += [
                each["PhysicalResourceId"]
                for each in resources
                if each["ResourceType"] == "AWS::S3::Bucket" and each["LogicalResourceId"] not in kept
            ]
    return found


def _kept(formation: Any, stack: str) -> set[str]:
    template = formation.get_template(StackName=stack)["TemplateBody"]
    return {name for name, each in template["Resources"].items() if each.get("DeletionPolicy") != "Delete"}


def empty(bucket: str) -> int:
    """Delete all versions of all objects of a bucket; return how many."""
    import boto3

    s3, gone = boto3.client("s3"), 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        wanted = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        if wanted:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
            gone += len(wanted)
    return gone


def main(arguments: list[str]) -> int:
    """Empty the buckets."""
    if len(arguments) != 1 or arguments[0] not in SIZES:
        print(f"infra: which environment? {', '.join(SIZES)}", file=sys.stderr)
        return 2
    for bucket in doomed(arguments[0]):
        print(f"{bucket}: {empty(bucket)} objects deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
