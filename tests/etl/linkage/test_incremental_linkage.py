"""Whatever is delivered, withdrawn and decided, in any order: who is who is what comparing everybody by the same weights says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.transform.landing import entry, rows
from workbench.errors import UsageError
from workbench.etl.customers import identify_people, standardize_customers
from workbench.etl.linkage import candidates, decisions, estimates
from workbench.etl.linkage.keys import match_keys, table_of
from workbench.etl.linkage.link import identities, link
from workbench.etl.members import entries
from workbench.governance.withdrawal import restore, withdraw
from workbench.schema import table
from workbench.warehouse import Warehouse, connect

EXAMPLES = int(os.environ.get("WORKBENCH_SEQUENCES", "2"))
"""How many sequences are tried; `make soak` tries 200."""

_NAMES = ["Ann", "Anne", "William", "Bill", "Zoe", "Mia", "Noor", "Olaf"]
_FAMILIES = ["Lee", "Leigh", "Poe", "Okafor", "Smith", "Roe"]
_STREETS = ["1 Elm St", "2 Oak Rd", "3 Far Ln", "4 Hill Ct"]
_CUSTOMER = st.fixed_dictionaries(
    {
        "customer_id": st.integers(0, 60).map("C{:03}".format),
        "updated_at": st.integers(1, 3).map("2024-01-{:02}".format),
        "first_name": st.sampled_from(_NAMES),
        "last_name": st.sampled_from(_FAMILIES),
        "is_deleted": st.sampled_from([False] * 9 + [True]),
    },
    optional={
        "email": st.integers(0, 25).map("m{}@example.com".format),
        "phone": st.integers(0, 9).map("(212) 555-01{:02}".format),
        "street": st.sampled_from(_STREETS),
        "postal_code": st.sampled_from(["10001", "10002", "94105"]),
        "birth_date": st.integers(1, 9).map("1970-01-{:02}".format),
    },
)
_STEP = st.one_of(
    st.tuples(st.just("land"), st.lists(_CUSTOMER, min_size=1, max_size=8)),
    st.tuples(st.just("move"), st.integers(0, 9)),
    st.tuples(
        st.just("decide"),
        st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from(decisions.VERDICTS)),
    ),
)
_FIRST = [
    {
        "customer_id": f"C{n:03}", "updated_at": "2024-01-02", "first_name": _NAMES[n % 8],
        "last_name": _FAMILIES[n * n % 6], "email": f"m{n % 23}@example.com", "street": _STREETS[n % 4],
        "postal_code": ["10001", "10002", "94105"][n % 3], "birth_date": f"1970-01-0{n % 9 + 1}",
    }
    for n in range(50)
]  # fmt: skip

_FRESH = [one | {"customer_id": f"N{n}", "email": "m3@example.com"} for n, one in enumerate(_FIRST[:12])]
TURNING: list[tuple[str, Any]] = [
    ("land", _FRESH), ("decide", (1, 2, "same")),
    ("land", [_FRESH[0] | {"updated_at": "2024-01-03", "email": "m9@example.com"}]),
    ("move", 1), ("decide", (1, 2, "undone")),
]  # fmt: skip
"""An address comes to be nobody's and a block too large, and both are what they were when the batch is withdrawn."""


def land(warehouse: Warehouse, batch: int, values: list[dict[str, Any]]) -> None:
    landed = rows("customers", batch, values)
    warehouse.append("raw.customers", landed)
    warehouse.execute(*entry(landed, "customers"))


def apply(warehouse: Warehouse, number: int, what: str, value: Any) -> None:
    """Do one step of a sequence; what people may not do is refused, and changes nothing."""
    if what == "land":
        land(warehouse, number, value)
    elif what == "move":
        batches = warehouse.rows("SELECT batch_id, withdrawn_at FROM ops.batches ORDER BY ingested_at")
        batch = batches[value % len(batches)]
        (restore if batch["withdrawn_at"] else withdraw)(warehouse, batch["batch_id"], "a trial", "me")
    else:
        one, other, verdict = value
        try:
            decisions.decide(warehouse, f"C{one:03}", f"C{other:03}", verdict)
        except UsageError:
            return


def sorted_rows(found: Any) -> list[Any]:
    return sorted((tuple(row.values()) for row in found.to_pylist()), key=repr)


def stored(warehouse: Warehouse, name: str) -> list[Any]:
    columns = ", ".join(table(name).column_names)
    return sorted_rows(warehouse.query(f"SELECT {columns} FROM {name}", unload=False))


def hold_to_a_whole_linkage(warehouse: Warehouse) -> None:
    """Compare all tables of the linkage with what linking everybody gives, by the weights in use."""
    whole = entries.standard_form(entries.landed(warehouse))
    columns = list(table("staging.customer_standard").column_names)
    assert stored(warehouse, "staging.customer_standard") == sorted_rows(whole.select(columns))
    keys = table_of(match_keys(whole.to_pandas().astype(object)))
    kept = estimates.Estimates(warehouse, [], "")
    (last,) = warehouse.rows("SELECT model FROM ops.linkage_estimates ORDER BY version DESC LIMIT 1")
    kept.model = estimates.Model.from_json(last["model"])
    linked = link(keys, *decisions.known_pairs(warehouse), kept.kept(warehouse))
    since = {
        row["customer_id"]: row["since"]
        for row in warehouse.rows("SELECT customer_id, min(_ingested_at) AS since FROM raw.customers GROUP BY customer_id")
    }  # fmt: skip
    known = {name: since[name] for name in keys["customer_id"].to_pylist()}
    links = sorted(linked.links.itertuples(index=False, name=None), key=repr)
    rules = sorted(linked.rules.itertuples(index=False, name=None), key=repr)
    assert stored(warehouse, "staging.customer_keys") == sorted_rows(keys)
    assert stored(warehouse, "staging.linkage_limits") == sorted_rows(linked.limits)
    assert stored(warehouse, "staging.customer_pairs") == links
    assert stored(warehouse, "staging.linkage_rules") == rules
    identity = identities(known, linked.links, linked.people)
    assert stored(warehouse, "staging.customer_identity") == sorted_rows(identity)
    # Whoever was there before and is somebody else's now was noted; the newest note says whose.
    person = {row[0]: row[1] for row in sorted_rows(identity)}
    noted = warehouse.rows("SELECT customer_id, person_now FROM ops.identity_changes ORDER BY changed_at")
    newest = {row["customer_id"]: row["person_now"] for row in noted}
    assert {name: person[name] for name in newest if name in person} == {
        name: now for name, now in newest.items() if name in person
    }


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a handful of customers reaches, and weights that stay."""
    monkeypatch.setattr(candidates, "LARGEST_BLOCK", 5)
    monkeypatch.setattr(candidates, "MOST_NAMES", 2)
    monkeypatch.setattr(estimates, "GROWN", 9.0)
    monkeypatch.setattr(estimates, "FEW", 9.0)


@pytest.fixture
def first(small_limits: None, home: Path) -> Iterator[Path]:
    """DuckDB's file with the first customers."""
    warehouse = connect(create=True)
    land(warehouse, 1, _FIRST)
    standardize_customers(warehouse)
    assert identify_people(warehouse).estimated
    warehouse.execute("CHECKPOINT")
    copy = home / "first.duckdb"
    shutil.copy(home / "warehouse.duckdb", copy)
    yield copy


def run(warehouse: Warehouse, sequence: list[tuple[str, Any]]) -> None:
    for number, (what, value) in enumerate(sequence, start=2):
        apply(warehouse, number, what, value)
        if number % 3:
            standardize_customers(warehouse)
            assert identify_people(warehouse).version == 1
    standardize_customers(warehouse)
    identify_people(warehouse)
    hold_to_a_whole_linkage(warehouse)


@settings(max_examples=EXAMPLES)
@given(sequence=st.lists(_STEP, min_size=1, max_size=5))
@example(sequence=TURNING)
@example(sequence=TURNING[:1])
@example(sequence=[("move", 0), ("land", _FIRST[:2]), ("land", _FIRST[2:3])])
def test_new_customers_compared_alone_give_what_comparing_everybody_gives(
    first: Path, sequence: list[tuple[str, Any]]
) -> None:
    home = first.parent
    shutil.rmtree(home / "replica", ignore_errors=True)
    for left in home.glob("warehouse.duckdb*"):
        left.unlink()
    shutil.copy(first, home / "warehouse.duckdb")
    run(connect(), sequence)


@pytest.mark.soak
def test_so_it_is_on_redshift(small_limits: None, redshift_warehouse: Warehouse) -> None:
    land(redshift_warehouse, 1, _FIRST)
    standardize_customers(redshift_warehouse)
    assert identify_people(redshift_warehouse).estimated
    run(redshift_warehouse, TURNING)


def test_weights_are_estimated_anew_when_the_customers_have_grown_and_when_asked(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def linked() -> tuple[int, str, int]:
        standardize_customers(warehouse)
        found = identify_people(warehouse)
        return found.version, found.estimated, found.compared

    land(warehouse, 1, _FIRST[:40])
    version, why, whole = linked()
    assert version == 1 and why and whole
    land(warehouse, 2, _FIRST[40:44])
    version, why, some = linked()
    assert (version, why) == (1, "") and 0 < some < whole
    assert linked() == (1, "", 0)
    land(warehouse, 3, _FIRST[44:50])
    assert linked()[:2] == (2, "there are 50 entries, and there were 40")
    monkeypatch.setenv("WORKBENCH_FULL", "true")
    assert linked()[:2] == (3, "asked for")
    reasons = [
        row["reason"] for row in warehouse.rows("SELECT reason FROM ops.linkage_estimates ORDER BY version")
    ]
    assert len(reasons) == 3 and reasons[1:] == ["there are 50 entries, and there were 40", "asked for"]
