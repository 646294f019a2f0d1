"""``workbench where``, on what was landed, built, corrected, repeated, refused and withdrawn, on either engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.commands.test_warehouse import Call, refused
from tests.redshift import Cluster
from workbench import transform
from workbench.etl.ingest import ingest
from workbench.etl.transactions import alert_missing_rates
from workbench.governance import alerts
from workbench.governance.alerts import Alert
from workbench.governance.withdrawal import withdraw
from workbench.settings import get_settings
from workbench.warehouse import Warehouse, connect

LINE = "transaction_id,line_number,transaction_timestamp,customer_id,product_id,store_id,quantity,unit_price,currency\n"
FILES = {
    "transactions/monday.csv": LINE
    + "T1,1,2024-02-07T10:00:00Z,C1,P1,S1,2,2.50,USD\nT1,2,2024-02-07T10:00:00Z,C1,P1,S1,0,2.50,USD\n"
    + "T11,1,2024-02-07T11:00:00Z,,P1,S1,x,2.50,USD\nT2,1,2024-02-08T10:00:00Z,C2,P2,S1,1,4,GBP\n",
    "transactions/tuesday.csv": LINE + "T1,1,2024-02-07T10:00:00Z,C1,P1,S1,3,2.50,USD\n" * 2,
    "transactions/wrong.csv": LINE + "T1,1,2024-02-07T10:00:00Z,C9,P1,S1,9,9,USD\n",
    "customers/people.csv": "customer_id,updated_at,first_name\nC1,2024-01-01T00:00:00Z,Ann\nC1,2024-02-01T00:00:00Z,Anna\n",
    "events/clicks.csv": "event_id,event_timestamp,event_type,visitor_id,channel\nE1,2024-02-07T10:00:00Z,page_view,V1,web\n"
    "E2,2024-02-07T10:05:00Z,purchase,V1,web\n",
    "measurements/cold.csv": "measurement_id,measured_at,sensor_id,metric,value,unit\nM1,2024-02-07T10:00:00Z,F1,temperature,0,F\n"
    "M2,2024-02-07T10:00:00Z,F1,temperature,3,furlong\n",
    "products/list.csv": "product_id,updated_at,description,department\nP1,2024-01-01T00:00:00Z,Tea,Drinks\n",
}


def fill(warehouse: Warehouse) -> dict[str, str]:
    """Take the files in, build all, and withdraw one since; return the batch of each, by the file's name."""
    found = {}
    for name, content in FILES.items():
        path = get_settings().landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        (batch,) = ingest(warehouse).batches
        found[path.stem] = batch.batch_id
    withdraw(warehouse, found["wrong"], "not ours", "ann")
    transform.build()
    alert_missing_rates(warehouse)
    day = Alert(
        "sales_anomaly", "critical", "Drinks on 2024-02-07", "Drinks sold little", ("2024-02-07", "Drinks")
    )
    other = Alert(
        "sales_anomaly", "critical", "Drinks on 2024-02-08", "another day", ("2024-02-08", "Drinks")
    )
    warehouse.run(lambda session: alerts.put(session, [day, other]))
    return found


@dataclass(frozen=True)
class Filled:
    """The environment of a warehouse on one of the engines, and its batches by their files' names."""

    environment: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("redshift", marks=pytest.mark.soak)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A warehouse that is filled once for all who only read it."""
    environment = {"WORKBENCH_HOME": str(tmp_path_factory.mktemp("where") / "home")}
    with ExitStack() as stack:
        if request.param == "redshift":
            cluster: Cluster = request.getfixturevalue("cluster")
            environment |= cluster.settings(stack.enter_context(cluster.database()))
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("WORKBENCH_WAREHOUSE_URL", raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            ids = fill(connect(create=True))
        yield Filled(environment, ids)


@pytest.fixture
def ids(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The batch of each file in the warehouse that is filled already, which is this test's to read."""
    for name, value in filled.environment.items():
        monkeypatch.setenv(name, value)
    return filled.ids


def ask(call: Call, *asked: str) -> dict[str, Any]:
    answer = call("where", *asked, "--json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def test_a_line_is_followed_from_its_file_to_the_figures(call: Call, ids: dict[str, str]) -> None:
    found = ask(call, "transaction_id=T1")
    (member,) = found["members"]
    assert (member["dataset"], member["key"]) == ("transactions", {"transaction_id": "T1", "line_number": 1})
    lines = [(line["state"], line["_batch_id"], line["_row_number"]) for line in member["lines"]]
    assert lines == [
        ("withdrawn", ids["wrong"], 1), ("current", ids["tuesday"], 2), ("repeat", ids["tuesday"], 1),
        ("superseded", ids["monday"], 1),
    ]  # fmt: skip
    assert float(member["fact"]["quantity"]) == 3 and member["fact"]["_batch_id"] == ids["tuesday"]
    versions = {row["dimension"]: row for row in member["versions"]}
    assert set(versions) == {"core.dim_customer", "core.dim_product", "core.dim_store"}
    assert versions["core.dim_customer"]["first_name"] == "Anna" and versions["core.dim_store"]["is_inferred"]
    assert [(row["period"], row["department"], row["lines"]) for row in member["periods"]] == [
        ("day", "Drinks", 1), ("week", "Drinks", 1), ("month", "Drinks", 1),
    ]  # fmt: skip
    starts = [next(row[name] for name in row if name in STARTS) for row in member["periods"]]
    assert starts == ["2024-02-07", str(date(2024, 2, 5)), "2024-02-01"]
    assert [alert["message"] for alert in member["alerts"]] == ["Drinks sold little"]
    # Of its receipt another line is in quarantine; T11 isn't T1.
    assert [(row["row_number"], row["batch_id"]) for row in found["quarantined"]] == [(2, ids["monday"])]
    assert found["batches"][ids["wrong"]]["withdrawn_by"] == "ann"


def test_an_event_and_a_reading_are_followed_to_their_figures(call: Call, ids: dict[str, str]) -> None:
    (event,) = ask(call, "event_id=E2")["members"]
    assert [(row["period"], row.get("events"), row.get("step")) for row in event["periods"]] == [
        ("session", 2, None), ("funnel", None, "purchase"),
    ]  # fmt: skip
    (reading,) = ask(call, "measurement_id=M1")["members"]
    assert (float(reading["fact"]["value_standard"]), reading["fact"]["unit_standard"]) == (-17.777778, "°C")
    assert [(row["period"], row["readings"]) for row in reading["periods"]] == [("day", 1)]
    (refused_row,) = ask(call, "measurement_id=M2")["quarantined"]
    assert refused_row["reasons"] == ["unit:unknown"] and refused_row["batch_id"] == ids["cold"]


STARTS = ("sales_date", "week_start", "month_start")


def test_it_is_told_in_words(call: Call, ids: dict[str, str]) -> None:
    told = call("where", "transaction_id=T1", "line_number=1").out.splitlines()
    place = f"row 2 of {get_settings().landing / 'transactions' / 'tuesday.csv'}, batch {ids['tuesday'][:12]}, taken in "
    assert told[0] == "transactions: transaction_id T1, line_number 1"
    assert [line.split()[0] for line in told[1:5]] == ["withdrawn", "current", "repeat", "superseded"]
    assert place in told[2]
    rest = "\n".join(told)
    for words in (
        "fact        core.fact_transactions: transaction_id T1", "quantity 3,", "net_amount 7.5,",
        "customer    version of 2024-02-01 00:00:00 to now: customer_id C1",
        "store       inferred, version of 1900-01-01", "day         sales_date 2024-02-07, department Drinks",
        "alert       critical, ",
    ):  # fmt: skip
        assert words in rest, rest
    assert "waits" not in rest


def test_a_sale_without_a_rate_shows_its_alert_and_no_department(call: Call, ids: dict[str, str]) -> None:
    (member,) = ask(call, "product_id=P2")["members"]
    assert [alert["kind"] for alert in member["alerts"]] == ["no_rate"]
    assert {row["department"] for row in member["periods"]} == {"Unassigned"}


def test_a_member_shows_its_entries_versions_and_lines(call: Call, ids: dict[str, str]) -> None:
    members = ask(call, "customer_id=C1")["members"]
    assert [member["dataset"] for member in members] == ["transactions", "customers", "customers"]
    versions = members[1]["versions"]
    assert [(row["first_name"], row["is_current"]) for row in versions] == [("Ann", False), ("Anna", True)]
    # What only a withdrawn line names is found there alone, with the line that is current instead.
    (gone,) = ask(call, "customer_id=C9")["members"]
    assert gone["lines"][0]["state"] == "withdrawn" and gone["fact"]["customer_id"] == "C1"


def test_a_file_shows_its_rows_those_in_quarantine_too(call: Call, ids: dict[str, str]) -> None:
    found = ask(call, f"batch_id={ids['monday'][:10]}")
    assert {member["key"]["transaction_id"] for member in found["members"]} == {"T1", "T2"}
    assert [row["row_number"] for row in found["quarantined"]] == [2, 3]
    (row,) = ask(call, f"batch_id={ids['monday']}", "row_number=3")["quarantined"]
    assert row["reasons"] == ["quantity:not_a_number"]
    told = call("where", f"batch_id={ids['monday']}", "row_number=3").out
    assert "in quarantine, for quantity:not_a_number" in told and "T11,1,2024-02-07" in told


def test_no_more_keys_than_asked_for_are_shown(call: Call, ids: dict[str, str]) -> None:
    found = ask(call, "store_id=S1", "-n", "1")
    assert len(found["members"]) == 1 and found["more"] == {"transactions": 1}
    # The newest: the receipt of the file that came last.
    assert found["members"][0]["key"]["transaction_id"] == "T1"
    assert "transactions: 1 more keys" in call("where", "store_id=S1", "-n", "1").out


def test_what_waits_for_the_next_run_is_told(call: Call, either: Warehouse) -> None:
    ids = fill(either)
    withdraw(either, ids["monday"], "not ours", "ann")
    told = call("where", "transaction_id=T2").out
    assert "the fact is forgotten by the next run" in told
    (get_settings().landing / "transactions" / "more.csv").write_text(
        LINE + "T7,1,2024-02-07T10:00:00Z,C1,P1,S1,2,2.50,USD\n"
    )
    ingest(either)
    assert "the current line is taken up by the next run" in call("where", "transaction_id=T7").out


def test_what_cannot_be_asked_is_said(call: Call, ids: dict[str, str]) -> None:
    refused(call("where", "transaction_id"), "isn't KEY=VALUE")
    refused(call("where", "transaction=T1"), "unknown column", "'transaction_id'")
    refused(call("where", "_ingested_at=2024-01-01"), "unknown column")
    refused(call("where", "transaction_id=T1", "event_id=E1"), "no dataset has all of the columns")
    refused(call("where", "line_number=one"), "line_number is line of the receipt: 'one' is no bigint")
    refused(call("where", "transaction_id=T1", "transaction_id=T2"), "given twice")
    refused(
        call("where", "transaction_id=t1"),
        "nothing landed with transaction_id=t1",
        "workbench run retail_etl",
    )
    refused(call("where", "transaction_id=T1' OR '1'='1"), "nothing landed with")
    assert call("where").status == 2
    found = ask(call, "quantity=3.0", "transaction_timestamp=2024-02-07T10:00:00")
    assert [member["key"]["transaction_id"] for member in found["members"]] == ["T1"]
