"""What a notebook declares is what it gets: typed, checked before it runs, and written back exactly."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pytest

from tests.execution.parameters.declaring import bound, declared
from workbench.errors import UsageError
from workbench.execution.parameters.declarations import (
    convert_all,
    read_parameters,
    require_all,
    secrets_of,
)
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


def test_a_cell_is_read_as_syntax_and_never_run() -> None:
    found = declared(CELL)
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
    values = convert_all(declared(CELL), {"where": "b.csv"}, "stage try", Path("/maps"))
    assert values["where"] == Path("/maps/b.csv")
    assert bound(CELL, **{"token": "file:key"})["token"] == Secret(f"file:{tmp_path / 'key'}")
    values = convert_all(declared(CELL), {"token": "file:key"}, "stage try", Path("/maps"))
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
    assert f"parameter {name!r} of stage try must be {declared(CELL)[name].annotation}" in str(caught.value)


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
        require_all(declared(CELL), {}, "stage try")
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    with pytest.raises(UsageError, match="env:SHOP_TOKEN isn't set"):
        require_all(declared(CELL), {"where": Path("/x")}, "stage try")


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


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(UsageError) as caught:
        bound(CELL, limit="x" * 1_000_000)
    assert len(str(caught.value)) < 300


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
