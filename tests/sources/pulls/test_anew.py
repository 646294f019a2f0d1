"""Cursors that are of no use any more: they are noticed, or set anew, and no row is lost for it."""

from __future__ import annotations

import pytest

from tests.sources.pulls.api import Api
from tests.sources.pulls.conftest import Project, Till, rest, stores
from tests.sources.pulls.test_rest import CURSOR, ITEMS
from workbench.errors import UsageError, WorkFailed

KINDS = {
    "sqlite": ("TEXT", "BIGINT"),
    "duckdb": ("TIMESTAMP", "BIGINT"),
    "postgres": ("TIMESTAMPTZ", "BIGINT"),
}


def numbered(first: int, last: int) -> str:
    """A statement that adds stores with a time and a number each."""
    rows = ", ".join(f"('S{n:02}', '2026-01-02 10:{n:02}:00', {n})" for n in range(first, last + 1))
    return f"INSERT INTO stores VALUES {rows}"


@pytest.mark.parametrize("old", ["seen", "rev"])
def test_a_cursor_of_another_column_begins_anew(old: str, till: Till, project: Project) -> None:
    time, number = KINDS[till.kind]
    till.run(f"DROP TABLE stores; CREATE TABLE stores (store_id VARCHAR(9), seen {time}, rev {number})")
    if till.kind == "postgres":
        till.run("GRANT SELECT ON stores TO reader")
    cursors = {"seen": {"column": "seen", "lag": "2m"}, "rev": {"column": "rev", "lag": 2}}
    (new,) = set(cursors) - {old}
    project.declare(till=till.source(cursor=cursors[old]))
    till.run(numbered(1, 5))
    assert project.pull("till").landed == 5
    # Rows that the old cursor has gone past, and of which one has no value in it.
    till.run(numbered(6, 7) + f"; UPDATE stores SET {old} = NULL WHERE store_id = 'S07'")
    project.declare(till=till.source(cursor=cursors[new]))
    outcome = project.pull("till")
    # Of what landed before, those are known that lay within the lag: of numbers, one before it, too.
    assert (outcome.said, outcome.read, outcome.landed) == (7, 7, 3 if old == "rev" else 4)
    assert str(outcome.message).startswith("its cursor was of another column or kind")
    for number in (8, 9):
        till.run(numbered(number, number))
        outcome = project.pull("till")
        assert (outcome.read, outcome.landed, outcome.message) == (4, 1, None)
    assert project.pull("till").landed == 0
    # A lag that is another one asks for no whole reading.
    project.declare(till=till.source(cursor={**cursors[new], "lag": "1m" if new == "seen" else 1}))
    assert project.pull("till").read == 2


def test_a_part_that_is_read_by_another_cursor_leaves_the_rest_to_the_next_pull(
    till: Till, project: Project
) -> None:
    time, number = KINDS[till.kind]
    till.run(f"DROP TABLE stores; CREATE TABLE stores (store_id VARCHAR(9), seen {time}, rev {number})")
    if till.kind == "postgres":
        till.run("GRANT SELECT ON stores TO reader")
    project.declare(till=till.source(cursor={"column": "seen", "lag": "2m"}))
    till.run(numbered(1, 9))
    assert project.pull("till").landed == 9
    till.run("UPDATE stores SET rev = rev + 20 WHERE store_id = 'S02'")
    # A lag of another kind is told before anything is read or lands, however often.
    project.declare(till=till.source(cursor={"column": "seen", "lag": 2}))
    for _ in range(2):
        with pytest.raises(UsageError, match="the cursor's values are times"):
            project.pull("till")
    project.declare(till=till.source(cursor={"column": "rev", "lag": "0s"}))
    outcome = project.pull("till", since="22")
    assert (outcome.read, outcome.landed) == (1, 1)
    assert "what lies before 22 is for the next pull" in str(outcome.message)
    outcome = project.pull("till")
    assert outcome.read == 9 and "read from its beginning" in str(outcome.message)
    assert (project.pull("till").read, project.pull("till").landed) == (1, 0)


def test_a_beginning_anew_that_is_broken_off_is_made_anew(api: Api, project: Project) -> None:
    paging = {"kind": "cursor", "parameter": "after", "next": "next"}
    by_time = {**ITEMS, "paging": paging, "rows_a_file": 20, "retry": {"patience": "1m"}}
    api.records = [{**each, "rev": number} for number, each in enumerate(stores(1, 45), 1)]
    project.declare(shop=rest(api, "/cursor", **by_time, cursor=CURSOR))
    assert project.pull("shop").landed == 45
    for record in api.records:
        record["name"] += "!"
    project.declare(
        shop=rest(api, "/cursor", **by_time, cursor={"column": "rev", "parameter": "since", "lag": 2})
    )
    api.faults = [None, None, "wait 3600"]
    with pytest.raises(WorkFailed):
        project.pull("shop")
    outcome = project.pull("shop")
    assert (outcome.read, outcome.landed) == (45, 25) and "from its beginning" in str(outcome.message)
    assert project.pull("shop").landed == 0 and project.pull("shop").message is None


def test_a_cursor_of_another_kind_begins_anew(till: Till, project: Project) -> None:
    time, number = KINDS[till.kind]

    def make(kind: str, values: str) -> None:
        till.run(f"DROP TABLE stores; CREATE TABLE stores (store_id VARCHAR(9), updated_at {kind})")
        if till.kind == "postgres":
            till.run("GRANT SELECT ON stores TO reader")
        till.run(f"INSERT INTO stores VALUES {values}")

    project.declare(till=till.source(cursor={"column": "updated_at", "lag": 0}))
    make(time, "('S1', '2026-01-02 10:00:00'), ('S2', '2026-01-02 11:00:00')")
    assert project.pull("till").landed == 2
    # It was so in ledgers that an earlier version wrote, too, which don't say of which column a cursor is.
    project.warehouse.run(lambda session: session.execute("UPDATE ops.pulls SET cursor_column = NULL"))
    make(number, "('S1', 1), ('S2', 2)")
    assert (project.pull("till").landed, project.pull("till").landed) == (2, 0)
    till.run("INSERT INTO stores VALUES ('S3', 3)")
    assert project.pull("till").landed == 1
    make(time, "('S1', '2026-01-02 10:00:00'), ('S4', '2026-01-02 12:00:00')")
    assert (project.pull("till").landed, project.pull("till").landed) == (2, 0)


def test_a_cursor_is_set_anew_by_full_and_since(till: Till, project: Project) -> None:
    till.run("DROP TABLE stores; CREATE TABLE stores (store_id VARCHAR(9), rev BIGINT)")
    if till.kind == "postgres":
        till.run("GRANT SELECT ON stores TO reader")
    project.declare(till=till.source(cursor={"column": "rev", "lag": 10}, rows_a_file=20))
    rows = ", ".join(f"('S{n:02}', {n})" for n in range(1, 51))
    till.run(f"INSERT INTO stores VALUES {rows}")
    assert project.pull("till").landed == 50
    # The ids begin again.
    till.run("DELETE FROM stores; INSERT INTO stores VALUES ('T1', 1)")
    outcome = project.pull("till")
    assert outcome.read == 0 and "before its cursor, 50, the last one at 1; if its" in str(outcome.message)
    assert project.pull("till", full=True).cursor == "1"
    till.run("INSERT INTO stores VALUES ('T2', 2)")
    outcome = project.pull("till")
    assert (outcome.read, outcome.landed, outcome.message) == (2, 1, None)
    assert project.pull("till", since="60").cursor == "2", "nothing is there, so nothing is gone past"
    till.run("INSERT INTO stores VALUES ('T3', 3)")
    assert project.pull("till").landed == 1


def test_a_full_reading_that_is_broken_off_loses_nothing(api: Api, project: Project) -> None:
    paging = {"kind": "cursor", "parameter": "after", "next": "next"}
    project.declare(
        shop=rest(
            api, "/cursor", **ITEMS, paging=paging, cursor=CURSOR, rows_a_file=20, retry={"patience": "1m"}
        )
    )
    api.records = stores(1, 45)
    assert project.pull("shop").landed == 45
    for since in (None, "2026-01-02T10:00:10Z"):
        for record in api.records:
            record["name"] += "!"
        api.faults = [None, None, "wait 3600"]
        with pytest.raises(WorkFailed):
            project.pull("shop", full=since is None, since=since)
        assert project.ledger("status, rows_landed")[-2] == ("unfinished", 20)
        assert project.pull("shop").landed == 25
    # A kind of values that is another one is noticed here, too.
    for number, record in enumerate(api.records):
        record["updated_at"] = 100 + number
    project.declare(shop=rest(api, "/cursor", **ITEMS, paging=paging, cursor={**CURSOR, "lag": 5}))
    assert (project.pull("shop").read, project.pull("shop").landed) == (45, 0)
