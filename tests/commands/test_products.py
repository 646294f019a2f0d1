"""What people decide about products holds, until it is undone, however often everything is built whole."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.commands.test_warehouse import Call
from tests.etl.test_products import catalogue, land, listed, sold
from workbench import transform
from workbench.errors import UsageError
from workbench.etl.members.decisions import decide, review, standing, undo
from workbench.etl.members.hierarchy import check_hierarchy, misplaced
from workbench.etl.products import classify_products
from workbench.etl.report import how_many_misplaced
from workbench.warehouse import Warehouse


def run(warehouse: Warehouse) -> tuple[Any, ...]:
    """Do what the stage does; return what the dimension says of product x."""
    classify_products(warehouse)
    transform.build("products")
    (row,) = warehouse.query(
        "SELECT category, department, category_source, category_confidence FROM core.dim_product WHERE product_id = 'x'"
    ).to_pylist()
    return tuple(row.values())


def test_a_decision_is_followed_by_every_run_until_it_is_undone(
    either: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = listed("x", description="zither strings", manufacturer_id="Z")
    land(either, "products", [*catalogue(150), odd, listed("bare")])
    land(either, "transactions", [sold("x", 0, "1"), sold("x", 1, "2"), sold("bare", 1, "3")])
    assert run(either) == (None, None, "none", None)
    transform.build("transactions", "marts")
    listed_first = review(either)
    assert list(listed_first["product_id"]) == ["x", "bare"] and list(listed_first["lines"]) == [2, 1]
    assert listed_first["suggested_confidence"][0] < 0.7 and listed_first["suggested_category"][0]
    with pytest.raises(UsageError, match="--new makes one"):
        decide(either, "x", "BRED")
    with pytest.raises(UsageError, match="the feed of products says"):
        decide(either, "000", "BREAD")
    with pytest.raises(UsageError, match="no product 'y'"):
        decide(either, "y", "BREAD")
    decide(either, "x", "BREAD", note="to be sure", actor="ann")
    assert list(review(either)["product_id"]) == ["bare"]
    decided = ("BREAD", "BAKERY", "decided", 1.0)
    assert run(either) == decided and run(either) == decided
    with monkeypatch.context() as patch:
        patch.setenv("WORKBENCH_FULL", "true")
        assert run(either) == decided
    decide(either, "x", "STRINGS", department="MUSIC", actor="bob", is_new=True)
    assert [(each.category, each.decided_by) for each in standing(either)] == [("STRINGS", "bob")]
    assert run(either) == ("STRINGS", "MUSIC", "decided", 1.0)
    undo(either, "x")
    assert run(either) == (None, None, "none", None) and standing(either) == []
    with pytest.raises(UsageError, match="no decision stands"):
        undo(either, "x")
    actions = either.query("SELECT action FROM ops.audit_log WHERE object = 'x'").to_pylist()
    assert len(actions) == 3


def test_the_feed_has_the_last_word(warehouse: Warehouse) -> None:
    land(warehouse, "products", [*catalogue(60), listed("x", description="zither")])
    run(warehouse)
    decide(warehouse, "x", "BREAD")
    assert run(warehouse)[0] == "BREAD"
    later = {"_batch_id": "b2", "_ingested_at": datetime(2024, 7, 2)}
    land(warehouse, "products", [listed("x", 9, description="zither", category="CHEESE") | later])
    classify_products(warehouse)
    (row,) = warehouse.rows(
        "SELECT category, category_source FROM staging.product_category WHERE product_id = 'x'"
    )
    assert (row["category"], row["category_source"]) == ("CHEESE", "feed")


def test_the_commands_list_decide_and_undo(call: Call, warehouse: Warehouse) -> None:
    land(warehouse, "products", [*catalogue(60), listed("x", description="zither")])
    run(warehouse)
    assert "zither" in call("products", "review").out
    assert "x is BREAD from the next run on" in call("products", "decide", "x", "--category", "BREAD").out
    assert "BREAD" in call("products", "decisions").out
    refused = call("products", "decide", "x", "--category", "BRED")
    assert refused.status == 2 and "BREAD" in refused.err
    assert "x is what the model says" in call("products", "undo", "x").out
    assert "Nothing was decided" in call("products", "decisions").out


def test_what_is_wrong_with_the_hierarchy_is_listed_with_its_reason(warehouse: Warehouse, call: Call) -> None:
    places = {
        "a": ("GROCERY", "DAIRY", "MILK"),
        "b": ("Grocery ", "DAIRY", "CREAM"),
        "c": ("SNACKS", "CHIPS", None),
        "d": ("CHIPS", "SNACKS", None),
        "e": ("PHOTO", "PHOTO", None),
        "f": ("GARDEN", None, "ROSES"),
        "g": (None, "LAMPS", None),
        "h": ("DELI", "MILK", None),
        "i": ("BAKERY", "BREAD", None),
        "j": ("DELI", "BREAD", None),
    }
    names = ("department", "category", "subcategory")
    land(
        warehouse,
        "products",
        [listed(key, **dict(zip(names, place, strict=True))) for key, place in places.items()],
    )
    run_all(warehouse)
    found = [(row["fault"], row["level"], row["name"], row["paths"], row["products"]) for row in shown(call)]
    assert found == [
        ("orphan", "category", "lamps", ["? > LAMPS"], 1),
        ("orphan", "subcategory", "roses", ["GARDEN > ? > ROSES"], 1),
        ("own_parent", "category", "photo", ["PHOTO > PHOTO"], 1),
        ("circle", "", "chips and snacks", ["CHIPS > SNACKS", "SNACKS > CHIPS"], 2),
        ("spelling", "department", "grocery", ["GROCERY", "Grocery "], 2),
        ("two_places", "category", "bread", ["BAKERY > BREAD", "DELI > BREAD"], 2),
    ]  # fmt: skip
    nodes = {row["node_id"] for row in warehouse.rows("SELECT node_id FROM core.product_hierarchy")}
    assert "GARDEN" in nodes and not any("ROSES" in node or "LAMPS" in node for node in nodes)
    told = call("products", "hierarchy")
    assert told[0] == 0 and "orphan: names a level without the one above it" in told[1]


def test_what_has_no_place_is_an_alert_until_it_is_mended(either: Warehouse) -> None:
    def land_one(
        key: str, day: int, department: str | None, category: str | None, subcategory: str | None
    ) -> None:
        entry = listed(key, day, department=department, category=category, subcategory=subcategory)
        land(either, "products", [entry | {"_ingested_at": datetime(2024, 7, day)}])

    def check(run: str) -> list[tuple[Any, ...]]:
        """What is kept of a run, and how many of the alerts are open."""
        transform.build("products")
        check_hierarchy(either, run)
        kept = either.rows(
            "SELECT check_name, status, failures FROM ops.quality_results WHERE run_id = ? ORDER BY 1", [run]
        )
        raised = either.rows("SELECT is_open FROM ops.alerts WHERE kind = 'quality'")
        return [*(tuple(row.values()) for row in kept), (sum(row["is_open"] for row in raised), len(raised))]

    land_one("a", 1, "GARDEN", None, "ROSES")
    land_one("b", 1, "PHOTO", "PHOTO", "FILM")
    assert check("1") == [("hierarchy_circle", "pass", 0), ("hierarchy_orphan", "warn", 1), (1, 1)]
    (alert,) = either.rows("SELECT severity, message FROM ops.alerts")
    assert alert["severity"] == "warning" and "GARDEN > ? > ROSES" in alert["message"]
    # Nothing is new, so nothing is looked at; then more of the same is new, and is one alert still.
    assert check("2") == [(1, 1)] and check_hierarchy(either) is None
    land_one("c", 2, None, "LAMPS", None)
    assert check("3") == [("hierarchy_circle", "pass", 0), ("hierarchy_orphan", "warn", 2), (1, 1)]
    for number in range(8):
        land_one(f"flood {number}", 3, "GARDEN", None, "SEEDS")
    assert check("flood")[-1] == (2, 2)
    for number in range(8):
        land_one(f"flood {number}", 4, "GARDEN", "SEEDS", None)
    assert check("ebb")[-1] == (2, 2)
    assert list(misplaced(either)["where"]) == ["? > LAMPS", "GARDEN > ? > ROSES"]
    land_one("a", 5, "GARDEN", "FLOWERS", "ROSES")
    land_one("c", 5, "LIGHT", "LAMPS", None)
    assert check("4") == [("hierarchy_circle", "pass", 0), ("hierarchy_orphan", "pass", 0), (0, 2)]
    assert how_many_misplaced(misplaced(either)).text == "None."
    land_one("c", 6, None, "LAMPS", None)
    land_one("d", 6, "FLOWERS", "GARDEN", None)
    assert check("5") == [("hierarchy_circle", "warn", 2), ("hierarchy_orphan", "warn", 1), (2, 4)]
    told = how_many_misplaced(misplaced(either)).text
    assert told.startswith("orphan: 1 (products: 1); circle: 1 (products: 2). ")


def shown(call: Call) -> Any:
    """What the command lists, as JSON."""
    code, out, _ = call("products", "hierarchy", "--json")
    assert code == 0
    return json.loads(out)


def run_all(warehouse: Warehouse) -> None:
    """Do what the stage does."""
    classify_products(warehouse)
    transform.build("products")
