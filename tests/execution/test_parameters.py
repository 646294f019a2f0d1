"""What a notebook declares is what it gets: typed, checked before it runs, and written back exactly."""

from __future__ import annotations

import datetime
import decimal
import math
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.execution.literals import assignments, plain
from workbench.execution.parameters import Parameter, convert_all, parse_cell, require_all
from workbench.execution.secret import Secret
from workbench.execution.values import convert

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


moments = st.datetimes() | st.datetimes(
    timezones=st.integers(-1439, 1439).map(lambda m: datetime.timezone(datetime.timedelta(minutes=m)))
)
numbers = st.decimals(allow_nan=False, allow_infinity=False)
paths = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1).map(
    lambda name: Path("/data") / name
)
values: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    str: st.text(st.characters(exclude_categories=["Cs"])),
    datetime.date: st.dates(),
    datetime.datetime: moments,
    decimal.Decimal: numbers,
    Path: paths,
}
typed = st.sampled_from(list(values)).flatmap(lambda kind: st.tuples(st.just(kind), values[kind]))


@given(typed)
def test_what_is_written_into_a_notebook_comes_back_the_same(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    names: dict[str, Any] = {}
    source = assignments({"one": value, "many": [value, value], "maybe": None})
    exec(source, names)  # noqa: S102  the very thing under test
    assert names["one"] == value and type(names["one"]) is type(value)
    assert names["many"] == [value, value] and names["maybe"] is None
    assert repr(convert(kind, value)) == repr(value)


@given(typed)
def test_what_the_record_holds_can_be_given_again(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    again = convert(kind, plain(value))
    assert again == value and type(again) is type(value)


@given(typed)
def test_what_a_person_types_is_what_arrives(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    again = convert(kind, str(plain(value)))
    assert again == value and type(again) is type(value)


@given(
    st.text(), st.sampled_from([int, float, bool, datetime.date, decimal.Decimal, list[int], Literal["a", 1]])
)
def test_any_text_is_converted_or_refused(text: str, kind: Any) -> None:
    try:
        value = bound_one(kind, text)
    except UsageError:
        return
    assert not isinstance(value, str) or value == "a"


def bound_one(kind: Any, text: str) -> Any:
    return convert_all({"x": Parameter("x", kind, str(kind))}, {"x": text}, "stage try")["x"]


def test_numbers_that_are_not_finite_can_be_parameters_too() -> None:
    names: dict[str, Any] = {}
    exec(assignments({"a": math.inf, "b": -math.inf, "c": math.nan, "s": Secret("env:A")}), names)  # noqa: S102
    assert names["a"] == math.inf and names["b"] == -math.inf and math.isnan(names["c"])
    assert names["s"] == Secret("env:A")
