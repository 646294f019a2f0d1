"""Whatever a value is, it comes back from a notebook, a record and a keyboard as it was."""

from __future__ import annotations

import datetime
import decimal
import math
from pathlib import Path
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.execution.parameters.conversion import convert
from workbench.execution.parameters.declarations import (
    Parameter,
    convert_all,
)
from workbench.execution.parameters.literals import assignments, to_json_value
from workbench.secrets.secret import Secret

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
plain_types = dict(values)
spans = st.timedeltas()
clocks = st.times() | st.times(timezones=st.just(datetime.UTC))
texts = st.text() | st.sampled_from(
    ["'", '"', "a\nb", "{x}", "\\", "\0", "🙂", "\ud800", "\u2028", "#", "none"]
)
plain_types |= {datetime.timedelta: spans, datetime.time: clocks, bytes: st.binary()}
values |= {datetime.timedelta: spans, datetime.time: clocks, bytes: st.binary()}
values |= {
    list[datetime.date]: st.lists(st.dates()),
    tuple[int, ...]: st.lists(st.integers()).map(tuple),
    tuple[decimal.Decimal, bool]: st.tuples(numbers, st.booleans()),
    dict[str, float]: st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values[float]),
    dict[int, list[bytes]]: st.dictionaries(st.integers(), st.lists(st.binary())),
}
one_word = st.sampled_from(list(plain_types)).flatmap(lambda kind: st.tuples(st.just(kind), values[kind]))
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
    again = convert(kind, to_json_value(value))
    assert again == value and type(again) is type(value)


@given(one_word)
def test_what_a_person_types_is_what_arrives(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    again = convert(kind, str(to_json_value(value)))
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


@given(texts)
def test_any_text_comes_back_from_the_notebook_as_it_was(text: str) -> None:
    names: dict[str, Any] = {}
    source = assignments({"x": convert(str, text), "y": {text: (text,)}})
    exec(source.encode().decode(), names)  # noqa: S102
    assert names["x"] == text and names["y"] == {text: (text,)}
    to_json_value({"x": text}).__repr__().encode()


def test_a_text_of_a_million_characters_comes_back() -> None:
    names: dict[str, Any] = {}
    text = "'\"\n{}🙂" * 166_667
    exec(assignments({"x": convert(str, text)}), names)  # noqa: S102
    assert names["x"] == text
