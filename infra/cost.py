"""What an environment costs a month at most by its templates, before what is paid by use: requests, bytes, stages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

PRICES = Path(__file__).with_name("prices.yaml")
TOLERANCE = 0.10


def prices() -> dict[str, Any]:
    """Return the table of prices, in US dollars."""
    return dict(yaml.safe_load(PRICES.read_text()))


def monthly(templates: Iterable[Mapping[str, Any]], table: Mapping[str, Any]) -> dict[str, float]:
    """Return US dollars a month by type of resource; of Redshift Serverless what its limit allows."""
    found: Counter[str] = Counter()
    for template in templates:
        resources = template.get("Resources", {})
        for resource in resources.values():
            found[resource["Type"]] += _of(resource, resources, table)
    return {kind: round(cost, 2) for kind, cost in sorted(found.items()) if cost}


def _of(resource: Mapping[str, Any], resources: Mapping[str, Any], table: Mapping[str, Any]) -> float:
    kind, properties, hours = resource["Type"], resource.get("Properties", {}), table["hours"]
    if kind in table["each_month"]:
        return float(table["each_month"][kind])
    if kind in table["each_hour"]:
        return float(table["each_hour"][kind] * hours)
    if kind == "AWS::ECS::Service":
        task = resources[properties["TaskDefinition"]["Ref"]]["Properties"]
        fargate = table["fargate"]
        one = (
            int(task["Cpu"]) / 1024 * fargate["vcpu"]
            + int(task["Memory"]) / 1024 * fargate["gigabyte"]
            + max(0, task["EphemeralStorage"]["SizeInGiB"] - fargate["disk_included"]) * fargate["disk"]
        )
        return float(one * hours * _most(properties, resources))
    if kind == "AWS::RDS::DBInstance":
        price = table["database"][properties["DBInstanceClass"].removeprefix("db.")] * hours
        price += int(properties["AllocatedStorage"]) * table["database"]["gigabyte"]
        return float(price * (2 if properties.get("MultiAZ") else 1))
    if kind == "AWS::Redshift::Cluster":
        return float(table["redshift"][properties["NodeType"]] * hours * properties["NumberOfNodes"])
    if kind == "Custom::AWS":
        return _limit(properties) * float(table["redshift"]["rpu"])
    return 0.0


def _most(service: Mapping[str, Any], resources: Mapping[str, Any]) -> int:
    """Return how many tasks a service may have: as many as it may grow to, where it grows."""
    grown = [
        int(each["Properties"]["MaxCapacity"])
        for each in resources.values()
        if each["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget"
        and each["Properties"]["ResourceId"].endswith(f"/{service['ServiceName']}")
    ]
    return max([int(service["DesiredCount"]), *grown])


def _limit(properties: Mapping[str, Any]) -> float:
    """Return the RPU-hours of a month that a limit allows; its call is a text of JSON with references in it."""
    create = properties["Create"]
    parts = create["Fn::Join"][1] if isinstance(create, dict) else [create]
    text = "".join(part if isinstance(part, str) else "x" for part in parts)
    parameters = json.loads(text)["parameters"]
    return float(parameters.get("amount", 0)) if parameters.get("usageType") == "serverless-compute" else 0.0


def risen(costs: Mapping[str, float], agreed: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return what costs over a tenth more than was agreed to, with both figures; ``total`` is all together."""
    now = {**costs, "total": round(sum(costs.values()), 2)}
    return {
        kind: (agreed.get(kind, 0.0), cost)
        for kind, cost in now.items()
        if cost > agreed.get(kind, 0.0) * (1 + TOLERANCE)
    }
