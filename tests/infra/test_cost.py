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
