"""Deploys synthesised stacks on the local AWS: assets, then stack by stack, as the CDK's own command line would.

moto's CloudFormation doesn't know every type of resource. Those it has no model for are left out of a template, and a
reference to one becomes a text that names it; what was left out is told, so that nothing is taken for tried that wasn't.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from workbench import __version__
from workbench.aws.local.process import REGION

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "/local/powertools"
# Properties that moto 5.2.5 stumbles over where it makes a resource from a template.
STUMBLES = {"AWS::KMS::Key": ("Tags",)}


@dataclass
class Deployed:
    """What came of it: resources by type that are there, and that were left out; outputs by stack."""

    there: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    templates: dict[str, Any] = field(default_factory=dict)

    def name(self, part: str, kind: str, logical: str = "") -> str:
        """Return the physical name of the one resource of a type in a part, whose logical name begins so."""
        (found,) = [
            physical
            for (stack, own), physical in self.names.items()
            if stack.endswith(f"-{part}")
            and own.startswith(logical)
            and self.templates[stack]["Resources"][own]["Type"] == kind
        ]
        return found


def deploy(folder: Path, variables: Mapping[str, str]) -> Deployed:
    """Deploy the stacks of an assembly in their order, with some variables of all containers as they are here.

    The images are there as soon as their repositories are, as the first deployment goes; and of a bucket's
    notifications, which moto's CloudFormation leaves out, S3 is told as the template has them.
    """
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    account = boto3.client("sts").get_caller_identity()["Account"]
    bucket = f"cdk-hnb659fds-assets-{account}-{REGION}"
    s3, ssm, formation = (boto3.client(name) for name in ("s3", "ssm", "cloudformation"))
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    layer = f"arn:aws:lambda:{REGION}:{account}:layer:powertools:1"
    ssm.put_parameter(Name=LAYER, Value=layer, Type="String")
    deployed = Deployed()
    for stack in _in_order(artifacts):
        template = json.loads((folder / artifacts[stack]["properties"]["templateFile"]).read_text())
        deployed.templates[stack] = template
        for key, content in _assets(folder, stack):
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        known, gone = reduced(template)
        _localise(known, variables)
        deployed.left_out.update(gone.values())
        if not known["Resources"]:
            continue
        known.get("Parameters", {}).pop("BootstrapVersion", None)
        for parameter in known.get("Parameters", {}).values():
            # AWS's own parameters aren't there; moto looks for the one by default, whatever is given.
            parameter["Default"] = LAYER
        formation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(known),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        for each in formation.describe_stack_resources(StackName=stack)["StackResources"]:
            assert each["ResourceStatus"] == "CREATE_COMPLETE", each
            deployed.there[each["ResourceType"]] += 1
            deployed.names[stack, each["LogicalResourceId"]] = each.get("PhysicalResourceId", "")
        assert {own for name, own in deployed.names if name == stack} == set(known["Resources"]), stack
        _complete(stack, template, deployed)
    return deployed


def _localise(template: dict[str, Any], variables: Mapping[str, str]) -> None:
    """Set variables of the containers: there is neither a Redshift nor a network of the environment's own here."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            for container in resource["Properties"]["ContainerDefinitions"]:
                given = {each["Name"]: each["Value"] for each in container.get("Environment", [])}
                given |= variables
                container["Environment"] = [{"Name": name, "Value": value} for name, value in given.items()]


def _complete(stack: str, template: dict[str, Any], deployed: Deployed) -> None:
    """Push images to new repositories, and have buckets tell of their objects."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ECR::Repository":
            boto3.client("ecr").put_image(
                repositoryName=resource["Properties"]["RepositoryName"],
                imageManifest=json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}),
                imageManifestMediaType=MANIFEST,
                imageTag=__version__,
            )
        notices = resource.get("Properties", {}).get("NotificationConfiguration", {})
        if notices.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled"):
            boto3.client("s3").put_bucket_notification_configuration(
                Bucket=deployed.names[stack, name], NotificationConfiguration={"EventBridgeConfiguration": {}}
            )


def reduced(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a template without what moto has no model for, and the types of that by logical name."""
    types = {name: each["Type"] for name, each in template.get("Resources", {}).items()}
    gone = {name: kind for name, kind in types.items() if kind not in _models()}

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get("Ref") in gone:
            return f"arn:aws:left-out:::{value['Ref']}"
        attribute = value.get("Fn::GetAtt")
        if isinstance(attribute, list) and attribute[0] in gone:
            return f"arn:aws:left-out:::{attribute[0]}"
        return {name: without(each) for name, each in value.items()}

    rest = {name: without(each) for name, each in template.get("Resources", {}).items() if name not in gone}
    for each in rest.values():
        for name in STUMBLES.get(each["Type"], ()):
            each.get("Properties", {}).pop(name, None)
        after = each.pop("DependsOn", [])
        each["DependsOn"] = [
            name for name in ([after] if isinstance(after, str) else after) if name not in gone
        ]
    return {**without({**template, "Resources": {}}), "Resources": rest}, gone


def _models() -> set[str]:
    import moto.backends  # noqa: F401  its models make themselves known as they are imported
    from moto.cloudformation.parsing import get_model_map

    return set(get_model_map())


def _in_order(artifacts: dict[str, Any]) -> Iterator[str]:
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        artifact = artifacts[name]
        if name in done or artifact["type"] != "aws:cloudformation:stack":
            return
        done.add(name)
        for before in artifact.get("dependencies", ()):
            yield from visit(before)
        yield name

    for name in artifacts:
        yield from visit(name)


def _assets(folder: Path, stack: str) -> Iterator[tuple[str, bytes]]:
    for asset in json.loads((folder / f"{stack}.assets.json").read_text())["files"].values():
        source = folder / asset["source"]["path"]
        content = _zip(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        for destination in asset["destinations"].values():
            yield destination["objectKey"], content


def _zip(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return content.getvalue()
