"""A parameter that is a collection, a span or bytes, given as text or as a value."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest

from tests.execution.parameters.declaring import bound
from workbench.errors import UsageError
from workbench.execution.parameters.literals import as_typed, assignments, to_json_value

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
words: list[str] = []
deep: dict[str, dict[str, int]] = {}
by_day: dict[int, int] = {}
many: list[dict] = []
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
        ("any_list", '1, "2"', [1, "2"]),
        ("words", 'a, "b,c" ,"say ""no"" ",', ["a", "b,c", 'say "no" ', ""]),
        ("words", '5" pipe, x', ['5" pipe', "x"]),
        ("deep", "{a: {x: 1}, b: {x: 1}}", {"a": {"x": 1}, "b": {"x": 1}}),
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
        ("words", 'a,"b,c', 'write it as JSON: ["a", "b,c"]'),
        ("words", '"b"c', "has a quote that isn't closed"),
        ("shares", "{a: 1, a: 2}", "'a' is given twice"),
        ("shares", '{"a": 1, a: 2}', "'a' is given twice"),
        ("deep", "{a: {x: 1, x: 2}}", "'x' is given twice"),
        ("by_day", {"1": 1, 1: 2}, "1 is given twice"),
        ("many", "({'k': 1, 'k': 2},)", "'k' is given twice"),
        ("many", "[{k: 1, k: 2}]", "'k' is given twice"),
    ],
)
def test_a_wrong_collection_or_span_says_how_it_is_written(name: str, value: Any, reason: str) -> None:
    given = [value] if value is object else value
    with pytest.raises(UsageError) as caught:
        bound(TYPED, **{name: given})
    assert reason in str(caught.value) and f"parameter {name!r}" in str(caught.value)


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


@pytest.mark.parametrize(
    ("span", "text"),
    [
        ({"hours": 1}, "1h"), ({"minutes": 90}, "90m"), ({"seconds": -90}, "-90s"), ({"days": 14}, "2w"), ({}, "0s"),
        ({"microseconds": 1}, "PT0H0M0.000001S"), ({"hours": 25, "seconds": 1}, "P1DT1H0M1S"), ({"seconds": 3601}, "PT1H0M1S"),
        ({"days": -1, "microseconds": 500}, "-PT23H59M59.9995S"), ({"milliseconds": 500}, "500ms"),
    ],
)  # fmt: skip
def test_a_span_is_written_as_people_type_it(span: dict[str, int], text: str) -> None:
    value = datetime.timedelta(**span)
    assert as_typed({"x": [value]}) == {"x": [text]}
    assert bound(TYPED, wait=text)["wait"] == value
