"""Pairs that may be one person are listed and decided upon from the command line."""

from __future__ import annotations

import json

import pandas as pd

from tests.commands.test_warehouse import Call
from tests.etl.test_customers import entry
from workbench.etl.customers import identify_people, standardize_customers
from workbench.schema import dataset
from workbench.warehouse import Warehouse


def test_an_uncertain_pair_is_reviewed_decided_and_undone(call: Call, either: Warehouse) -> None:
    warehouse = either

    def said(*arguments: str) -> str:
        answer = call("customers", *arguments)
        assert answer.status == 0, answer.err
        return answer.out

    john = {
        "first_name": "Johannes",
        "last_name": "Smithson",
        "postal_code": "10001",
        "national_id": "SECRET77",
    }
    rows = [
        entry("a", **john | {"national_id": None}),
        entry("b", **john, city="Elsewhere"),
        entry("c", first_name="Zoe"),
    ]
    warehouse.append("raw.customers", pd.DataFrame(rows, columns=list(dataset("customers").column_names)))
    standardize_customers(warehouse)
    identify_people(warehouse)
    assert "Johannes, Smithson" in said("review") and "SECRET77" not in said("review", "--json")
    (pair,) = json.loads(said("review", "--json"))
    assert (pair["customer_id_l"], pair["customer_id_r"]) == ("a", "b")
    assert "same" in said("same", "b", "a", "--note", "twins no", "--by", "me")
    assert "Nothing is left" in said("review")
    identify_people(warehouse)
    assert "merged" in said("changes")
    (one,) = json.loads(said("decisions", "--json"))
    assert (one["verdict"], one["decided_by"], one["note"]) == ("same", "me", "twins no")
    said("undo", "a", "b")
    assert "Nothing was decided" in said("decisions")
    for wrong in (("same", "a", "nobody"), ("same", "a", "a"), ("undo", "a", "b")):
        answer = call("customers", *wrong)
        assert answer.status == 2 and answer.err
