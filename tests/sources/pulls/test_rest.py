"""APIs: every record lands once, in its own words, whatever the server does meanwhile."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.sources.pulls.api import Api
from tests.sources.pulls.conftest import Project, rest, stores
from workbench.errors import UsageError, WorkFailed
from workbench.secrets.redact import BLOT
from workbench.sources.pulls.rest.records import NoRecords, records_of

ITEMS = {"records": "data.items"}
PAGES = {**ITEMS, "paging": {"kind": "page", "size_parameter": "limit", "size": 10}, "count": "total"}
CURSOR = {"column": "updated_at", "parameter": "since", "lag": "30s"}


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("/pages", PAGES),
        ("/offset", {**ITEMS, "paging": {"kind": "offset", "size_parameter": "limit", "size": 7}}),
        ("/cursor", {**ITEMS, "paging": {"kind": "cursor", "parameter": "after", "next": "next"}}),
        ("/next", {**ITEMS, "paging": {"kind": "link", "next": "links.next"}}),
        ("/link", {"paging": {"kind": "link"}}),
    ],
)
def test_all_pages_land_once(api: Api, project: Project, path: str, how: dict[str, Any]) -> None:
    api.records = stores(1, 25)
    project.declare(shop=rest(api, path, **how))
    outcome = project.pull("shop")
    assert (outcome.read, outcome.landed, outcome.said) == (25, 25, 25 if "count" in how else None)
    assert project.landed() == api.records
    again = project.pull("shop")
    assert (again.status, again.repeated, again.files) == ("nothing_new", 25, ())
    assert project.ingest()["rows_accepted"] == 25


def test_a_server_in_trouble_is_asked_again(api: Api, project: Project) -> None:
    api.records = stores(1, 15)
    api.faults = [
        "wait 0",
        "after 1",
        "wait \xb2",
        "500",
        "cut",
        None,
        "json",
        "short",
        "html",
        "503",
        "slow 12",
    ]
    project.declare(shop=rest(api, "/pages", **PAGES, timeout="4s"))
    outcome = project.pull("shop")
    assert (outcome.said, outcome.read, outcome.landed) == (15, 15, 15)
    assert project.landed() == api.records
    assert len(api.asked) == 4 + 10  # three pages, of which the last is empty, and the count


def test_patience_has_an_end_and_what_landed_stays(api: Api, project: Project) -> None:
    api.records = stores(1, 45)
    project.declare(shop=rest(api, "/pages", **PAGES, rows_a_file=20, retry={"tries": 3, "patience": "1m"}))
    api.faults = [None, None, None, "wait 3600"]
    began = time.monotonic()
    with pytest.raises(
        WorkFailed, match=r"source shop: .* answered 429: slow down, and asks for 3600 s more"
    ):
        project.pull("shop")
    assert time.monotonic() - began < 300
    assert len(project.landed()) == 20
    api.asked.clear()
    api.faults = ["500", "500", "500"]
    with pytest.raises(WorkFailed, match="answered 500: it went wrong \\(3 tries\\)"):
        project.pull("shop")
    outcome = project.pull("shop")
    # It goes on behind what landed, and then looks at the whole list, which may have changed meanwhile.
    assert [asked["page"] for asked in api.asked[3:]] == [
        "3",
        "4",
        "5",
        "6",
        "1",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
    ]
    assert outcome.landed == 25 and project.landed() == api.records
    assert [row[0] for row in project.ledger()] == ["unfinished", "failed", "failed", "unfinished", "landed"]
    assert project.ingest()["rows_landed"] == 45


def test_a_list_that_changes_while_it_is_read(api: Api, project: Project) -> None:
    """One row goes from the first page after that was read, so that another slips through the border, and one comes."""
    api.records = stores(1, 30)

    def change(number: int) -> None:
        if number == 1:
            del api.records[3]
            api.records.append(stores(31, 31)[0])

    api.before = change
    project.declare(shop=rest(api, "/pages", **PAGES))
    outcome = project.pull("shop")
    assert {each["store_id"] for each in project.landed()} == {f"S{n:03}" for n in range(1, 32)}
    assert len(project.landed()) == 31 and outcome.landed == 31
    assert outcome.message is None  # S004 was there when the first page was read
    # A row that comes at the front pushes another over the border: it is read twice, and lands once.
    api.asked.clear()
    api.before = lambda number: api.records.insert(0, stores(40, 40)[0]) if number == 1 else None
    outcome = project.pull("shop")
    assert outcome.landed == 1 and len(project.landed()) == 32
    api.before, api.total = (lambda number: None), 50
    assert project.pull("shop").message == "the source has 19 rows that weren't in its answer"


@pytest.mark.parametrize(("status", "said"), [("204", None), ("204", 204), ("404", 404), ("503", 503)])
def test_a_status_ends_the_pages_and_204_is_nothing_new(
    api: Api, project: Project, status: str, said: int | None
) -> None:
    api.records, api.faults = stores(1, 20), [None, None, status]
    project.declare(shop=rest(api, "/pages", **{**PAGES, "paging": {**PAGES["paging"], "end_status": said}}))
    assert (project.pull("shop").landed, len(api.asked)) == (20, 4)
    api.faults = ["204", "204"]
    outcome = project.pull("shop")
    assert (outcome.status, outcome.said, outcome.read) == ("nothing_new", 0, 0)


def test_a_cursor_reads_back_and_takes_what_is_late_once(api: Api, project: Project) -> None:
    api.records = stores(1, 20)
    project.declare(shop=rest(api, "/pages", **PAGES, cursor=CURSOR))
    assert project.pull("shop").landed == 20
    late, renamed = {**stores(5, 5)[0], "store_id": "late"}, {**api.records[18], "name": "renamed"}
    former = api.records[18]
    for records, landed in (
        ([*api.records, late], 1),
        ([*api.records[:18], renamed, api.records[19], late], 1),
        # What is as it was before it was changed, is a change.
        ([*api.records, late], 1),
        ([], 0),
        ([*api.records, late, {**former, "updated_at": "2999-01-01T00:00:00Z", "store_id": "ahead"}], 1),
        ([*api.records, late, *stores(50, 50, "2026-02-01")], 1),
    ):
        api.records = records
        assert (project.pull("shop").landed, project.pull("shop").landed) == (landed, 0)
        api.records = [each for each in records if each["store_id"] not in ("late", "ahead")] or stores(1, 20)
    asked = [each["since"] for each in api.asked if "since" in each]
    assert asked[0] == "2026-01-02T09:59:50Z"
    # The clock that was ahead hasn't moved the cursor.
    assert asked[-1] == "2026-02-01T10:00:20Z"
    with pytest.raises(UsageError, match=r"--since: values of the cursor are as .*Z, and 'May' is none"):
        project.pull("shop", since="May")
    names = [row["store_id"] for row in project.landed()]
    assert len(names) == 25 and names.count("late") == 1 and names.count("S019") == 3
    assert project.ingest()["rows_duplicate"] == 1


@pytest.mark.parametrize(
    ("answer", "path"), [("null", ""), ('{"data": {"items": null}}', "data.items"), ('{"a.b": null}', "a.b")]
)
def test_null_in_the_place_of_a_list_is_an_empty_one(answer: str, path: str) -> None:
    assert list(records_of(answer, path)) == []
    with pytest.raises(NoRecords, match="has no list at"):
        list(records_of(answer, f"{path}.rows"))


def test_wrong_answers_are_told_in_words(api: Api, project: Project) -> None:
    api.records = stores(1, 25)
    for how, path, words in (
        (
            {**PAGES, "records": "data.rows"},
            "/pages",
            "it has no list at 'data.rows'; `records:` may be data.items",
        ),
        (PAGES, "/stuck", "two pages have the same records: the API seems to take no notice of 'page'"),
        ({**PAGES, "count": "nowhere"}, "/pages", "count: there is no number in 'nowhere' of the answer"),
        ({**PAGES, "cursor": {**CURSOR, "lag": 5}}, "/pages", "cursor.lag: the cursor's values are times"),
    ):
        project.declare(shop=rest(api, path, **how))
        with pytest.raises((WorkFailed, UsageError)) as caught:
            project.pull("shop")
        assert words in str(caught.value)
    assert [row[0] for row in project.ledger()] == ["failed"] * 4 and project.landed() == []


@pytest.mark.parametrize("fault", ["moved", "linked"])
@pytest.mark.parametrize("address", ["http://[bad/", "http://127.0.0.1:abc/", "http://127.0.0.1:99999/"])
def test_an_answer_that_leads_to_no_address_is_told(
    api: Api, project: Project, fault: str, address: str
) -> None:
    api.faults = [f"{fault} {address}"]
    project.declare(shop=rest(api, "/link", paging={"kind": "link"}))
    with pytest.raises(WorkFailed, match=r"source shop: the answer of .* leads to what is no address: 'http"):
        project.pull("shop")


def test_a_port_that_is_none_is_a_wrong_declaration(api: Api, project: Project) -> None:
    project.declare(shop={**rest(api, "/link"), "rest": {"url": "http://127.0.0.1:99999/"}})
    with pytest.raises(UsageError, match="99999/' is no address of an API"):
        project.pull("shop")


@pytest.mark.parametrize(
    ("path", "paging"),
    [
        ("/circle", {"kind": "cursor", "parameter": "after", "next": "next"}),
        ("/circling", {"kind": "link", "next": "links.next"}),
    ],
)
def test_pages_in_a_circle_have_an_end(api: Api, project: Project, path: str, paging: dict[str, str]) -> None:
    api.records = stores(1, 30)
    project.declare(shop=rest(api, path, **ITEMS, paging=paging))
    with pytest.raises(WorkFailed, match=f"read before, by its {paging['kind']}: it would never end"):
        project.pull("shop")
    assert len(api.asked) == 4


@pytest.mark.parametrize(
    "auth",
    [
        {"bearer": "env:SHOP_KEY"},
        {"basic": {"user": "reader", "password": "env:SHOP_KEY"}},
        {"api_key": "env:SHOP_KEY", "header": "X-Api-Key"},
        {"api_key": "env:SHOP_KEY", "parameter": "key"},
    ],
)
def test_secrets_go_to_the_api_and_nowhere_else(
    api: Api, project: Project, auth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from base64 import b64encode

    key = "s3cret/k€y+%41"
    monkeypatch.setenv("SHOP_KEY", key)
    api.records = stores(1, 12)
    project.declare(shop=rest(api, "/link", paging={"kind": "link"}, auth=auth, rows_a_file=5))
    api.faults = ["moved /link"]
    assert project.pull("shop").landed == 12
    told = {
        "bearer": f"Bearer {key}", "basic": "Basic " + b64encode(f"reader:{key}".encode()).decode(), "api_key": key,
    }[next(iter(auth))]  # fmt: skip
    for asked, headers in zip(api.asked, api.headers, strict=True):
        sent = headers.get("authorization") or headers.get("x-api-key") or asked["key"]
        assert (sent if "key" in asked else sent.encode("latin-1").decode()) == told
    problems = []
    for fault in ("echo 401", "moved http://localhost:9/", "echo 500"):
        api.faults = [fault] * 9
        with pytest.raises(WorkFailed) as caught:
            project.pull("shop")
        assert caught.value.__cause__ is None and caught.value.__context__ is None
        problems.append(str(caught.value))
    assert "answered 401: " in problems[0] and "sends us to another server, localhost:9" in problems[1]
    everything = repr(project.ledger("*")) + "".join(problems)
    for form in (key, "s3cret", "k%E2%82%ACy", told.removeprefix("Basic ").removeprefix("Bearer ")):
        assert form not in everything


@pytest.mark.parametrize("key", ["s3cret/k€y+%41", "k-é-é-é-é", "1234567890"])
def test_secrets_that_an_api_repeats_land_nowhere(
    api: Api, project: Project, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", key)
    odd = f'a "{key}" {key.encode().decode("latin-1")}\n'
    more = {"tok": key, "self": f"/stores?key={quote(key, safe='')}", "said": odd, key: 1, "n": 12345678901}
    api.records = [{**store, **more} for store in stores(1, 2)]
    if key.isdigit():
        api.records[0]["account"] = int(key)
    project.declare(shop=rest(api, "/link", paging={"kind": "link"}, auth={"bearer": "env:SHOP_KEY"}))
    assert project.pull("shop").landed == 2
    (first, second) = project.landed()
    clean = {"tok": BLOT, "self": f"/stores?key={BLOT}", "said": f'a "{BLOT}" {BLOT}\n', BLOT: 1}
    assert second == {**stores(2, 2)[0], **clean, "n": 12345678901}
    assert first.get("account", BLOT) == BLOT
    assert project.pull("shop").status == "nothing_new"


def test_a_short_secret_leaves_the_records_alone(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "store")
    api.records = stores(1, 2)
    project.declare(shop=rest(api, "/link", paging={"kind": "link"}, auth={"bearer": "env:SHOP_KEY"}))
    project.pull("shop")
    assert project.landed() == api.records


def test_a_missing_secret_is_named(api: Api, project: Project) -> None:
    project.declare(shop=rest(api, "/link", auth={"bearer": "env:NOT_THERE"}))
    with pytest.raises(UsageError, match="source shop: the secret env:NOT_THERE isn't set"):
        project.pull("shop")
    assert api.asked == []
