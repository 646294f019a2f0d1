"""Scalars and arrays of numpy and pandas, and members of enumerations, become Python's own values."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.execution.parameters.declaring import bound
from workbench.errors import UsageError
from workbench.execution.parameters.literals import assignments

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
