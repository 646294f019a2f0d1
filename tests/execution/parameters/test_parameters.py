"""What a notebook declares is what it gets: typed, checked before it runs, and written back exactly."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.errors import UsageError
from workbench.execution.parameters.declarations import (
    Parameter,
    convert_all,
    parse_cell,
    read_parameters,
    require_all,
    secrets_of,
)
from workbench.execution.parameters.literals import assignments, to_json_value
from workbench.secrets.secret import Secret

CELL = """
# What to run with.
as_of: datetime.date | None = None  # last day to look at
limit: int = 100
rate: Decimal = Decimal("0.19")  # share of tax
mode: Literal["full", "delta"] = "full"
names: list[str] = []  # customers, all if empty
where: Path
token: Secret = Secret("env:SHOP_TOKEN")
moment: datetime.datetime = datetime.datetime.now()
"""


def declared(cell: str = CELL) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parse_cell(cell, "stage try")}


def bound(cell: str, **values: Any) -> dict[str, Any]:
    return convert_all(declared(cell), values, "stage try")


def test_a_cell_is_read_as_syntax_and_never_run() -> None:
    found = declared()
    assert [(p.name, p.annotation, p.help) for p in found.values()][:2] == [
        ("as_of", "datetime.date | None", "last day to look at"),
        ("limit", "int", ""),
    ]
    assert found["rate"].default == decimal.Decimal("0.19")
    assert found["where"].required
    assert found["moment"].computed and not found["moment"].required


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("as_of", "2017-01-31", datetime.date(2017, 1, 31)),
        ("as_of", "none", None),
        ("limit", "12", 12),
        ("rate", "1.50", decimal.Decimal("1.50")),
        ("mode", "delta", "delta"),
        ("names", "a, b", ["a", "b"]),
        ("names", '["a,b"]', ["a,b"]),
        ("names", "", []),
        ("token", "env:OTHER", Secret("env:OTHER")),
        ("moment", "2017-01-31T12:00:00+02:00",
         datetime.datetime(2017, 1, 31, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))),
    ],
)  # fmt: skip
def test_text_becomes_the_declared_type(name: str, text: str, value: Any) -> None:
    result = bound(CELL, **{name: text})[name]
    assert result == value and type(result) is type(value)


def test_a_relative_path_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bound(CELL, where="a/b.csv")["where"] == tmp_path / "a/b.csv"
    values = convert_all(declared(), {"where": "b.csv"}, "stage try", Path("/maps"))
    assert values["where"] == Path("/maps/b.csv")
    assert bound(CELL, **{"token": "file:key"})["token"] == Secret(f"file:{tmp_path / 'key'}")
    values = convert_all(declared(), {"token": "file:key"}, "stage try", Path("/maps"))
    assert values["token"] == Secret("file:/maps/key")


def test_an_unknown_parameter_is_answered_with_the_nearest_and_its_type() -> None:
    with pytest.raises(
        UsageError, match=r"unknown parameter 'as_off' of stage try; did you mean 'as_of' \(date"
    ):
        bound(CELL, as_off="2017-01-01")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "ten"), ("limit", "1.5"), ("limit", True), ("limit", "none"), ("as_of", "31/01/2017"),
        ("as_of", "20170131"), ("as_of", 20170131), ("rate", "NaN"), ("rate", "a lot"), ("mode", "half"),
        ("names", 3), ("where", ""),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_parameter_and_its_type(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        bound(CELL, **{name: value})
    assert f"parameter {name!r} of stage try must be {declared()[name].annotation}" in str(caught.value)


def test_a_secret_given_by_value_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="'token' of stage try: a secret is given by reference") as caught:
        bound(CELL, **{"token": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_what_is_given_for_a_collection_of_secrets_is_not_repeated_either() -> None:
    for value in ("{a: hunter2", "hunter2", {"a": "hunter2"}, {"a": ["hunter2"]}):
        with pytest.raises(UsageError) as caught:
            bound("tokens: dict[str, Secret] = {}", tokens=value)
        assert "'tokens' of stage try" in str(caught.value) and "hunter2" not in str(caught.value)


def test_text_for_a_parameter_of_any_type_is_text_where_yaml_reads_nothing() -> None:
    cell = "x = None"
    assert bound(cell, x="2017-02-31") == {"x": "2017-02-31"} and bound(cell, x="a: [") == {"x": "a: ["}


def test_a_missing_value_and_an_unset_secret_are_found_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match=r"'where' of stage try \(Path\) needs a value"):
        require_all(declared(), {}, "stage try")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(UsageError, match="env:SHOP_TOKEN isn't set"):
        require_all(declared(), {"where": Path("/x")}, "stage try")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("limit: int = 'ten'", "declared as int, but its default is 'ten'"),
        ("day: date = None", "declared as date, but its default is None"),
        ("point: complex = 1j", "complex is no type a parameter can have"),
        ("for i in range(3): pass", "line 1: only `name: type = value"),
        ("limit: int = (", "line 1"),
    ],
)
def test_a_wrong_declaration_is_named(cell: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        declared(cell)
    assert message in str(caught.value)


def test_an_unannotated_assignment_gets_the_type_of_its_default() -> None:
    assert bound("limit = 5\nname = 'x'", limit="7", name="8") == {"limit": 7, "name": "8"}


def test_text_fits_a_union_only_where_nothing_else_does() -> None:
    assert bound("size: int | str = 1", size="5") == {"size": 5}
    assert bound("size: int | str = 1", size="five") == {"size": "five"}


TYPED = """
size: tuple[int, ...] = (1, 2)
pair: tuple[int, str] = (1, "a")
shares: dict[str, float] = {"a": 0.5}
key: bytes = b"k"
wait: timedelta = timedelta(minutes=5)
opens: datetime.time = datetime.time(9, 30)
count: Annotated[int, "of rows"] = 3
edge: float = math.inf
any_list = [1, 2]
"""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "3, 4", (3, 4)),
        ("size", "(3,)", (3,)),
        ("size", "", ()),
        ("pair", "[3, b]", (3, "b")),
        ("shares", "{a: 1, b: 0.5}", {"a": 1.0, "b": 0.5}),
        ("key", "é", "é".encode()),
        ("key", "base64:/w==", b"\xff"),
        ("wait", "90s", datetime.timedelta(seconds=90)),
        ("wait", "1d", datetime.timedelta(days=1)),
        ("wait", "PT1H30M", datetime.timedelta(minutes=90)),
        ("wait", "-1:30:00", datetime.timedelta(minutes=-90)),
        ("opens", "12:30", datetime.time(12, 30)),
        ("count", "5", 5),
        ("edge", "-inf", -math.inf),
        ("any_list", "3", [3]),
    ],
)
def test_text_becomes_the_declared_collection_or_span(name: str, text: str, value: Any) -> None:
    result = bound(TYPED, **{name: text})[name]
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("size", "a,b", "'a' given"),
        ("size", 3, "3 is no tuple"),
        ("pair", "1", "has 1 of 2 items"),
        ("shares", "a=1", "is not written as {key: value}"),
        ("shares", {"a": "much"}, "'much' given"),
        ("key", "base64:?", "neither text nor base64"),
        ("wait", "90", "is not written as 90s"),
        ("wait", 90, "is not written as 90s"),
        ("wait", "999999999999d", "is too long"),
        ("opens", "noon", "is not written as HH:MM"),
        ("any_list", object, "a type given"),
    ],
)
def test_a_wrong_collection_or_span_says_how_it_is_written(name: str, value: Any, reason: str) -> None:
    given = [value] if value is object else value
    with pytest.raises(UsageError) as caught:
        bound(TYPED, **{name: given})
    assert reason in str(caught.value) and f"parameter {name!r}" in str(caught.value)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(UsageError) as caught:
        bound(CELL, limit="x" * 1_000_000)
    assert len(str(caught.value)) < 300


NUMPY: list[tuple[str, str, Callable[[], Any], Any]] = [
    ("int64", "int", lambda: np.int64(3), 3),
    ("float64", "float", lambda: np.float64(0.1), 0.1),
    ("bool", "bool", lambda: np.bool_(True), True),
    ("str", "str", lambda: np.str_("a"), "a"),
    ("array", "list[int]", lambda: np.array([1, 2]), [1, 2]),
    ("array in a tuple", "tuple[int, ...]", lambda: np.array([1, 2]), (1, 2)),
    ("datetime64 day", "date", lambda: np.datetime64("2017-01-31"), datetime.date(2017, 1, 31)),
    ("datetime64 ns", "datetime", lambda: np.datetime64("2017-01-31T12:00", "ns"),
     datetime.datetime(2017, 1, 31, 12)),
    ("timedelta64 ns", "timedelta", lambda: np.timedelta64(90_000_000_000, "ns"),
     datetime.timedelta(seconds=90)),
    ("Timestamp", "date", lambda: pd.Timestamp("2017-01-31"), datetime.date(2017, 1, 31)),
    ("Timestamp with zone", "datetime", lambda: pd.Timestamp("2017-01-31", tz="UTC"),
     datetime.datetime(2017, 1, 31, tzinfo=datetime.UTC)),
    ("Timedelta", "timedelta", lambda: pd.Timedelta("90s"), datetime.timedelta(seconds=90)),
    ("NaT", "date | None", lambda: pd.NaT, None),
    ("index", "list[date]", lambda: pd.date_range("2017-01-31", periods=1), [datetime.date(2017, 1, 31)]),
    ("free", "Any", lambda: {"n": np.int64(3)}, {"n": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "value"), [case[1:] for case in NUMPY], ids=[c[0] for c in NUMPY])
def test_scalars_of_numpy_and_pandas_become_pythons_own(
    kind: str, make: Callable[[], Any], value: Any
) -> None:
    result = bound(f"x: {kind}", x=make())["x"]
    assert result == value and type(result) is type(value)
    names: dict[str, Any] = {}
    exec(assignments({"x": result}), names)  # noqa: S102
    assert names["x"] == value


def test_nanoseconds_are_refused_rather_than_cut() -> None:
    for moment in (pd.Timestamp("2017-01-31T00:00:00.000000001"), np.datetime64(1, "ns")):
        with pytest.raises(UsageError, match="has nanoseconds"):
            bound("x: datetime", x=moment)


def test_a_member_of_an_enumeration_is_written_as_its_value() -> None:
    class Level(enum.IntEnum):
        HIGH = 3

    class Color(enum.StrEnum):
        RED = "red"

    found = bound("n: int\nc: str", n=Level.HIGH, c=Color.RED)
    assert assignments(found).endswith("n = 3\nc = 'red'")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("limit: int = 3\nclass: str = 'x'", "line 2: invalid syntax"),
        ("limit: int = 3\nlimit: int = 4", "line 2: 'limit' is declared twice"),
        ("_decimal: int = 3", "the name '_decimal' is taken"),
        ("x: dict[str] = {}", "is no type a parameter can have"),
        ("x: dict[list[int], str] = {}", "is no type a parameter can have"),
        ("size: tuple[int, int] = (1,)", "its default is (1,)"),
        ("wait: timedelta = 5", "declared as timedelta, but its default is 5"),
        ("x: int = 3\0", "the parameters cell of stage try"),
    ],
)
def test_a_cell_that_cannot_stand_is_named_with_its_line(cell: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        declared(cell)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_two_parameters_cells_are_an_error_and_none_declares_nothing() -> None:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["x: int = 3"]}
    assert read_parameters({"cells": []}, "stage try") == {}
    assert list(read_parameters({"cells": [cell]}, "stage try")) == ["x"]
    with pytest.raises(UsageError, match="stage try has 2 cells tagged `parameters`"):
        read_parameters({"cells": [cell, cell]}, "stage try")


def test_secrets_are_found_inside_of_collections() -> None:
    cell = "tokens: dict[str, tuple[Secret, ...]] = {'shop': (Secret('env:A'), Secret('env:B'))}"
    assert secrets_of(declared(cell), {}) == [Secret("env:A"), Secret("env:B")]


BARE = """\
from typing import Any, Dict, List, Sequence
a: dict = {}  # bare
b: list = [1, "x"]
c: tuple = ()
d: set = set()
e: Dict[str, int] = {}
f: List = []
g: Any = None
h: object = 3
i: list[dict] = [{"k": 1}]
j: dict[str, list] | None = None
k: set[int] = {1, 2}
l: frozenset = frozenset({1})
m: Sequence[str] = ["x"]
n = {3}
"""


def test_a_bare_collection_holds_anything_that_can_be_written_down() -> None:
    given = bound(
        BARE, a="{x: 1, y: [2]}", b="1, two", c=[1, "a"], d="b, a", e={"n": "5"}, f=[{"q": None}], g="2017-01-31",
        h={"deep": [1]}, i="[{k: 2}]", j="{a: [1]}", k="3, 4", l=[1, 1], m="a,b", n={4, 5},
    )  # fmt: skip
    assert given == {
        "a": {"x": 1, "y": [2]}, "b": [1, "two"], "c": (1, "a"), "d": {"a", "b"}, "e": {"n": 5}, "f": [{"q": None}],
        "g": datetime.date(2017, 1, 31), "h": {"deep": [1]}, "i": [{"k": 2}], "j": {"a": [1]}, "k": {3, 4},
        "l": frozenset({1}), "m": ["a", "b"], "n": {4, 5},
    }  # fmt: skip
    scope: dict[str, Any] = {}
    exec(assignments(given), scope)  # noqa: S102
    assert {name: scope[name] for name in given} == given
    assert to_json_value(given["d"]) == ["a", "b"]
    for wrong in ({"a": "5"}, {"a": [1]}, {"b": 3}, {"e": {"n": "x"}}, {"k": "x"}, {"i": [3]}, {"d": [[1]]}):
        with pytest.raises(UsageError):
            bound(BARE, **wrong)
