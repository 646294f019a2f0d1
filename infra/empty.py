"""Empties the buckets of an environment that go with its stacks: CloudFormation deletes none that has something in it.

``python -m infra.empty ENV``. It names the buckets, and wants the environment's name before it deletes anything. What a
template retains is left as it is.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from infra.environment import SIZES
from workbench.boto import aws_errors, client
from workbench.errors import UsageError, WorkFailed


def _client(service: str) -> Any:
    # The CDK's own command line goes by this variable, of which boto3 knows nothing.
    return client(service, region=os.environ.get("AWS_REGION"))


def doomed(name: str) -> list[str]:
    """Return the buckets of an environment's stacks that are deleted with them, in whatever state a stack is.

    Raises:
        WorkFailed: AWS refuses, or can't be reached.
    """
    formation = _client("cloudformation")
    found = []
    with aws_errors(f"the stacks of {name}"):
        for page in formation.get_paginator("list_stacks").paginate():
            for stack in page["StackSummaries"]:
                # One that is gone is listed for months.
                if (
                    stack["StackName"].startswith(f"workbench-{name}-")
                    and stack["StackStatus"] != "DELETE_COMPLETE"
                ):
                    found += _of(formation, stack["StackName"])
    return found


def _of(formation: Any, stack: str) -> list[str]:
    template = formation.get_template(StackName=stack)["TemplateBody"]
    kept = {name for name, each in template["Resources"].items() if each.get("DeletionPolicy") != "Delete"}
    return [
        each["PhysicalResourceId"]
        for each in formation.describe_stack_resources(StackName=stack)["StackResources"]
        if each["ResourceType"] == "AWS::S3::Bucket"
        and each["LogicalResourceId"] not in kept
        # What was never made, or is gone since, has nothing in it.
        and each.get("PhysicalResourceId")
        and each["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def empty(bucket: str) -> int:
    """Delete all versions of all objects of a bucket; return how many.

    Raises:
        WorkFailed: S3 refuses to delete one, or can't be reached.
    """
    s3, gone = _client("s3"), 0
    with aws_errors(f"emptying {bucket}"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            wanted = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            if not wanted:
                continue
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
            for refused in answer.get("Errors", ()):
                raise WorkFailed(
                    f"emptying {bucket}: {refused.get('Key')}: {refused.get('Code')}: {refused.get('Message')}"
                )
            gone += len(wanted)
    return gone


def confirm(name: str, buckets: list[str]) -> None:
    """Ask whether all that is in some buckets is to be deleted.

    Raises:
        UsageError: the answer isn't the environment's name.
    """
    print(f"All objects in these buckets of {name} will be deleted, in all their versions:")
    print(*(f"  {bucket}" for bucket in buckets), sep="\n")
    print(f"Type {name} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != name:
        raise UsageError(f"nothing was deleted; who means it answers {name}")


def main(arguments: list[str]) -> int:
    """Empty the buckets."""
    if len(arguments) != 1 or arguments[0] not in SIZES:
        print(f"infra: which environment? {', '.join(SIZES)}", file=sys.stderr)
        return 2
    try:
        if buckets := doomed(arguments[0]):
            confirm(arguments[0], buckets)
        for bucket in buckets:
            print(f"{bucket}: {empty(bucket)} objects deleted")
    except (UsageError, WorkFailed) as problem:
        print(f"infra: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
