"""What the environments cost a month, and that a rise is told."""

from __future__ import annotations

import copy

from infra.cost import monthly, prices, risen
from tests.infra.conftest import Assembly
from tests.project import ROOT


def test_no_environment_costs_a_tenth_more_than_was_agreed_to(each: Assembly) -> None:
    table = prices()
    costs = monthly(each.templates.values(), table)
    assert risen(costs, table["agreed"][each.env]) == {}
    assert set(table["agreed"][each.env]) == {*costs, "total"}
    page = (ROOT / "docs/operations/deploy.md").read_text()
    assert f"| {each.env} | {round(table['agreed'][each.env]['total']):,} |" in page


def test_workers_are_counted_as_many_as_there_may_be_with_their_disks(dev: Assembly) -> None:
    table = prices()
    template = copy.deepcopy(dev.templates["compute"])
    (target,) = (
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget"
    )
    costs = {}
    for workers in (1, 2):
        target["MaxCapacity"] = workers
        costs[workers] = monthly([template], table)["AWS::ECS::Service"]
    hour = 0.04048 + 2 * 0.004445 + 30 * 0.000111
    assert costs == {workers: round(workers * 730 * hour, 2) for workers in (1, 2)}


def test_a_rise_is_named(dev: Assembly) -> None:
    table = prices()
    more = copy.deepcopy(dev.templates)
    gateway = next(
        each for each in more["network"]["Resources"].values() if each["Type"] == "AWS::EC2::NatGateway"
    )
    more["network"]["Resources"]["Another"] = gateway
    before = table["agreed"]["dev"]["AWS::EC2::NatGateway"]
    found = risen(monthly(more.values(), table), table["agreed"]["dev"])
    assert found["AWS::EC2::NatGateway"] == (before, 2 * before)
